import { scalar, seed, vector } from '../engine/index.js';
import type { HostArray, HostArrays } from '../engine/index.js';
import { ZartsError } from '../errors.js';
import type { Key } from '../math/random.js';
import { axpy, scale } from '../math/vec.js';
import type { Vec } from '../math/vec.js';
import { mixingGroups, mixingWeights } from '../spaces/mixing.js';
import { throughSoftmax } from './perturbation.js';
import type { Shares } from './perturbation.js';
import type { SearchProgram } from './program.js';
import { initialStatistics } from '../supernet/statistics.js';

/** What one pass through the supernet reads besides its weights. */
export interface Pass {
  /** `images` and `labels`. */
  readonly batch: HostArrays;
  /** [d]. */
  readonly alpha: Vec;
  /** Seeds everything random in the network. */
  readonly noise: Key;
  /** Probability with which a path is dropped; 0 if left out. */
  readonly dropPath?: number;
  /** Mixing weights in place of those that alpha stands for, [d]; only where the program is fed them. */
  readonly shares?: Vec;
}

/** The settings of one SGD step. */
export interface SgdStep {
  readonly lr: number;
  readonly momentum: number;
  readonly weightDecay: number;
  /** Bound on the global norm of the weight gradient; null for none. */
  readonly clip: number | null;
}

/** Running statistics of all batch norms. */
export interface Statistics {
  readonly mean: Float32Array;
  readonly variance: Float32Array;
}

/** A validation loss in nats with its gradient with respect to alpha, [d]. */
export interface AlphaGradient {
  readonly loss: number;
  readonly gradient: Vec;
}

/** The step that ω*(α) is unrolled by in the second order. */
export interface UnrolledStep extends Omit<SgdStep, 'clip'> {
  /** Length of the displacement of ω in the finite difference; 0.01 in DARTS. */
  readonly radius: number;
}

/** The second-order gradient and what it was made of; norms of what stays in the session. */
export interface SecondOrder extends AlphaGradient {
  /** ∇_α L_val(ω', α) with ω' held fixed, and ∇²_{α,ω} L_train(ω, α)·v; [d]. */
  readonly direct: Vec;
  readonly implicit: Vec;
  /** ‖v‖ of v = ∇_ω' L_val(ω', α). */
  readonly vNorm: number;
  /** L_train(ω, α). */
  readonly trainLoss: number;
}

/** Leaves ω as it is and the weight gradient, unclipped and without decay, in place of the momentum. */
const GRADIENT_ONLY: SgdStep = { lr: 0, momentum: 0, weightDecay: 0, clip: null };

// TensorFlow optimizes a graph anew for every set of outputs that it is asked for, which takes as long as dozens of small
// steps: passes share a set where what one of them does not need costs nothing.
const TRAINING = ['loss', 'correct'];
const FIRST_ORDER = ['loss', 'alphaGradient'];

/**
 * A supernet's compiled program in the terms of the search: losses, gradients and steps. The weights stay in the session;
 * vectors of length d and single numbers go in and out. Where the program has running statistics of batch norms, steps are
 * taken with those of their batch and move the running ones, and losses and gradients are read with these.
 */
export class SearchSession {
  constructor(private readonly searchProgram: SearchProgram) {}

  private get program(): SearchProgram['program'] {
    return this.searchProgram.program;
  }

  /** The mixing weights that alpha stands for, in their groups: each edge's operations, then the edges into each node. */
  shares(alpha: Vec): Shares {
    const { space, shape } = this.searchProgram.net;
    const edges = shape.partialChannels?.edgeNormalization ?? false;
    return { values: mixingWeights(space, alpha, edges), groups: mixingGroups(space, edges) };
  }

  /** One SGD step on ω. @returns the loss and the number of correctly classified images before it. */
  train(pass: Pass, sgd: SgdStep): { loss: number; correct: number } {
    const { loss, correct } = this.call(pass, sgd, TRAINING);
    return { loss: loss.data[0], correct: correct.data[0] };
  }

  /** One SGD step on ω of which nothing is wanted but the new weights. */
  tune(pass: Pass, sgd: SgdStep): void {
    this.call(pass, sgd, []);
  }

  /** The loss at (ω, α) in nats. */
  loss(pass: Pass): number {
    return this.read(pass, ['loss']).loss.data[0];
  }

  /** ∇_α L at ω as it is, [d]. */
  gradient(pass: Pass): Vec {
    return this.alphaGradient(pass, this.read(pass, ['alphaGradient']));
  }

  /** The gradient with respect to the mixing weights that the program is fed, [d]. */
  sharesGradient(pass: Pass): Vec {
    return Float64Array.from(this.read(pass, FIRST_ORDER).alphaGradient.data);
  }

  /** The first-order gradient: that of the loss at ω as it is. */
  firstOrder(pass: Pass): AlphaGradient {
    const found = this.read(pass, FIRST_ORDER);
    return { loss: found.loss.data[0], gradient: this.alphaGradient(pass, found) };
  }

  /** What the program found as the gradient with respect to its input, with respect to alpha. */
  private alphaGradient({ alpha }: Pass, { alphaGradient }: Record<string, HostArray>): Vec {
    const found = Float64Array.from(alphaGradient.data);
    return this.searchProgram.mixing === 'softmax' ? found : throughSoftmax(this.shares(alpha), found);
  }

