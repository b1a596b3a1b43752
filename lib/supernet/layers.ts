import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs-node';
import * as engine from '../engine/index.js';
import { ZartsError } from '../errors.js';
import type { Primitive } from '../spaces/primitives.js';

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
  /** The same with sums exact enough for what the whole network's gradient passes through. Both scale and offset, or neither. */
  normalizeExactly(name: string, x: Tensor4D, scale?: Tensor1D, offset?: Tensor1D): Tensor4D;
  /** @param kept  Whether the draws may be kept for who draws them again. */
  noise(name: string, shape: readonly number[], kept?: boolean): Tensor4D;
  /** Told the statistics that a fused kernel normalized with; absent where nobody asks. */
  readonly collected?: ((name: string, statistics: engine.BatchStatistics) => void) | undefined;
}

/** `scope` as the layer called `prefix` in it sees it. */
export function within(scope: Scope, prefix: string): Scope {
  return {
    weight: (name) => scope.weight(`${prefix}.${name}`),
    normalize: (name, x, scale, offset) => scope.normalize(`${prefix}.${name}`, x, scale, offset),
    normalizeExactly: (name, ...rest) => scope.normalizeExactly(`${prefix}.${name}`, ...rest),
    noise: (name, ...rest) => scope.noise(name === '' ? prefix : `${prefix}.${name}`, ...rest),
    collected:
      scope.collected &&
      ((name, statistics) => {
        scope.collected!(`${prefix}.${name}`, statistics);
      }),
  };
}

/** The operations of a network that switch between linear pieces; all others are smooth. */
type Switches = Pick<typeof engine, 'relu' | 'maxPool3x3' | 'maxPool2x2'>;

/**
 * What a pass does with an activation pattern: which ReLUs let their input through, and where max pools find their maxima. It
 * collects its own, as the inputs of every ReLU and max pool in the order in which they are computed, or keeps that of
 * another pass of the same network. As long as it stays the same the loss is a smooth function of weights and alphas: across
 * a switch the gradient jumps, and differences would measure the jumps instead of the curvature between them.
 */
export type PatternUse =
  | { readonly kind: 'collect'; readonly into: Tensor4D[] }
  | { readonly kind: 'keep'; readonly from: readonly Tensor4D[] };

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

/** The sum of operations' outputs with the same samples dropped from all (see {@link engine.dropPath}), as terms. */
export function dropTerms(terms: readonly Term[], factors: Tensor1D): Term[] {
  return [false, true].flatMap((interleaved): Term[] => {
    const images = terms.filter((term) => term.interleaved === interleaved).map(({ x }) => x);
    if (images.length === 0) return [];
    // The four quarters of an image are that many batches apart.
    const rows: Tensor1D = interleaved ? tf.tile(factors, [4]) : factors;
    return [{ x: engine.dropPath(sumImages(images), rows), interleaved }];
  });
}

/** What a part of a network has to be kept for: its parameters, and its batch norms, which have running statistics. */
export interface Contents {
  readonly parameters: readonly Parameter[];
  readonly normalizations: readonly { readonly name: string; readonly channels: number }[];
}

/** The contents of several parts, in their order. */
export function contentsOf(parts: readonly Contents[]): Contents {
  return {
    parameters: parts.flatMap(({ parameters }) => parameters),
    normalizations: parts.flatMap(({ normalizations }) => normalizations),
  };
}

/** A linear layer's parameters. */
export function linearParameters(name: string, inputs: number, outputs: number): Parameter[] {
  const init = { kind: 'uniform', fanIn: inputs } as const;
  return [
    { name: `${name}.weight`, shape: [inputs, outputs], init },
    { name: `${name}.bias`, shape: [outputs], init },
  ];
}

/** A linear layer. @param x  [batch, inputs]. */
export function linear(name: string, x: Tensor2D, { weight }: Pick<Scope, 'weight'>): Tensor2D {
  return tf.add(tf.matMul(x, weight(`${name}.weight`)), weight(`${name}.bias`));
}

