import type { Tensor, Tensor1D, Tensor4D } from '@tensorflow/tfjs-node';
import * as engine from '../engine/index.js';
import { ZartsError } from '../errors.js';

/**
 * The building blocks of DARTS networks as pure functions. A layer lists the parameters it needs and computes from them;
 * it holds none. Names, shapes and order are those of the PyTorch modules (DARTS `operations.py`), so that a flat weight
 * vector means the same here and there. Activations are NHWC.
 */

const { tf } = engine;

type Stride = 1 | 2;

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
  /** Default scale and offset: 1 and 0. */
  normalize(name: string, x: Tensor4D, scale?: Tensor1D, offset?: Tensor1D): Tensor4D;
  /** The same without scale and offset, with sums exact enough for what the whole network's gradient passes through. */
  normalizeExactly(name: string, x: Tensor4D): Tensor4D;
  noise(name: string, shape: readonly number[]): Tensor4D;
}

/** `scope` as the layer called `prefix` in it sees it. */
export function within(scope: Scope, prefix: string): Scope {
  return {
    weight: (name) => scope.weight(`${prefix}.${name}`),
    normalize: (name, x, scale, offset) => scope.normalize(`${prefix}.${name}`, x, scale, offset),
    normalizeExactly: (name, x) => scope.normalizeExactly(`${prefix}.${name}`, x),
    noise: (name, shape) => scope.noise(name === '' ? prefix : `${prefix}.${name}`, shape),
  };
}

/** The operations of a network that switch between linear pieces; all others are smooth. */
export type Switches = Pick<typeof engine, 'relu' | 'maxPool3x3' | 'maxPool2x2'>;

/**
 * A feature map and what several operations need of it. Every edge that leaves a node begins with the same ReLU, and
 * many with the same pooling or subsampling; each is computed once.
 */
export class FeatureMap {
  private readonly derived = new Map<string, unknown>();

  /**
   * @param x         [batch, height, width, channels].
   * @param switches  How its ReLUs and max pools are computed.
   */
  constructor(
    readonly x: Tensor4D,
    readonly switches: Switches = engine,
  ) {}

  /** Whether height and width can both be halved. */
  get even(): boolean {
    return this.x.shape[1] % 2 === 0 && this.x.shape[2] % 2 === 0;
  }

  get rectified(): FeatureMap {
    return this.once('rectified', () => new FeatureMap(this.switches.relu(this.x), this.switches));
  }

  /** 3×3 pooling with padding 1. */
  pooled(kind: 'max' | 'avg', stride: Stride): Tensor4D {
    return this.once(`${kind} ${stride}`, () =>
      kind === 'max' ? this.switches.maxPool3x3(this.x, stride) : engine.avgPool3x3(this.x, stride),
    );
  }

  /** Every second pixel in both directions, from pixel `offset` on. */
  everySecond(offset: 0 | 1): Tensor4D {
    if (!this.even) return engine.everySecondPixel(this.x, offset);
    return this.once('quarters', () => engine.pixelQuarters(this.x))[3 * offset];
  }

  /** The image as four interleaved ones, [4·batch, height/2, width/2, channels]; for even sides only. */
  get interleaved(): Tensor4D {
    return this.once('interleaved', () => engine.interleave(this.x));
  }

  /** The first `count` channels, and the others. */
  cut(count: number): readonly [FeatureMap, FeatureMap] {
    return this.once(`cut ${count}`, () => {
      const [first, others]: Tensor4D[] = tf.split(this.x, [count, this.x.shape[3] - count], 3);
      return [new FeatureMap(first, this.switches), new FeatureMap(others, this.switches)];
    });
  }

  /**
   * 2×2 max pooling of stride 2.
   *
   * @throws {ZartsError} for an odd height or width.
   */
  get halved(): Tensor4D {
    const [, height, width] = this.x.shape;
    if (!this.even) {
      throw new ZartsError(
        `Channels that bypass a reduction need an even height and width, got ${height}×${width}.`,
      );
    }
    return this.once('halved', () => this.switches.maxPool2x2(this.x));
  }

  private once<T>(what: string, compute: () => T): T {
    if (!this.derived.has(what)) this.derived.set(what, compute());
    return this.derived.get(what) as T;
  }
}

/** The factor of an operation in a mixed op: its softmax weight, as a scalar and repeated for every channel. */
export interface OpWeight {
  readonly scalar: Tensor;
  /** [channels]. */
  readonly perChannel: Tensor1D;
}

/**
 * An operation's output. Dilated convolutions compute on interleaved images (see {@link FeatureMap.interleaved}); a node
 * adds all of those before it puts the pixels back in their places.
 */
