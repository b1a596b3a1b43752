import type { Tensor, Tensor1D, Tensor4D } from '@tensorflow/tfjs-node';
import { crossEntropy, moveToOpenScope, tf } from '../engine/index.js';
import type { PassOptions, Supernet } from './supernet.js';

/** Mean cross-entropy of the supernet in nats on a batch, its gradients, and how many images it classifies correctly. */
export interface LossAndGradients {
  /** Scalar. */
  readonly loss: Tensor;
  /** Scalar, int32. */
  readonly correct: Tensor;
  /** ∇_ω, [layout.size]. */
  readonly weights: Tensor1D;
  /** ∇_α, [d]. */
  readonly alphas: Tensor1D;
}

/**
 * The loss at (ω, α) on a batch, with its gradients with respect to both. A caller who fetches only some of the results
 * from a compiled program pays for those only.
 *
 * @param images  [batch, height, width, 3].
 * @param labels  int32 [batch].
 */
export function lossAndGradients(
  net: Supernet,
  weights: Tensor1D,
  alphas: Tensor1D,
  images: Tensor4D,
  labels: Tensor1D,
  options?: PassOptions,
): LossAndGradients {
  let correct: Tensor;
  const loss = (omega: Tensor, alpha: Tensor) => {
    const logits = net.logits(omega as Tensor1D, alpha as Tensor1D, images, options);
    correct = tf.keep(tf.sum(tf.cast(tf.equal(tf.argMax(logits, 1), labels), 'int32')));
    return crossEntropy(logits, labels);
  };
  const { value, grads } = tf.valueAndGrads(loss)([weights, alphas]);
  return {
    loss: value,
    correct: moveToOpenScope(correct!),
    weights: grads[0] as Tensor1D,
    alphas: grads[1] as Tensor1D,
  };
}

/**
 * {@link lossAndGradients} of the smooth function that the loss is around other alphas: with every ReLU and max pool
 * switched as it is there. At those alphas themselves it is the same; differences of it are what automatic differentiation
 * of the gradients would give, up to the step. One forward pass more.
 *
 * @param around  [d]: the alphas whose activation pattern is kept.
 */
export function lossAndGradientsAround(
  net: Supernet,
  weights: Tensor1D,
  alphas: Tensor1D,
  around: Tensor1D,
  images: Tensor4D,
  labels: Tensor1D,
  options?: PassOptions,
): LossAndGradients {
  const pattern: Tensor4D[] = [];
  net.logits(weights, around, images, { ...options, pattern: { kind: 'collect', into: pattern } });
  const keep = { kind: 'keep', from: pattern } as const;
  return lossAndGradients(net, weights, alphas, images, labels, { ...options, pattern: keep });
}

/** Settings of the weight optimizer (paper B.2; decay and clip from the released script); a scalar tensor where it is fed. */
export interface SgdSettings {
  readonly momentum: number | Tensor;
  readonly weightDecay: number | Tensor;
  /** Bound on the global norm of the weight gradient (alphas do not count); null or Infinity for none. */
  readonly clip: number | Tensor | null;
  /** Nesterov's momentum: the step is the gradient plus the new momentum's share. Left out: the momentum alone. */
  readonly nesterov?: boolean;
}

/**
 * One step of SGD as PyTorch takes it: clip, then add the decay, then momentum without dampening, Nesterov's if wanted.
 *
 * @param gradient  [P]; `undefined` for a step without one, which momentum and decay alone make.
 * @param lr        Scalar.
 * @returns         New weights and momentum [P], and the gradient's norm before clipping.
 */
export function sgdStep(
  weights: Tensor1D,
  momentum: Tensor1D,
  gradient: Tensor1D | undefined,
  lr: Tensor,
  settings: SgdSettings,
): { weights: Tensor1D; momentum: Tensor1D; gradientNorm: Tensor } {
  let decayed = tf.mul(weights, settings.weightDecay);
  let gradientNorm: Tensor = tf.scalar(0);
  if (gradient) {
    gradientNorm = tf.sqrt(tf.sum(tf.square(gradient)));
    const clipped =
      settings.clip === null
        ? gradient
        : tf.mul(gradient, tf.minimum(1, tf.div(settings.clip, tf.add(gradientNorm, 1e-6))));
    decayed = tf.add(clipped, decayed);
  }
  const nextMomentum: Tensor1D = tf.add(tf.mul(momentum, settings.momentum), decayed);
  const step = settings.nesterov ? tf.add(decayed, tf.mul(nextMomentum, settings.momentum)) : nextMomentum;
  const nextWeights: Tensor1D = tf.sub(weights, tf.mul(step, lr));
  return { weights: nextWeights, momentum: nextMomentum, gradientNorm };
}