/** A layer: what it has, and its output for an input. */
export interface Layer extends Contents {
  /**
   * @param weight  A factor for the output. A mixed op passes its softmax weight here: the last batch norm multiplies by
   *                it at no cost, and gives its gradient. Default: 1.
   */
  apply(input: FeatureMap, scope: Scope, weight?: OpWeight): Term;
  /**
   * The layer as one that the fused kernels compute; absent where they do not.
   *
   * @param shape  Of the input: [batch, height, width, channels].
   */
  readonly fused?: (scope: Scope, shape: Shape) => engine.FusedOperation;
}

type Shape = readonly [batch: number, height: number, width: number, channels: number];

/** A layer's output as an image. */
export function output(layer: Layer, input: FeatureMap, scope: Scope): Tensor4D {
  return sumTerms([layer.apply(input, scope)]);
}

/** The same layer under a name, as an attribute of a PyTorch module. */
export function named(prefix: string, layer: Layer): Layer {
  const below = <T extends { readonly name: string }>(each: T): T => ({
    ...each,
    name: `${prefix}.${each.name}`,
  });
  return {
    parameters: layer.parameters.map(below),
    normalizations: layer.normalizations.map(below),
    apply: (input, scope, weight) => layer.apply(input, within(scope, prefix), weight),
    ...(layer.fused && { fused: (scope, shape) => layer.fused!(within(scope, prefix), shape) }),
  };
}

/** One step of a layer: what it has, and an image from an image. */
interface Step extends Contents {
  /** @param input  What the whole layer began with. @param weight  For the last batch norm of a layer to multiply by. */
  apply(x: Tensor4D, scope: Scope, input: FeatureMap, weight?: OpWeight): Tensor4D;
}

/** A layer of steps that follow each other (PyTorch `Sequential`). */
export function sequence(...steps: readonly Step[]): Layer {
  const last = steps[steps.length - 1] as Step | undefined;
  // What does not end in a batch norm is multiplied by the weight as an image.
  const weighs = last !== undefined && last.normalizations.length > 0;
  return {
    ...contentsOf(steps),
    apply(input, scope, weight) {
      const x = steps.reduce(
        (at, step) => step.apply(at, scope, input, step === last && weighs ? weight : undefined),
        input.x,
      );
      return { x: weighs || !weight ? x : engine.scaleBy(x, weight.scalar), interleaved: false };
    },
  };
}

/** A step without parameters. */
export function plain(apply: Step['apply']): Step {
  return { parameters: [], normalizations: [], apply };
}

/** ReLU; where a layer begins with it, the one that all edges from this input share. */
export const relu = plain((x, _scope, input) => (x === input.x ? input.rectified.x : input.switches.relu(x)));

type KernelShape = readonly [height: number, width: number, inputs: number, outputs: number];

/** A convolution's kernel. @param seen  Input channels that an output channel sees. */
export function kernel(name: string, shape: KernelShape, seen = shape[2]): Parameter {
  const fanIn = shape[0] * shape[1] * seen;
  return { name: `${name}.weight`, shape, init: { kind: 'uniform', fanIn } };
}

/** A convolution with one kernel: what it computes with it. */
export function convolution(
  { name, shape, init }: Parameter,
  compute: (x: Tensor4D, filter: Tensor4D) => Tensor4D,
): Step {
  return {
    parameters: [{ name, shape, init }],
    normalizations: [],
    apply: (x, scope) => compute(x, scope.weight(name) as Tensor4D),
  };
}

/** A dense convolution of any size, padded so that stride 1 keeps the size. */
function dense(
  name: string,
  [height, width]: readonly [number, number],
  [inputs, outputs]: readonly [number, number],
  [down, right]: readonly [number, number],
): Step {
  const padding: [number, number] = [(height - 1) / 2, (width - 1) / 2];
  return convolution(kernel(name, [height, width, inputs, outputs]), (x, filter) =>
    engine.conv2d(x, filter, [down, right], padding),
  );
}

/** A 1×1 convolution. */
export function pointwise(name: string, inputs: number, outputs = inputs): Step {
  return convolution(kernel(name, [1, 1, inputs, outputs]), engine.pointwise);
}

/** A depthwise convolution, padded so that stride 1 keeps the size. */
function depthwise(name: string, size: number, channels: number, stride: Stride): Step {
  return convolution(kernel(name, [size, size, channels, 1], 1), (x, filter) =>
    engine.depthwise(x, filter, stride, (size - 1) / 2, 1),
  );
}

