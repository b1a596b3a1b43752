import type { Tensor, Tensor1D, Tensor4D } from '@tensorflow/tfjs-node';
import * as engine from '../engine/index.js';
import { ZartsError } from '../errors.js';

/**
 * The building blocks of DARTS networks as pure functions. A layer lists the parameters it needs and computes from them;
 * it holds none. Names, shapes and order are those of the PyTorch modules (DARTS `operations.py`), so that a flat weight
 * vector means the same here and there. Activations are NHWC.
 */

const { tf } = engine;

/** One trainable array. */
export interface Parameter {
  /** PyTorch's name, e.g. `cells.0._ops.3._ops.1.op.1.weight`. */
  readonly name: string;
  /** Dense kernels [height, width, in, out], depthwise [height, width, channels, 1], linear [in, out], others [channels]. */
  readonly shape: readonly number[];
  /** Initial values: uniform on ±1/√fanIn (PyTorch's default for convolutions and linear layers), or all one or zero. */
  readonly init: { readonly kind: 'uniform'; readonly fanIn: number } | { readonly kind: 'ones' | 'zeros' };
}

/** What a layer computes with: its parameters, how batch norm normalizes, and a source of noise, all by name. */
export interface Scope {
  weight(name: string): Tensor;
  normalize(name: string, x: Tensor4D, scale: Tensor1D, offset: Tensor1D): Tensor4D;
  noise(name: string, shape: readonly number[]): Tensor4D;
}

/** `scope` as the layer called `prefix` in it sees it. */
export function within(scope: Scope, prefix: string): Scope {
  return {
    weight: (name) => scope.weight(`${prefix}.${name}`),
    normalize: (name, x, scale, offset) => scope.normalize(`${prefix}.${name}`, x, scale, offset),
    noise: (name, shape) => scope.noise(name === '' ? prefix : `${prefix}.${name}`, shape),
  };
}

/**
 * A feature map and what several operations need of it. Every edge that leaves a node begins with the same ReLU, and
 * many with the same subsampling; each is computed once.
 */
export class FeatureMap {
  private rectifiedOnce: FeatureMap | undefined;
  private readonly pixels = new Map<0 | 1, Tensor4D>();

  /** @param x  [batch, height, width, channels]. */
  constructor(readonly x: Tensor4D) {}

  get rectified(): FeatureMap {
    return (this.rectifiedOnce ??= new FeatureMap(engine.relu(this.x)));
  }

  /** Every second pixel in both directions, from pixel `offset` on. */
  everySecond(offset: 0 | 1): Tensor4D {
    const known = this.pixels.get(offset);
    if (known) return known;
    const pixels = engine.everySecondPixel(this.x, offset);
    this.pixels.set(offset, pixels);
    return pixels;
  }
}

/** A layer: its parameters, and its output for an input. */
export interface Layer {
  readonly parameters: readonly Parameter[];
  /** Names and widths of its batch norms, which have running statistics. */
  readonly normalizations: readonly { readonly name: string; readonly channels: number }[];
  /**
   * @param scale  [channels]: a factor for the output, channel by channel. A mixed op passes its softmax weight here:
   *               the last batch norm multiplies by it at no cost. Default: 1.
   */
  apply(input: FeatureMap, scope: Scope, scale?: Tensor1D): Tensor4D;
}

/** The same layer under a name, as an attribute of a PyTorch module. */
export function named(prefix: string, layer: Layer): Layer {
  return {
    parameters: layer.parameters.map((parameter) => ({ ...parameter, name: `${prefix}.${parameter.name}` })),
    normalizations: layer.normalizations.map(({ name, channels }) => ({
      name: `${prefix}.${name}`,
      channels,
    })),
    apply: (input, scope, scale) => layer.apply(input, within(scope, prefix), scale),
  };
}

function kernel(name: string, height: number, width: number, inputs: number, outputs: number): Parameter {
  const fanIn = height * width * inputs;
  return {
    name: `${name}.weight`,
    shape: [height, width, inputs, outputs],
    init: { kind: 'uniform', fanIn },
  };
}

