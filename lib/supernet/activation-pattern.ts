import type { Tensor4D } from '@tensorflow/tfjs-node';
import * as engine from '../engine/index.js';
import type { Switches } from './layers.js';

/**
 * The activation pattern of a pass: which ReLUs let their input through, and where max pools find their maxima. As long as
 * it stays the same the loss is a smooth function of weights and alphas. A pattern is kept to take differences of gradients:
 * across a switch the gradient jumps, and differences would measure the jumps instead of the curvature between them.
 */

/** The inputs of every ReLU and max pool of a pass, in the order in which they are computed. */
export type ActivationPattern = readonly Tensor4D[];

/** What a pass does with a pattern: collects its own, or keeps that of another pass of the same network. */
export type PatternUse =
  | { readonly kind: 'collect'; readonly into: Tensor4D[] }
  | { readonly kind: 'keep'; readonly from: ActivationPattern };

/** The ReLUs and max pools of such a pass. */
export function patternSwitches(use: PatternUse): Switches {
  if (use.kind === 'collect') {
    const noted = (x: Tensor4D): Tensor4D => {
      use.into.push(x);
      return x;
    };
    return {
      relu: (x) => engine.relu(noted(x)),
      maxPool3x3: (x, stride) => engine.maxPool3x3(noted(x), stride),
      maxPool2x2: (x) => engine.maxPool2x2(noted(x)),
    };
  }
  let next = 0;
  const at = (): Tensor4D => use.from[next++];
  return {
    relu: (x) => engine.reluAs(x, at()),
    maxPool3x3: (x, stride) => engine.maxPool3x3As(x, at(), stride),
    maxPool2x2: (x) => engine.maxPool2x2As(x, at()),
  };
}