/** Scale and offset of the batch norm of that name. */
function affineOf(name: string, scope: Scope): [Tensor1D, Tensor1D] {
  return [scope.weight(`${name}.weight`) as Tensor1D, scope.weight(`${name}.bias`) as Tensor1D];
}

/** Batch norm; as the last step of a layer it multiplies by the layer's weight. */
export function batchNorm(name: string, channels: number, affine: boolean): Step {
  const scaleAndOffset: Parameter[] = [
    { name: `${name}.weight`, shape: [channels], init: { kind: 'ones' } },
    { name: `${name}.bias`, shape: [channels], init: { kind: 'zeros' } },
  ];
  return {
    parameters: affine ? scaleAndOffset : [],
    normalizations: [{ name, channels }],
    apply(x, scope, _input, weight) {
      if (!affine) return weight ? scope.normalize(name, x, weight.perChannel) : scope.normalize(name, x);
      const [scale, offset] = affineOf(name, scope);
      if (!weight) return scope.normalize(name, x, scale, offset);
      const scaled: Tensor1D = tf.mul(scale, weight.perChannel);
      return scope.normalize(name, x, scaled, tf.mul<Tensor1D>(offset, weight.perChannel));
    },
  };
}

/** Batch norm of what may stand alone in the network's path, as a cell's preprocessing does; exact there. */
function pathNorm(name: string, channels: number, affine: boolean): Step {
  const norm = batchNorm(name, channels, affine);
  return {
    ...norm,
    apply: (x, scope, input, weight) =>
      affine || weight ? norm.apply(x, scope, input, weight) : scope.normalizeExactly(name, x),
  };
}

/** Batch norm with scale and offset, then ReLU: the last layer before the classifier of NAS-Bench-201's networks. */
export function lastActivation(channels: number): Layer {
  return sequence(batchNorm('0', channels, true), relu);
}

/** 3×3 convolution, then batch norm with scale and offset: the supernet's stem. No ReLU. */
export function stem(inputs: number, outputs: number): Layer {
  const norm = batchNorm('1', outputs, true);
  const exact: Step['apply'] = (x, scope) => scope.normalizeExactly('1', x, ...affineOf('1', scope));
  return sequence(dense('0', [3, 3], [inputs, outputs], [1, 1]), { ...norm, apply: exact });
}

/** 3×3 convolution of stride 2, then batch norm with scale and offset. @param names  Of the two. */
export function stridedConvBn(
  [convolution, norm]: readonly [string, string],
  inputs: number,
  outputs: number,
): Layer {
  return sequence(dense(convolution, [3, 3], [inputs, outputs], [2, 2]), batchNorm(norm, outputs, true));
}

/** ReLU, 1×1 convolution, batch norm (DARTS `ReLUConvBN`). */
export function reluConvBn(inputs: number, outputs: number, affine: boolean): Layer {
  const layer = sequence(relu, pointwise('op.1', inputs, outputs), pathNorm('op.2', outputs, affine));
  return fusedBlocks(layer, (scope) => [
    {
      pointwise: scope.weight('op.1.weight') as Tensor4D,
      stride: 1,
      dilation: 1,
      ...fusedNorm('op.2', scope, affine),
    },
  ]);
}

/** A layer with its form in blocks. */
function fusedBlocks(layer: Layer, blocks: (scope: Scope, shape: Shape) => engine.FusedBlock[]): Layer {
  return { ...layer, fused: (scope, shape) => ({ kind: 'blocks', blocks: blocks(scope, shape) }) };
}

/** The batch norm of that name as a block's. */
function fusedNorm(
  name: string,
  scope: Scope,
  affine: boolean,
): Pick<engine.FusedBlock, 'affine' | 'onStatistics'> {
  const { collected } = scope;
  return {
    ...(affine && { affine: affineOf(name, scope) }),
    ...(collected && {
      onStatistics: (statistics) => {
        collected(name, statistics);
      },
    }),
  };
}

/** The block of the depthwise convolution, the 1×1 convolution and the batch norm of these names. */
function fusedBlock(
  scope: Scope,
  [depthwise, pointwise, norm]: readonly [string, string, string],
  { stride, dilation, affine }: Pick<engine.FusedBlock, 'stride' | 'dilation'> & { affine: boolean },
): engine.FusedBlock {
  const filter = (name: string) => scope.weight(`${name}.weight`) as Tensor4D;
  const filters = { depthwise: filter(depthwise), pointwise: filter(pointwise) };
  return { ...filters, stride, dilation, ...fusedNorm(norm, scope, affine) };
}