function depthwiseKernel(name: string, size: number, channels: number): Parameter {
  return {
    name: `${name}.weight`,
    shape: [size, size, channels, 1],
    init: { kind: 'uniform', fanIn: size * size },
  };
}

/** Scale and offset of an affine batch norm; none for the affine-free ones of the search cells. */
function affineParameters(name: string, channels: number, affine: boolean): Parameter[] {
  if (!affine) return [];
  return [
    { name: `${name}.weight`, shape: [channels], init: { kind: 'ones' } },
    { name: `${name}.bias`, shape: [channels], init: { kind: 'zeros' } },
  ];
}

function normalize(x: Tensor4D, scope: Scope, name: string, affine: boolean, scale?: Tensor1D): Tensor4D {
  const channels = x.shape[3];
  if (!affine) return scope.normalize(name, x, scale ?? tf.ones([channels]), tf.zeros([channels]));
  const gamma = scope.weight(`${name}.weight`) as Tensor1D;
  const beta = scope.weight(`${name}.bias`) as Tensor1D;
  if (!scale) return scope.normalize(name, x, gamma, beta);
  return scope.normalize(name, x, tf.mul(gamma, scale), tf.mul(beta, scale));
}

function scaled(x: Tensor4D, scale?: Tensor1D): Tensor4D {
  return scale ? tf.mul(x, scale) : x;
}

/** 3×3 convolution with padding 1, then batch norm with scale and offset: the supernet's stem. No ReLU. */
export function stem(inputs: number, outputs: number): Layer {
  return {
    parameters: [kernel('0', 3, 3, inputs, outputs), ...affineParameters('1', outputs, true)],
    normalizations: [{ name: '1', channels: outputs }],
    apply: ({ x }, scope, scale) =>
      normalize(
        engine.conv2d(x, scope.weight('0.weight') as Tensor4D, [1, 1], [1, 1]),
        scope,
        '1',
        true,
        scale,
      ),
  };
}

/** ReLU, 1×1 convolution, batch norm (DARTS `ReLUConvBN`). */
export function reluConvBn(inputs: number, outputs: number, affine: boolean): Layer {
  return {
    parameters: [kernel('op.1', 1, 1, inputs, outputs), ...affineParameters('op.2', outputs, affine)],
    normalizations: [{ name: 'op.2', channels: outputs }],
    apply: (input, scope, scale) => {
      const mapped = engine.pointwise(input.rectified.x, scope.weight('op.1.weight') as Tensor4D);
      return normalize(mapped, scope, 'op.2', affine, scale);
    },
  };
}

/**
 * ReLU, two 1×1 convolutions of stride 2, the second on the input shifted by one pixel, each giving half the channels,
 * then batch norm (DARTS `FactorizedReduce`).
 *
 * @throws {ZartsError} on applying it to an odd height or width, where the two halves would differ in size.
 */
export function factorizedReduce(inputs: number, outputs: number, affine: boolean): Layer {
  const half = outputs / 2;
  return {
    parameters: [
      kernel('conv_1', 1, 1, inputs, half),
      kernel('conv_2', 1, 1, inputs, half),
      ...affineParameters('bn', outputs, affine),
    ],
    normalizations: [{ name: 'bn', channels: outputs }],
    apply: (input, scope, scale) => {
      const [, height, width] = input.x.shape;
      if (height % 2 !== 0 || width % 2 !== 0) {
        throw new ZartsError(
          `A skip connection of stride 2 needs an even height and width, got ${height}×${width}.`,
        );
      }
      const halves = ([0, 1] as const).map((offset) =>
        engine.pointwise(
          input.rectified.everySecond(offset),
          scope.weight(`conv_${offset + 1}.weight`) as Tensor4D,
        ),
      );
      return normalize(tf.concat(halves, 3), scope, 'bn', affine, scale);
    },
  };
}

type Stride = 1 | 2;

