import type { Tensor, Tensor2D } from '@tensorflow/tfjs-node';
import { tf } from '../engine/index.js';
import { initialWeights, weightLayout } from '../supernet/weights.js';
import { byName, linearParameters } from './network.js';
import type { Classifier } from './network.js';

/**
 * Multinomial logistic regression on the pixels: the baseline that a convolutional network has to beat on the same data,
 * trained through the same pipeline (same batches, augmentation, SGD). Its weights start at 0: the loss is convex, and a
 * random start would only be noise to unlearn.
 *
 * @param pixels  Values of an image: height · width · channels.
 */
export function linearClassifier(pixels: number, classes: number): Classifier {
  const parameters = linearParameters('classifier', pixels, classes);
  const layout = weightLayout(parameters.map((each) => ({ ...each, init: { kind: 'zeros' as const } })));
  return {
    layout,
    normalizations: [],
    init: (key) => initialWeights(layout, key),
    scores(weights, images) {
      const weight = byName(layout, weights);
      const flat: Tensor2D = tf.reshape(images, [images.shape[0], pixels]);
      const logits: Tensor = tf.add(tf.matMul(flat, weight('classifier.weight')), weight('classifier.bias'));
      return { logits: logits as Tensor2D };
    },
  };
}