/**
 * ReLU, two 1×1 convolutions of stride 2, the second on the input shifted by one pixel, each giving half the channels,
 * then batch norm (DARTS `FactorizedReduce`).
 *
 * @throws {ZartsError} on applying it to an odd height or width, where the two halves would differ in size.
 */
export function factorizedReduce(inputs: number, outputs: number, affine: boolean): Layer {
  const names = ['conv_1', 'conv_2'];
  const halves: Step = {
    parameters: names.map((name) => kernel(name, [1, 1, inputs, outputs / 2])),
    normalizations: [],
    apply(x, scope, input) {
      checkHalves(x.shape);
      const mapped = ([0, 1] as const).map((offset) =>
        engine.pointwise(
          input.rectified.everySecond(offset),
          scope.weight(`${names[offset]}.weight`) as Tensor4D,
        ),
      );
      return tf.concat(mapped, 3);
    },
  };
  return fusedBlocks(sequence(halves, pathNorm('bn', outputs, affine)), (scope, shape) => {
    checkHalves(shape);
    const pointwise = tf.concat(
      names.map((name) => scope.weight(`${name}.weight`) as Tensor4D),
      3,
    );
    return [{ pointwise, stride: 2, dilation: 1, ...fusedNorm('bn', scope, affine) }];
  });
}

function checkHalves([, height, width]: Shape): void {
  if (height % 2 === 0 && width % 2 === 0) return;
  throw new ZartsError(
    `A skip connection of stride 2 needs an even height and width, got ${height}×${width}.`,
  );
}

/** ReLU, 3×3 convolution, batch norm (NAS-Bench-201 `ReLUConvBN`). */
function reluConv3x3Bn(inputs: number, { channels, stride, affine }: OperationForm): Layer {
  return sequence(
    relu,
    dense('op.1', [3, 3], [inputs, channels], [stride, stride]),
    batchNorm('op.2', channels, affine),
  );
}

/** ReLU, 1×1 convolution, batch norm; before a convolution of stride 2 every second pixel is taken. */
function norConv1x1({ channels, stride, affine }: OperationForm): Layer {
  if (stride === 1) return reluConvBn(channels, channels, affine);
  const subsampled = plain((_x, _scope, input) => input.rectified.everySecond(0));
  return sequence(subsampled, pointwise('op.1', channels), batchNorm('op.2', channels, affine));
}

/**
 * What halves the maps between the stages of NAS-Bench-201 (`ResNetBasicblock`): two times ReLU, 3×3 convolution, batch norm,
 * the first of stride 2, and beside them the mean of 2×2 pixels and a 1×1 convolution; their sum.
 */
export function residualReduction(inputs: number, outputs: number): Layer {
  const form = { channels: outputs, affine: true, poolsNormalized: false } as const;
  const a = named('conv_a', reluConv3x3Bn(inputs, { ...form, stride: 2 }));
  const b = named('conv_b', reluConv3x3Bn(outputs, { ...form, stride: 1 }));
  const halved = plain((x) => tf.avgPool(x, 2, 2, 'valid'));
  const beside = named('downsample', sequence(halved, pointwise('1', inputs, outputs)));
  return {
    ...contentsOf([a, b, beside]),
    apply(input, scope) {
      const [, height, width] = input.x.shape;
      if (!input.even) {
        throw new ZartsError(
          `The block between two stages needs an even height and width, got ${height}×${width}.`,
        );
      }
      return {
        x: sumImages([output(b, mapOf(a, input, scope), scope), output(beside, input, scope)]),
        interleaved: false,
      };
    },
  };
}