  /**
   * DARTS' second-order gradient at (ω, α) (Liu et al. 2019, Section 2.3): the gradient through one unrolled training step
   * ω' = ω − ξ·(momentum·buffer + ∇_ω L_train + decay·ω). Its Hessian–vector product is the central difference of
   * ∇_α L_train at ω ± R·v. Four passes, every weight vector in the session; ω and its momentum are left as they were.
   *
   * @param train  On the training batch of the unrolled step; seeded alike in its three passes, or noise would enter the
   *               finite difference.
   * @param val    On the validation batch, at the same alpha.
   */
  secondOrder(train: Pass, val: Pass, settings: UnrolledStep): SecondOrder {
    const { lr, momentum, weightDecay, radius } = settings;
    this.program.call('save');
    const trainLoss = this.call(train, GRADIENT_ONLY, TRAINING).loss.data[0];
    this.program.call('unroll', scalars({ lr, momentumShare: momentum, weightDecay }));
    const ahead = this.call(val, GRADIENT_ONLY, ['loss', 'alphaGradient', 'gradientNorm']);
    const direct = this.alphaGradient(val, ahead);
    const vNorm = ahead.gradientNorm.data[0];
    const step = radius / vNorm;
    const sides = vNorm === 0 ? [] : [step, -step];
    const [plus, minus] = sides.map((by) => {
      this.program.call('displace', scalars({ by }));
      return this.firstOrder(train).gradient;
    });
    this.program.call('restore');
    const implicit = vNorm === 0 ? direct.map(() => 0) : scale(1 / (2 * step), axpy(-1, minus, plus));
    const gradient = axpy(-lr, implicit, direct);
    return { loss: ahead.loss.data[0], gradient, direct, implicit, vNorm, trainLoss };
  }

  /** Running statistics as they are before the first batch. */
  forgetStatistics(): void {
    this.writeStatistics(initialStatistics(this.searchProgram.net.normalizations));
  }

  /** Moves the running statistics by those of a batch; nothing else. */
  observe(pass: Pass): void {
    this.program.call('observe', this.inputs(pass, GRADIENT_ONLY));
  }

  /** The next candidates start from ω as it is now; {@link restore} goes back to it. */
  save(): void {
    this.program.call('save');
  }

  /** ω as it was saved, with an empty momentum. */
  begin(): void {
    this.program.call('begin');
  }

  /** ω and its momentum as they were saved. */
  restore(): void {
    this.program.call('restore');
  }

  /** A step by momentum and decay alone. */
  coast({ lr, momentum, weightDecay }: SgdStep): void {
    this.program.call('coast', scalars({ lr, momentumShare: momentum, weightDecay }));
  }

  /** ω and its momentum, [P] each. */
  readWeights(): { omega: Float32Array; momentum: Float32Array } {
    const { omega, momentum } = this.program.read(['omega', 'momentum']);
    return { omega: omega.data as Float32Array, momentum: momentum.data as Float32Array };
  }

  writeWeights(omega: Float32Array, momentum: Float32Array): void {
    this.program.write({ omega: vector(omega), momentum: vector(momentum) });
  }

  /** The running statistics, where the program has them. */
  readStatistics(): Statistics | undefined {
    if (this.searchProgram.statistics === 'batch') return undefined;
    const { mean, variance } = this.program.read(['mean', 'variance']);
    return { mean: mean.data as Float32Array, variance: variance.data as Float32Array };
  }

  writeStatistics({ mean, variance }: Statistics): void {
    this.program.write({ mean: vector(mean), variance: vector(variance) });
  }

  /** The loss in nats and the number of correctly classified images. */
  score(pass: Pass): { loss: number; correct: number } {
    const { loss, correct } = this.read(pass, TRAINING);
    return { loss: loss.data[0], correct: correct.data[0] };
  }

  /** @throws {ZartsError} for the gradient of alphas where single architectures are fed: what weighs nothing has none. */
  private read(pass: Pass, outputs: readonly string[]): Record<string, HostArray> {
    if (this.searchProgram.mixing === 'single' && outputs.includes('alphaGradient'))
      throw new ZartsError('A supernet that is fed single architectures has no gradients of alphas.');
    const name = this.searchProgram.statistics === 'running' ? 'evaluate' : 'step';
    return this.program.call(name, this.inputs(pass, GRADIENT_ONLY), { outputs, update: false });
  }

  private call(pass: Pass, sgd: SgdStep, outputs: readonly string[]): Record<string, HostArray> {
    return this.program.call('step', this.inputs(pass, sgd), { outputs });
  }

  private inputs({ batch, alpha, noise, dropPath = 0, shares }: Pass, sgd: SgdStep): HostArrays {
    const { lr, momentum, weightDecay, clip } = sgd;
    const mixed = this.searchProgram.mixing === 'softmax' ? alpha : (shares ?? this.shares(alpha).values);
    return {
      ...batch,
      alphas: vector(Float32Array.from(mixed)),
      noiseSeed: seed(noise),
      ...scalars({ lr, momentumShare: momentum, weightDecay, clip: clip ?? Infinity, dropPath }),
    };
  }
}

function scalars(values: Readonly<Record<string, number>>): HostArrays {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, scalar(value)]));
}