/** Twice: ReLU, depthwise and 1×1 convolution, batch norm; the first time with the stride (DARTS `SepConv`). */
export function sepConv(size: 3 | 5 | 7, channels: number, stride: Stride, affine: boolean): Layer {
  const padding = (size - 1) / 2;
  return {
    parameters: [
      depthwiseKernel('op.1', size, channels),
      kernel('op.2', 1, 1, channels, channels),
      ...affineParameters('op.3', channels, affine),
      depthwiseKernel('op.5', size, channels),
      kernel('op.6', 1, 1, channels, channels),
      ...affineParameters('op.7', channels, affine),
    ],
    normalizations: [
      { name: 'op.3', channels },
      { name: 'op.7', channels },
    ],
    apply: (input, scope, scale) => {
      const filter = (name: string) => scope.weight(`op.${name}.weight`) as Tensor4D;
      const first = engine.pointwise(
        engine.depthwise(input.rectified.x, filter('1'), stride, padding, 1),
        filter('2'),
      );
      const middle = engine.relu(normalize(first, scope, 'op.3', affine));
      const second = engine.pointwise(engine.depthwise(middle, filter('5'), 1, padding, 1), filter('6'));
      return normalize(second, scope, 'op.7', affine, scale);
    },
  };
}

/** ReLU, depthwise convolution of dilation 2, 1×1 convolution, batch norm (DARTS `DilConv`). */
export function dilConv(size: 3 | 5, channels: number, stride: Stride, affine: boolean): Layer {
  return {
    parameters: [
      depthwiseKernel('op.1', size, channels),
      kernel('op.2', 1, 1, channels, channels),
      ...affineParameters('op.3', channels, affine),
    ],
    normalizations: [{ name: 'op.3', channels }],
    apply: (input, scope, scale) => {
      const filter = scope.weight('op.1.weight') as Tensor4D;
      const convolved = engine.depthwise(input.rectified.x, filter, stride, size - 1, 2);
      const mapped = engine.pointwise(convolved, scope.weight('op.2.weight') as Tensor4D);
      return normalize(mapped, scope, 'op.3', affine, scale);
    },
  };
}

/** ReLU, a 1×7 and a 7×1 convolution, batch norm; each convolution carries the stride of its direction. */
export function conv7x1(channels: number, stride: Stride, affine: boolean): Layer {
  return {
    parameters: [
      kernel('1', 1, 7, channels, channels),
      kernel('2', 7, 1, channels, channels),
      ...affineParameters('3', channels, affine),
    ],
    normalizations: [{ name: '3', channels }],
    apply: (input, scope, scale) => {
      const wide = engine.conv2d(
        input.rectified.x,
        scope.weight('1.weight') as Tensor4D,
        [1, stride],
        [0, 3],
      );
      const high = engine.conv2d(wide, scope.weight('2.weight') as Tensor4D, [stride, 1], [3, 0]);
      return normalize(high, scope, '3', affine, scale);
    },
  };
}

/** 3×3 pooling followed by an affine-free batch norm, as in the supernet; the evaluation network has no batch norm here. */
export function pool(kind: 'max' | 'avg', channels: number, stride: Stride, normalized: boolean): Layer {
  const poolOf = kind === 'max' ? engine.maxPool3x3 : engine.avgPool3x3;
  return {
    parameters: [],
    normalizations: normalized ? [{ name: '1', channels }] : [],
    apply: ({ x }, scope, scale) => {
      const pooled = poolOf(x, stride);
      return normalized ? normalize(pooled, scope, '1', false, scale) : scaled(pooled, scale);
    },
  };
}

/** The input itself. */
export const identity: Layer = {
  parameters: [],
  normalizations: [],
  apply: ({ x }, _scope, scale) => scaled(x, scale),
};

/** N(0, 1) draws of the input's (subsampled) shape, whatever the input (R-DARTS `NoiseOp`); also in evaluation. */
export function noise(stride: Stride): Layer {
  return {
    parameters: [],
    normalizations: [],
    apply: ({ x }, scope, scale) => {
      const [batch, height, width, channels] = x.shape;
      const shape = [batch, Math.ceil(height / stride), Math.ceil(width / stride), channels];
      return scaled(scope.noise('', shape), scale);
    },
  };
}

/** Zeros of the input's (subsampled) shape. In a mixed op it is left out of the sum instead. */
export function zero(stride: Stride): Layer {
  return {
    parameters: [],
    normalizations: [],
    apply: (input) => tf.mul(stride === 1 ? input.x : input.everySecond(0), 0),
  };
}