/** Twice: ReLU, depthwise and 1×1 convolution, batch norm; the first time with the stride (DARTS `SepConv`). */
function sepConv(size: 3 | 5 | 7, { channels, stride, affine }: OperationForm): Layer {
  const layer = sequence(
    relu,
    depthwise('op.1', size, channels, stride),
    pointwise('op.2', channels),
    batchNorm('op.3', channels, affine),
    relu,
    depthwise('op.5', size, channels, 1),
    pointwise('op.6', channels),
    batchNorm('op.7', channels, affine),
  );
  return fusedBlocks(layer, (scope) => [
    fusedBlock(scope, ['op.1', 'op.2', 'op.3'], { stride, dilation: 1, affine }),
    fusedBlock(scope, ['op.5', 'op.6', 'op.7'], { stride: 1, dilation: 1, affine }),
  ]);
}

/** ReLU, depthwise convolution of dilation 2, 1×1 convolution, batch norm (DARTS `DilConv`). */
function dilConv(size: 3 | 5, { channels, stride, affine }: OperationForm): Layer {
  const [pointwiseStep, norm] = [pointwise('op.2', channels), batchNorm('op.3', channels, affine)];
  const filter = kernel('op.1', [size, size, channels, 1], 1);
  const padding = (size - 1) / 2;
  const layer: Layer = {
    ...contentsOf([{ parameters: [filter], normalizations: [] }, pointwiseStep, norm]),
    apply(input, scope, weight) {
      const { rectified } = input;
      const dilated = scope.weight(filter.name) as Tensor4D;
      // Every second pixel of an image, convolved without dilation: all four quarters at stride 1, the first at stride 2.
      const interleaved = stride === 1 && rectified.even;
      const convolved =
        stride === 2
          ? engine.depthwise(rectified.everySecond(0), dilated, 1, padding, 1)
          : interleaved
            ? engine.depthwise(rectified.interleaved, dilated, 1, padding, 1)
            : engine.depthwise(rectified.x, dilated, 1, 2 * padding, 2);
      const mapped = pointwiseStep.apply(convolved, scope, input);
      return { x: norm.apply(mapped, scope, input, weight), interleaved };
    },
  };
  return fusedBlocks(layer, (scope) => [
    fusedBlock(scope, ['op.1', 'op.2', 'op.3'], { stride, dilation: 2, affine }),
  ]);
}

/** ReLU, a 1×7 and a 7×1 convolution, batch norm; each convolution carries the stride of its direction. */
function conv7x1({ channels, stride, affine }: OperationForm): Layer {
  return sequence(
    relu,
    dense('1', [1, 7], [channels, channels], [1, stride]),
    dense('2', [7, 1], [channels, channels], [stride, 1]),
    batchNorm('3', channels, affine),
  );
}

/**
 * 3×3 pooling followed by an affine-free batch norm, as in the supernet; the evaluation network has no batch norm here.
 * Without parameters it is the same on every edge that leaves a node, but for the weight, which therefore comes last.
 */
function pool(kind: 'max' | 'avg', { channels, stride, poolsNormalized }: OperationForm): Layer {
  const pooled = plain((_x, _scope, input) => input.pooled(kind, stride));
  // A last step that changes nothing: the weight is not the batch norm's to multiply by.
  const last = plain((x) => x);
  return {
    ...(poolsNormalized ? sequence(pooled, batchNorm('1', channels, false), last) : sequence(pooled)),
    fused: () => ({ kind: 'pool', max: kind === 'max', stride, normalized: poolsNormalized }),
  };
}

/** N(0, 1) draws of the input's (subsampled) shape, whatever the input (R-DARTS `NoiseOp`); also in evaluation. */
function noise({ stride }: OperationForm): Layer {
  const draw = ([batch, height, width, channels]: Shape, scope: Scope, kept = false): Tensor4D =>
    scope.noise('', [batch, Math.ceil(height / stride), Math.ceil(width / stride), channels], kept);
  return {
    ...sequence(plain(({ shape }, scope) => draw(shape, scope))),
    fused: (scope, shape) => ({ kind: 'given', x: draw(shape, scope, true) }),
  };
}

/** How an operation is built: in the supernet without affine batch norms and with normalized pools. */
export interface OperationForm {
  readonly channels: number;
  readonly stride: Stride;
  /** Whether batch norms have a trained scale and offset: false while searching, true when retraining. */
  readonly affine: boolean;
  /** Whether pools are followed by batch norm: only in the supernet (DARTS `MixedOp`). */
  readonly poolsNormalized: boolean;
}

