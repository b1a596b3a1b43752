import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs-node';
import { crossEntropy, moveToOpenScope, tf } from '../engine/index.js';
import type { Classifier, NetworkPass } from './network.js';

/** How the loss of a batch is made of the scores. */
export interface LossSettings {
  /** Weight of the auxiliary head's loss, for a network that has one. */
  readonly auxiliaryWeight: number;
  /** The share ε of every target that is spread evenly over all classes. */
  readonly labelSmoothing: number;
}

/** Mean loss of a batch in nats, its gradient, and what the scores say. */
export interface TrainingPass {
  /** Scalar: what is minimized, the weighted auxiliary loss included. */
  readonly loss: Tensor;
  /** Scalar, int32: images that the network itself classifies correctly. */
  readonly correct: Tensor;
  /** [batch, classes], the network's own. */
  readonly logits: Tensor2D;
  /** The same of the auxiliary head, where its loss has a weight. */
  readonly auxiliary?: Tensor2D;
  /** [layout.size]. */
  readonly gradient: Tensor1D;
}

/**
 * The training loss at the given weights on a batch, with its gradient.
 *
 * @param weights  [layout.size].
 * @param images   [batch, height, width, 3].
 * @param labels   int32 [batch].
 */
export function trainingPass(
  classifier: Classifier,
  weights: Tensor1D,
  images: Tensor4D,
  labels: Tensor1D,
  { auxiliaryWeight, labelSmoothing }: LossSettings,
  pass: NetworkPass = {},
): TrainingPass {
  let logits: Tensor2D;
  let auxiliary: Tensor2D | undefined;
  const lossOf = (omega: Tensor): Tensor => {
    const scores = classifier.scores(omega as Tensor1D, images, { ...pass, auxiliary: auxiliaryWeight > 0 });
    logits = tf.keep(scores.logits);
    const own = smoothedCrossEntropy(scores.logits, labels, labelSmoothing);
    if (!scores.auxiliary) return own;
    auxiliary = tf.keep(scores.auxiliary);
    const beside = smoothedCrossEntropy(scores.auxiliary, labels, labelSmoothing);
    return tf.add(own, tf.mul(beside, auxiliaryWeight));
  };
  const { value, grad } = tf.valueAndGrad(lossOf)(weights);
  const own = moveToOpenScope(logits!);
  return {
    loss: value,
    correct: tf.sum(tf.cast(tf.equal(tf.argMax(own, 1), labels), 'int32')),
    logits: own,
    ...(auxiliary ? { auxiliary: moveToOpenScope(auxiliary) } : {}),
    gradient: grad as Tensor1D,
  };
}

/**
 * Mean cross-entropy in nats where each target is 1 − ε for the label plus ε spread evenly over all classes, the label's
 * included.
 *
 * @param logits     [batch, classes].
 * @param labels     int32 [batch].
 * @param smoothing  ε in [0, 1); 0 for plain cross-entropy.
 */
export function smoothedCrossEntropy(logits: Tensor2D, labels: Tensor1D, smoothing: number): Tensor {
  const sharp = crossEntropy(logits, labels);
  if (smoothing === 0) return sharp;
  const uniform = tf.mean(tf.sub(tf.logSumExp(logits, 1), tf.mean(logits, 1)));
  return tf.add(tf.mul(sharp, 1 - smoothing), tf.mul(uniform, smoothing));
}