export interface Term {
  readonly x: Tensor4D;
  readonly interleaved: boolean;
}

/** The sum of images; a lone image itself. */
export function sumImages(images: Tensor4D[]): Tensor4D {
  return images.length === 1 ? images[0] : tf.addN(images);
}

/** The sum of operations' outputs as one image; a lone image itself. */
export function sumTerms(terms: readonly Term[]): Tensor4D {
  const images = terms.filter(({ interleaved }) => !interleaved).map(({ x }) => x);
  const interleaved = terms.filter((term) => term.interleaved).map(({ x }) => x);
  return sumImages(
    interleaved.length === 0 ? images : [...images, engine.deinterleave(sumImages(interleaved))],
  );
}

/** What drop path does to one path: [batch] ones and zeros, and the probability that made the zeros. */
export interface Dropping {
  readonly kept: Tensor1D;
  readonly probability: Tensor;
}

/** The sum of operations' outputs with the same samples dropped from all (see {@link engine.dropPath}), as terms. */
export function dropTerms(terms: readonly Term[], { kept, probability }: Dropping): Term[] {
  return [false, true].flatMap((interleaved): Term[] => {
    const images = terms.filter((term) => term.interleaved === interleaved).map(({ x }) => x);
    if (images.length === 0) return [];
    // The four quarters of an image are that many batches apart.
    const rows: Tensor1D = interleaved ? tf.tile(kept, [4]) : kept;
    return [{ x: engine.dropPath(sumImages(images), rows, probability), interleaved }];
  });
}

/** A layer: its parameters, and its output for an input. */
export interface Layer {
  readonly parameters: readonly Parameter[];
  /** Names and widths of its batch norms, which have running statistics. */
  readonly normalizations: readonly { readonly name: string; readonly channels: number }[];
  /**
   * @param weight  A factor for the output. A mixed op passes its softmax weight here: the last batch norm multiplies by
   *                it at no cost, and gives its gradient. Default: 1.
   */
  apply(input: FeatureMap, scope: Scope, weight?: OpWeight): Term;
}

/** A layer's output as an image. */
export function output(layer: Layer, input: FeatureMap, scope: Scope): Tensor4D {
  return sumTerms([layer.apply(input, scope)]);
}

/** The same layer under a name, as an attribute of a PyTorch module. */
export function named(prefix: string, layer: Layer): Layer {
  return {
    parameters: layer.parameters.map((parameter) => ({ ...parameter, name: `${prefix}.${parameter.name}` })),
    normalizations: layer.normalizations.map(({ name, channels }) => ({
      name: `${prefix}.${name}`,
      channels,
    })),
    apply: (input, scope, weight) => layer.apply(input, within(scope, prefix), weight),
  };
}