/** How each primitive is built (DARTS `OPS`, R-DARTS for `noise`). */
const OPERATIONS: Readonly<Record<Primitive, (form: OperationForm) => Layer>> = {
  // Zeros of the input's (subsampled) shape. In a mixed op it is left out of the sum instead.
  none: ({ stride }) =>
    sequence(plain((x, _scope, input) => tf.mul(stride === 1 ? x : input.everySecond(0), 0))),
  noise,
  max_pool_3x3: (form) => pool('max', form),
  avg_pool_3x3: (form) => pool('avg', form),
  skip_connect: ({ stride, channels, affine }) =>
    stride === 1
      ? { ...sequence(), fused: () => ({ kind: 'identity' }) }
      : factorizedReduce(channels, channels, affine),
  sep_conv_3x3: (form) => sepConv(3, form),
  sep_conv_5x5: (form) => sepConv(5, form),
  sep_conv_7x7: (form) => sepConv(7, form),
  dil_conv_3x3: (form) => dilConv(3, form),
  dil_conv_5x5: (form) => dilConv(5, form),
  conv_7x1_1x7: conv7x1,
  nor_conv_1x1: norConv1x1,
  nor_conv_3x3: (form) => reluConv3x3Bn(form.channels, form),
};

/** The operation that a primitive names, in the given form. */
export function operation(primitive: Primitive, form: OperationForm): Layer {
  return OPERATIONS[primitive](form);
}

/** A stem: what it has, and the two maps that the first cell reads. */
export interface Stem extends Contents {
  apply(images: FeatureMap, scope: Scope): [FeatureMap, FeatureMap];
}

/** For images of 32×32 pixels: one 3×3 convolution; the first cell reads its output twice. */
export function smallStem(outputs: number): Stem {
  const layer = named('stem', stem(3, outputs));
  return {
    ...contentsOf([layer]),
    apply(images, scope) {
      const map = mapOf(layer, images, scope);
      return [map, map];
    },
  };
}

/**
 * For large images: three 3×3 convolutions of stride 2; the first cell reads the outputs of the last two.
 *
 * @param widths  Channels after each of the three.
 */
export function largeStem([narrow, middle, wide]: readonly number[]): Stem {
  const [first, second, third] = [
    named('stem0', stridedConvBn(['0', '1'], 3, narrow)),
    named('stem0', stridedConvBn(['3', '4'], narrow, middle)),
    named('stem1', stridedConvBn(['1', '2'], middle, wide)),
  ];
  return {
    ...contentsOf([first, second, third]),
    apply(images, scope) {
      const s0 = mapOf(second, mapOf(first, images, scope).rectified, scope);
      return [s0, mapOf(third, s0.rectified, scope)];
    },
  };
}

/** A layer's output as a feature map with the switches of its input. */
export function mapOf(layer: Layer, input: FeatureMap, scope: Scope): FeatureMap {
  return new FeatureMap(output(layer, input, scope), input.switches);
}

/**
 * A cell by the fused kernels, its two inputs preprocessed by layers of one block.
 *
 * @param nodes, concat, weights, skips  See {@link engine.fusedCell}.
 */
export function fusedMap(
  preprocess: readonly [Layer, Layer],
  [s0, s1]: readonly [FeatureMap, FeatureMap],
  scope: Scope,
  nodes: readonly (readonly engine.FusedTerm[])[],
  concat: readonly number[],
  weights: Tensor1D,
  skips = false,
): FeatureMap {
  const block = (layer: Layer, { x }: FeatureMap): engine.FusedBlock => {
    const operation = layer.fused!(scope, x.shape);
    if (operation.kind !== 'blocks') throw new Error('a preprocessing is no block');
    return operation.blocks[0];
  };
  const blocks = [block(preprocess[0], s0), block(preprocess[1], s1)] as const;
  return new FeatureMap(engine.fusedCell([s0.x, s1.x], blocks, nodes, concat, weights, skips), s0.switches);
}

/** The shape of each state of a cell, from the second input, which is as large as the states that the nodes read. */
export function stateShape({ x }: FeatureMap, width: number, reduces: boolean): (state: number) => Shape {
  const [batch, height, across] = x.shape;
  return (state) => {
    const factor = reduces && state >= 2 ? 2 : 1;
    return [batch, Math.ceil(height / factor), Math.ceil(across / factor), width];
  };
}
