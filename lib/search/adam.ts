import type { Vec } from '../math/vec.js';
import type { DartsProtocol } from './protocol.js';

/** Settings of {@link adamStep}. */
export type AdamSettings = Pick<DartsProtocol, 'lr' | 'beta1' | 'beta2' | 'weightDecay'>;

/** What Adam carries from step to step. */
export interface AdamState {
  /** Running means of the gradient and of its square, [d], not yet corrected for their start at zero. */
  readonly mean: Vec;
  readonly square: Vec;
  /** Steps made. */
  readonly steps: number;
}

/** Keeps a step finite where a gradient has always been zero: PyTorch's default. */
const EPSILON = 1e-8;

/** The state before the first of Adam's steps on d numbers. */
export function adamStart(d: number): AdamState {
  return { mean: new Float64Array(d), square: new Float64Array(d), steps: 0 };
}

/**
 * One step of Adam (Kingma and Ba 2015) as PyTorch takes it: decay added to the gradient, both means corrected for their
 * start at zero.
 *
 * @param alpha     Where the gradient was taken, [d].
 * @param gradient  [d].
 * @returns         The next alpha and state; nothing is changed in place.
 */
export function adamStep(
  state: AdamState,
  alpha: Vec,
  gradient: Vec,
  { lr, beta1, beta2, weightDecay }: AdamSettings,
): { readonly alpha: Vec; readonly state: AdamState } {
  const steps = state.steps + 1;
  const decayed = gradient.map((value, i) => value + weightDecay * alpha[i]);
  const mean = state.mean.map((value, i) => beta1 * value + (1 - beta1) * decayed[i]);
  const square = state.square.map((value, i) => beta2 * value + (1 - beta2) * decayed[i] ** 2);
  const [meanShare, squareShare] = [1 - beta1 ** steps, 1 - beta2 ** steps];
  const next = alpha.map(
    (value, i) => value - (lr * (mean[i] / meanShare)) / (Math.sqrt(square[i] / squareShare) + EPSILON),
  );
  return { alpha: next, state: { mean, square, steps } };
}
