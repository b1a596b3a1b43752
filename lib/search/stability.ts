import type { Group } from './groups.js';

/** What decides whether an eigenvalue has risen; epochs are counted from 0. */
export type RiseSettings = Pick<Group<'stability'>, 'window' | 'lag' | 'ratio' | 'startEpoch'>;

/** Epochs after one before its average is known: half the window. */
function half({ window }: Pick<RiseSettings, 'window'>): number {
  return Math.floor(window / 2);
}

/** How many epochs before the present one the search goes back, if it does. */
export function backBy({ window, lag }: Pick<RiseSettings, 'window' | 'lag'>): number {
  return half({ window }) + lag;
}

/** Eigenvalues of epochs from 0 on; undefined in those that have none. */
type ByEpoch = readonly (number | undefined)[];

/** The mean of the values over the window around epoch i, or what of it there is; NaN where there is nothing. */
function averageAround(values: ByEpoch, i: number, window: number): number {
  const around = values
    .slice(Math.max(0, i - half({ window })), i + half({ window }) + 1)
    .filter((value) => value !== undefined);
  return around.reduce((sum, value) => sum + value, 0) / around.length;
}

/**
 * The epoch to go back to because the dominant eigenvalue has risen since (Zela et al. 2020, Section 4.3), or undefined if
 * it has not. With λ̄(i) the mean over the window around epoch i, the latest i for which it is known, that is epoch i − lag
 * if λ̄(i − lag) < ratio·λ̄(i). A λ̄(i) that is not positive has not risen.
 *
 * @param values  The eigenvalue of every epoch so far; of an epoch without one the windows take what else they have.
 */
export function risenSince(values: ByEpoch, settings: RiseSettings): number | undefined {
  const { window, lag, ratio, startEpoch } = settings;
  const now = values.length - 1 - half(settings);
  const before = now - lag;
  if (before < startEpoch) return undefined;
  const later = averageAround(values, now, window);
  return later > 0 && averageAround(values, before, window) < ratio * later ? before : undefined;
}

/** What early stopping does to a search, or would have done; epochs are counted from 0. */
export interface Stopping {
  /** The epoch at whose end it is seen that the eigenvalue has risen. */
  readonly epoch: number;
  /** The one whose alphas are taken. */
  readonly backTo: number;
}

/**
 * Where early stopping would have stopped a search that went on to its end; undefined where it would not have. As in a search
 * that stops, what is seen in the last epoch comes too late.
 *
 * @param values  The eigenvalue of every epoch of the search.
 */
export function wouldStop(values: ByEpoch, settings: RiseSettings): Stopping | undefined {
  for (let epoch = 0; epoch + 1 < values.length; epoch++) {
    const backTo = risenSince(values.slice(0, epoch + 1), settings);
    if (backTo !== undefined) return { epoch, backTo };
  }
  return undefined;
}

/** Whether the eigenvalue of an epoch, counted from 0, is looked for in a search of so many. */
export function isLookedFor(epoch: number, epochs: number, { every = 1 }: Pick<Group<'stability'>, 'every'>) {
  return epoch % every === 0 || epoch + 1 === epochs;
}

/** The weights' decay after it is raised once: `factor` times the present one, at most `maxWeightDecay`. */
export function raisedDecay(
  weightDecay: number,
  { factor, maxWeightDecay }: Pick<Group<'stability'>, 'factor' | 'maxWeightDecay'>,
): number {
  const raised = weightDecay * factor;
  // 3e-4·10·10 is 0.029999999999999995: what is below the highest by rounding is the highest.
  return raised >= maxWeightDecay * (1 - 1e-12) ? maxWeightDecay : raised;
}