/** A dense convolution's kernel. */
export function kernel(
  name: string,
  height: number,
  width: number,
  inputs: number,
  outputs: number,
): Parameter {
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
export function affineParameters(name: string, channels: number, affine: boolean): Parameter[] {
  if (!affine) return [];
  return [
    { name: `${name}.weight`, shape: [channels], init: { kind: 'ones' } },
    { name: `${name}.bias`, shape: [channels], init: { kind: 'zeros' } },
  ];
}

function normalize(x: Tensor4D, scope: Scope, name: string, affine: boolean, weight?: OpWeight): Tensor4D {
  if (!affine) return weight ? scope.normalize(name, x, weight.perChannel) : scope.normalize(name, x);
  const gamma = scope.weight(`${name}.weight`) as Tensor1D;
  const beta = scope.weight(`${name}.bias`) as Tensor1D;
  if (!weight) return scope.normalize(name, x, gamma, beta);
  const [scale, offset]: Tensor1D[] = [tf.mul(gamma, weight.perChannel), tf.mul(beta, weight.perChannel)];
  return scope.normalize(name, x, scale, offset);
}

/** As {@link normalize}; exactly where it stands alone in the network's path, as a cell's preprocessing does. */
function normalizePath(
  x: Tensor4D,
  scope: Scope,
  name: string,
  affine: boolean,
  weight?: OpWeight,
): Tensor4D {
  return affine || weight ? normalize(x, scope, name, affine, weight) : scope.normalizeExactly(name, x);
}

function image(x: Tensor4D): Term {
  return { x, interleaved: false };
}

/** The image times the weight, for operations that do not end in a batch norm of their own. */
function weighted(x: Tensor4D, weight?: OpWeight): Term {
  return image(weight ? engine.scaleBy(x, weight.scalar) : x);
}

/** 3×3 convolution with padding 1, then batch norm with scale and offset: the supernet's stem. No ReLU. */
export function stem(inputs: number, outputs: number): Layer {
  return {
    parameters: [kernel('0', 3, 3, inputs, outputs), ...affineParameters('1', outputs, true)],
    normalizations: [{ name: '1', channels: outputs }],
    apply: ({ x }, scope, weight) => {
      const convolved = engine.conv2d(x, scope.weight('0.weight') as Tensor4D, [1, 1], [1, 1]);
      const [gamma, beta] = ['1.weight', '1.bias'].map((name) => scope.weight(name) as Tensor1D);
      return weighted(engine.scaleAndShift(scope.normalizeExactly('1', convolved), gamma, beta), weight);
    },
  };
}

/** ReLU, 1×1 convolution, batch norm (DARTS `ReLUConvBN`). */
export function reluConvBn(inputs: number, outputs: number, affine: boolean): Layer {
  return {
    parameters: [kernel('op.1', 1, 1, inputs, outputs), ...affineParameters('op.2', outputs, affine)],
    normalizations: [{ name: 'op.2', channels: outputs }],
    apply: (input, scope, weight) => {
      const mapped = engine.pointwise(input.rectified.x, scope.weight('op.1.weight') as Tensor4D);
      return image(normalizePath(mapped, scope, 'op.2', affine, weight));
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
    apply: (input, scope, weight) => {
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
      return image(normalizePath(tf.concat(halves, 3), scope, 'bn', affine, weight));
    },
  };
}

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
    apply: (input, scope, weight) => {
      const filter = (name: string) => scope.weight(`op.${name}.weight`) as Tensor4D;
      const first = engine.pointwise(
        engine.depthwise(input.rectified.x, filter('1'), stride, padding, 1),
        filter('2'),
      );
      const middle = input.switches.relu(normalize(first, scope, 'op.3', affine));
      const second = engine.pointwise(engine.depthwise(middle, filter('5'), 1, padding, 1), filter('6'));
      return image(normalize(second, scope, 'op.7', affine, weight));
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
    apply: (input, scope, weight) => {
      const { rectified } = input;
      const filter = scope.weight('op.1.weight') as Tensor4D;
      const padding = (size - 1) / 2;
      // Every second pixel of an image, convolved without dilation: all four quarters at stride 1, the first at stride 2.
      const interleaved = stride === 1 && rectified.even;
      const convolved =
        stride === 2
          ? engine.depthwise(rectified.everySecond(0), filter, 1, padding, 1)
          : interleaved
            ? engine.depthwise(rectified.interleaved, filter, 1, padding, 1)
            : engine.depthwise(rectified.x, filter, 1, 2 * padding, 2);
      const mapped = engine.pointwise(convolved, scope.weight('op.2.weight') as Tensor4D);
      return { x: normalize(mapped, scope, 'op.3', affine, weight), interleaved };
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
    apply: (input, scope, weight) => {
      const wide = engine.conv2d(
        input.rectified.x,
        scope.weight('1.weight') as Tensor4D,
        [1, stride],
        [0, 3],
      );
      const high = engine.conv2d(wide, scope.weight('2.weight') as Tensor4D, [stride, 1], [3, 0]);
      return image(normalize(high, scope, '3', affine, weight));
    },
  };
}

/**
 * 3×3 pooling followed by an affine-free batch norm, as in the supernet; the evaluation network has no batch norm here.
 * Without parameters it is the same on every edge that leaves a node, but for the weight, which therefore comes last.
 */
export function pool(kind: 'max' | 'avg', channels: number, stride: Stride, normalized: boolean): Layer {
  return {
    parameters: [],
    normalizations: normalized ? [{ name: '1', channels }] : [],
    apply: (input, scope, weight) => {
      const pooled = input.pooled(kind, stride);
      return weighted(normalized ? normalize(pooled, scope, '1', false) : pooled, weight);
    },
  };
}

/** The input itself. */
export const identity: Layer = {
  parameters: [],
  normalizations: [],
  apply: ({ x }, _scope, weight) => weighted(x, weight),
};

/** N(0, 1) draws of the input's (subsampled) shape, whatever the input (R-DARTS `NoiseOp`); also in evaluation. */
export function noise(stride: Stride): Layer {
  return {
    parameters: [],
    normalizations: [],
    apply: ({ x }, scope, weight) => {
      const [batch, height, width, channels] = x.shape;
      const shape = [batch, Math.ceil(height / stride), Math.ceil(width / stride), channels];
      return weighted(scope.noise('', shape), weight);
    },
  };
}

/** Zeros of the input's (subsampled) shape. In a mixed op it is left out of the sum instead. */
export function zero(stride: Stride): Layer {
  return {
    parameters: [],
    normalizations: [],
    apply: (input) => image(tf.mul(stride === 1 ? input.x : input.everySecond(0), 0)),
  };
}
