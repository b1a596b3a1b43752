import type { Tensor1D, Tensor4D } from '@tensorflow/tfjs-node';
import * as engine from '../engine/index.js';
import { FeatureMap, affineParameters, kernel, named, output, stem } from './layers.js';
import type { Layer, Scope } from './layers.js';

/** A stem: its parameters, and the two maps that the first cell reads. */
export interface Stem extends Pick<Layer, 'parameters' | 'normalizations'> {
  apply(images: FeatureMap, scope: Scope): [FeatureMap, FeatureMap];
}

/** For images of 32×32 pixels: one 3×3 convolution; the first cell reads its output twice. */
export function smallStem(outputs: number): Stem {
  const layer = named('stem', stem(3, outputs));
  return {
    ...layer,
    apply: (images, scope) => {
      const map = new FeatureMap(output(layer, images, scope), images.switches);
      return [map, map];
    },
  };
}

/**
 * For large images: three 3×3 convolutions of stride 2; the first cell reads the outputs of the last two.
 *
 * @param widths  Channels after each of the three.
 */
export function largeStem(widths: readonly number[]): Stem {
  const [narrow, middle, wide] = widths;
  const layers = [
    named('stem0', stridedConvBn(['0', '1'], 3, narrow)),
    named('stem0', stridedConvBn(['3', '4'], narrow, middle)),
    named('stem1', stridedConvBn(['1', '2'], middle, wide)),
  ];
  return {
    parameters: layers.flatMap(({ parameters }) => parameters),
    normalizations: layers.flatMap(({ normalizations }) => normalizations),
    apply: (images, scope) => {
      const [first, second, third] = layers;
      const then = (layer: Layer, from: FeatureMap) =>
        new FeatureMap(output(layer, from, scope), images.switches);
      const s0 = then(second, then(first, images).rectified);
      return [s0, then(third, s0.rectified)];
    },
  };
}

/** 3×3 convolution of stride 2 with padding 1, then batch norm. @param names  Of the two. */
export function stridedConvBn(
  [convolution, norm]: readonly [string, string],
  inputs: number,
  outputs: number,
): Layer {
  return {
    parameters: [kernel(convolution, 3, 3, inputs, outputs), ...affineParameters(norm, outputs, true)],
    normalizations: [{ name: norm, channels: outputs }],
    apply: ({ x }, scope) => {
      const filter = scope.weight(`${convolution}.weight`) as Tensor4D;
      const convolved = engine.conv2d(x, filter, [2, 2], [1, 1]);
      return { x: affineNorm(convolved, norm, scope), interleaved: false };
    },
  };
}

/** Batch norm with the scale and offset of its name. */
export function affineNorm(x: Tensor4D, name: string, scope: Scope): Tensor4D {
  const [scale, offset] = ['weight', 'bias'].map((part) => scope.weight(`${name}.${part}`) as Tensor1D);
  return scope.normalize(name, x, scale, offset);
}
