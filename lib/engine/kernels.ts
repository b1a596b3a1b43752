import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs-node';
import { FLOAT, attr, sliceAttributes } from './graph.js';
import type { Attribute } from './graph.js';
import { nativeKernels } from './native.js';
import { backend, moveToOpenScope, tf } from './tensorflow.js';

/**
 * The TensorFlow operations that a supernet needs and TensorFlow.js lacks, or wraps in a form without a gradient,
 * with PyTorch's explicit symmetric padding. Each is a differentiable function of tensors; all work eagerly and while
 * a step is being recorded.
 */

const { binding } = backend;
const { bool, float, int, string, type } = attr;

/** Where the channels are. */
const NHWC = string('data_format', 'NHWC');

function run<T extends Tensor = Tensor>(name: string, attributes: Attribute[], inputs: Tensor[]): T {
  return backend.executeSingleOutput(name, attributes, inputs) as T;
}

/**
 * An operation with a gradient of its own.
 *
 * @param gradient  Of dy and of what was saved.
 * @param saved     What the backward pass needs, by default the inputs: everything else is freed before it begins.
 */
function differentiable<T extends Tensor>(
  inputs: Tensor[],
  operation: () => T,
  gradient: (dy: T, saved: Tensor[]) => Tensor | Tensor[],
  saved: (value: T) => Tensor[] = () => inputs,
): T {
  const op = tf.customGrad((...args: unknown[]) => {
    const save = args.at(-1) as (tensors: Tensor[]) => void;
    const value = operation();
    save(saved(value));
    return { value, gradFunc: (dy: unknown, kept: Tensor[]) => gradient(dy as T, kept) };
  });
  return op(...inputs);
}

/** For operations whose backward pass needs nothing. */
const nothing = (): Tensor[] => [];

const lengths = (t: Tensor): Tensor1D => tf.tensor1d(t.shape, 'int32');

/** Padding by TensorFlow's name, or zeros added [above, below, left, right]. */
type Padding = 'SAME' | 'VALID' | readonly [number, number, number, number];

/** The attributes of a window that moves over an image. */
function moving(stride: readonly [number, number], padding: Padding, ...more: Attribute[]): Attribute[] {
  const padded =
    typeof padding === 'string'
      ? [string('padding', padding)]
      : [string('padding', 'EXPLICIT'), int('explicit_paddings', [0, 0, ...padding, 0, 0])];
  return [FLOAT, NHWC, int('strides', [1, ...stride, 1]), ...padded, ...more];
}

const dilated = (dilation: number): Attribute => int('dilations', [1, dilation, dilation, 1]);

/** A depthwise convolution's attributes; `after` zeros below and on the right where they are not as many as `before`. */
function depthwiseAttributes(stride: number, before: number, dilation = 1, after = before): Attribute[] {
  return moving([stride, stride], [before, after, before, after], dilated(dilation));
}

/** The gradients of a convolution with respect to its image and its filter, by TensorFlow's own kernels. */
function convolutionGradients(op: string, attributes: Attribute[], [x, filter, dy]: Tensor[]): Tensor[] {
  return [
    run(`${op}BackpropInput`, attributes, [lengths(x), filter, dy]),
    run(`${op}BackpropFilter`, attributes, [x, lengths(filter), dy]),
  ];
}

/** max(x, 0), with TensorFlow's own gradient kernel. */
export function relu(x: Tensor4D): Tensor4D {
  return differentiable<Tensor4D>(
    [x],
    () => run('Relu', [FLOAT], [x]),
    (dy, [y]) => run('ReluGrad', [FLOAT], [dy, y]),
    (y) => [y],
  );
}

/** x where `at` is positive, else 0: a ReLU that stays switched as it is at `at`, and so is linear in x. */
export function reluAs(x: Tensor4D, at: Tensor4D): Tensor4D {
  const switched = (values: Tensor, at: Tensor): Tensor4D => run('ReluGrad', [FLOAT], [values, at]);
  return differentiable<Tensor4D>(
    [x],
    () => switched(x, at),
    (dy, [at]) => switched(dy, at),
    () => [at],
  );
}

/**
 * Dense convolution with PyTorch's padding.
 *
 * @param x       [batch, height, width, in].
 * @param filter  [kernelHeight, kernelWidth, in, out].
 * @param padding Rows and columns of zeros added on each side: [vertical, horizontal].
 */
export function conv2d(
  x: Tensor4D,
  filter: Tensor4D,
  stride: readonly [number, number],
  padding: readonly [number, number],
): Tensor4D {
  const [down, across] = padding;
  const attributes = moving(stride, [down, down, across, across], dilated(1), bool('use_cudnn_on_gpu', true));
  return differentiable<Tensor4D>(
    [x, filter],
    () => run('Conv2D', attributes, [x, filter]),
    (dy, saved) => convolutionGradients('Conv2D', attributes, [...saved, dy]),
  );
}

/** A matrix product; the options say which operands are read transposed. */
function matMul(a: Tensor, b: Tensor, transposed: { a?: boolean; b?: boolean } = {}): Tensor {
  const { a: first = false, b: second = false } = transposed;
  return run('MatMul', [FLOAT, bool('transpose_a', first), bool('transpose_b', second)], [a, b]);
}

/** A 1×1 convolution of stride 1 as one matrix product; `filter` is [1, 1, in, out]. */
export function pointwise(x: Tensor4D, filter: Tensor4D): Tensor4D {
  const [batch, height, width, channels] = x.shape;
  const out = filter.shape[3];
  const rows = (t: Tensor) => tf.reshape(t, [batch * height * width, t.shape[3]!]);
  const matrix = (t: Tensor) => tf.reshape(t, [channels, out]);
  return differentiable<Tensor4D>(
    [x, filter],
    () => tf.reshape(matMul(rows(x), matrix(filter)), [batch, height, width, out]),
    (dy, [x, filter]) => [
      tf.reshape(matMul(rows(dy), matrix(filter), { b: true }), x.shape),
      tf.reshape(matMul(rows(x), rows(dy), { a: true }), filter.shape),
    ],
  );
}

/** x · factor for a scalar factor. */
export function scaleBy(x: Tensor4D, factor: Tensor): Tensor4D {
  const product = (a: Tensor, b: Tensor): Tensor4D => run('Mul', [FLOAT], [a, b]);
  return differentiable<Tensor4D>(
    [x, factor],
    () => product(x, factor),
    (dy, [x, factor]) => [product(dy, factor), tf.sum(product(dy, x))],
  );
}

/**
 * Depthwise convolution with PyTorch's padding, dilation 1 or 2, stride 1 or 2.
 *
 * @param x       [batch, height, width, channels].
 * @param filter  [kernel, kernel, channels, 1].
 * @param padding Zeros added on each side.
 */
export function depthwise(
  x: Tensor4D,
  filter: Tensor4D,
  stride: 1 | 2,
  padding: number,
  dilation: 1 | 2,
): Tensor4D {
  if (dilation === 1) return undilatedDepthwise(x, filter, stride, padding);
  if (stride === 2) {
    // Taps lie 2 apart and outputs lie 2 apart, from a first tap at −padding: with an even padding only the even pixels
    // are ever read, so they alone are convolved, without dilation, at half the padding.
    if (padding % 2 !== 0)
      throw new RangeError(`a dilated depthwise convolution of stride 2 needs even padding, got ${padding}`);
    return undilatedDepthwise(everySecondPixel(x, 0), filter, 1, padding / 2);
  }
  return dilatedDepthwise(x, filter, padding);
}

function undilatedDepthwise(x: Tensor4D, filter: Tensor4D, stride: 1 | 2, padding: number): Tensor4D {
  const attributes = depthwiseAttributes(stride, padding);
  // On the CPU the forward kernel is several times faster than both gradient kernels; MEASUREMENTS.md says by how much.
  const halves = x.shape[1] % 2 === 0 && x.shape[2] % 2 === 0;
  const native = backend.isUsingGpuDevice || (stride === 2 && !(halves && canDilate()));
  return differentiable<Tensor4D>(
    [x, filter],
    () => run('DepthwiseConv2dNative', attributes, [x, filter]),
    (dy, saved) => {
      if (native) return convolutionGradients('DepthwiseConv2dNative', attributes, [...saved, dy]);
      const [x, filter] = saved as [Tensor4D, Tensor4D];
      return [
        depthwiseInputGradient(filter, dy, stride, padding),
        depthwiseFilterGradient(x, filter, dy, stride, padding),
      ];
    },
  );
}

let dilates: boolean | undefined;

/** Whether the forward kernel knows dilation: oneDNN's does, TensorFlow's own on the CPU does not. */
function canDilate(): boolean {
  dilates ??= tf.tidy(() => {
    const [image, filter] = [tf.zeros([1, 3, 3, 1]), tf.zeros([2, 2, 1, 1])];
    try {
      run('DepthwiseConv2dNative', depthwiseAttributes(1, 0, 2), [image, filter]);
      return true;
    } catch {
      return false;
    }
  });
  return dilates;
}

/**
 * The input gradient is itself a depthwise convolution of stride 1: of dy, with the filter turned by 180°. At stride 2 the
 * pixels that the forward pass skipped stand as zeros in dy.
 */
function depthwiseInputGradient(filter: Tensor4D, dy: Tensor4D, stride: 1 | 2, padding: number): Tensor4D {
  const turned = tf.reverse(filter, [0, 1]);
  const spread = stride === 1 ? dy : spreadPixels(dy);
  const attributes = depthwiseAttributes(1, filter.shape[0] - 1 - padding);
  return run('DepthwiseConv2dNative', attributes, [spread, turned]);
}

/** No padding and no cropping, of height and width. */
const NONE: [number, number][] = [
  [0, 0],
  [0, 0],
];

/** Blocks of 2×2 pixels. */
const BLOCKS = [FLOAT, int('block_size', 2), NHWC];

/** The image with zeros between its pixels: [batch, 2·height, 2·width, channels], pixel (i, j) at (2i, 2j). */
function spreadPixels(x: Tensor4D): Tensor4D {
  const deep = tf.pad(x, [...NONE, [0, 0], [0, 3 * x.shape[3]]]);
  return run('DepthToSpace', BLOCKS, [deep]);
}

/**
 * The filter gradient, Σ over images and places of x shifted by a tap times dy. TensorFlow's own kernel is fast for 3×3 at
 * stride 1, if the padding has a name. Everything else is a depthwise convolution whose channels are all (image, channel)
 * pairs, whose filter is dy as large as an image, and whose output has one pixel a tap; then the sum over images. The stride
 * of the forward pass is the dilation of that one.
 */
function depthwiseFilterGradient(
  x: Tensor4D,
  filter: Tensor4D,
  dy: Tensor4D,
  stride: 1 | 2,
  padding: number,
): Tensor {
  if (filter.shape[0] === 3 && stride === 1 && padding <= 1) {
    const attributes = moving([1, 1], padding === 1 ? 'SAME' : 'VALID', dilated(1));
    return run('DepthwiseConv2dNativeBackpropFilter', attributes, [x, lengths(filter), dy]);
  }
  const [batch, height, width, channels] = x.shape;
  const [size] = filter.shape;
  const imagesToChannels = (t: Tensor4D) => tf.transpose(t, [1, 2, 0, 3]);
  const image = tf.reshape(imagesToChannels(x), [1, height, width, batch * channels]);
  const kernel = tf.reshape(imagesToChannels(dy), [dy.shape[1], dy.shape[2], batch * channels, 1]);
  // At stride 2 the last row and column of padding are never read: the last tap of the last pixel ends before them.
  const attributes = depthwiseAttributes(1, padding, stride, padding - (stride - 1));
  const taps = run('DepthwiseConv2dNative', attributes, [image, kernel]);
  return tf.reshape(tf.sum(tf.reshape(taps, [size, size, batch, channels]), 2), filter.shape);
}

/**
 * Dilation 2, stride 1: TensorFlow has no gradient kernel for it on the CPU, so the image is cut into its four
 * interleaved sub-images (space to batch), each convolved without dilation, and put together again.
 */
function dilatedDepthwise(x: Tensor4D, filter: Tensor4D, padding: number): Tensor4D {
  const [, height, width] = x.shape;
  const reach = 2 * (filter.shape[0] - 1);
  const outHeight = height + 2 * padding - reach;
  const outWidth = width + 2 * padding - reach;
  // Both padded sides must be even to be cut in two; the extra row or column feeds only outputs that are cropped again.
  const extraHeight = (height + 2 * padding) % 2;
  const extraWidth = (width + 2 * padding) % 2;
  const rows: [number, number] = [padding, padding + extraHeight];
  const columns: [number, number] = [padding, padding + extraWidth];
  const convolved = undilatedDepthwise(interleave(x, [rows, columns]), filter, 1, 0);
  return deinterleave(convolved, [
    [0, 2 * convolved.shape[1] - outHeight],
    [0, 2 * convolved.shape[2] - outWidth],
  ]);
}

/**
 * The four images of every second pixel, from pixels (0, 0), (0, 1), (1, 0) and (1, 1) on.
 *
 * @param x  [batch, height, width, channels] with even height and width.
 * @returns  Four times [batch, height/2, width/2, channels].
 */
export function pixelQuarters(x: Tensor4D): Tensor4D[] {
  const deep = differentiable<Tensor4D>(
    [x],
    () => run('SpaceToDepth', BLOCKS, [x]),
    (dy) => run('DepthToSpace', BLOCKS, [dy]),
    nothing,
  );
  return tf.split(deep, 4, 3);
}

/**
 * Pixels offset, offset + 2, offset + 4, … in both directions: the input of a strided 1×1 convolution.
 *
 * @returns [batch, ⌈(height − offset)/2⌉, ⌈(width − offset)/2⌉, channels].
 */
export function everySecondPixel(x: Tensor4D, offset: 0 | 1): Tensor4D {
  const { shape } = x;
  if (shape[1] % 2 === 0 && shape[2] % 2 === 0) return pixelQuarters(x)[3 * offset];
  const attributes = sliceAttributes(binding.TF_FLOAT);
  const bounds = () =>
    [[0, offset, offset, 0], shape, [1, 2, 2, 1]].map((values) => tf.tensor1d(values, 'int32'));
  return differentiable<Tensor4D>(
    [x],
    () => run('StridedSlice', attributes, [x, ...bounds()]),
    (dy) => run('StridedSliceGrad', attributes, [lengths(x), ...bounds(), dy]),
    nothing,
  );
}

/**
 * The image cut into its four quarters of every second pixel, one after the other in the batch: what a convolution of
 * dilation 2 on the image is without dilation.
 *
 * @param x        [batch, height, width, channels].
 * @param padding  Zeros added first, [above, below] and [left, right]; height and width are even with them.
 * @returns        [4·batch, height/2, width/2, channels].
 */
export function interleave(x: Tensor4D, padding = NONE): Tensor4D {
  return tf.spaceToBatchND(x, [2, 2], padding);
}

/** The inverse of {@link interleave}. */
export function deinterleave(x: Tensor4D, crops = NONE): Tensor4D {
  return tf.batchToSpaceND(x, [2, 2], crops);
}

/** Less than any activation: what a padded pixel holds in max pooling, so that it is never the maximum. */
const LOWEST = -3.4e38;

/** 3×3 max pooling with padding 1 (PyTorch pads with −∞). */
export function maxPool3x3(x: Tensor4D, stride: 1 | 2): Tensor4D {
  const { image, padding } = poolPadding(x, stride, LOWEST);
  return maxPool(image, pooling(3, stride, padding));
}

/** x wherever {@link maxPool3x3} finds the maxima of `at`: linear in x. */
export function maxPool3x3As(x: Tensor4D, at: Tensor4D, stride: 1 | 2): Tensor4D {
  // All of the padding is added here; maxPoolAs says why.
  return maxPoolAs(
    padded(x, [1, 1], [1, 1], 0),
    padded(at, [1, 1], [1, 1], LOWEST),
    pooling(3, stride, 'VALID'),
  );
}

function padded(x: Tensor4D, rows: [number, number], columns: [number, number], value: number): Tensor4D {
  return tf.pad(x, [[0, 0], rows, columns, [0, 0]], value);
}

/** 2×2 max pooling of stride 2, without padding; a last odd row or column is left out. */
export function maxPool2x2(x: Tensor4D): Tensor4D {
  return maxPool(x, pooling(2, 2, 'VALID'));
}

/** x wherever {@link maxPool2x2} finds the maxima of `at`: linear in x. */
export function maxPool2x2As(x: Tensor4D, at: Tensor4D): Tensor4D {
  return maxPoolAs(x, at, pooling(2, 2, 'VALID'));
}

function pooling(size: number, stride: number, padding: 'SAME' | 'VALID'): Attribute[] {
  return moving([stride, stride], padding, int('ksize', [1, size, size, 1]));
}

function maxPool(x: Tensor4D, attributes: Attribute[]): Tensor4D {
  return differentiable<Tensor4D>(
    [x],
    () => run('MaxPool', attributes, [x]),
    (dy, [x, y]) => run('MaxPoolGrad', attributes, [x, y, dy]),
    (y) => [x, y],
  );
}

/**
 * x at the places of the maxima of `at`, by the kernel that differentiates a max pooling's gradient. In a compiled step that
 * kernel may be given x's memory for its result, which it clears before it reads x (TensorFlow 2.21); so the result must be
 * smaller than x.
 */
function maxPoolAs(x: Tensor4D, at: Tensor4D, attributes: Attribute[]): Tensor4D {
  const maxima = run('MaxPool', attributes, [at]);
  return differentiable<Tensor4D>(
    [x],
    () => run('MaxPoolGradGrad', attributes, [at, maxima, x]),
    (dy, saved) => run('MaxPoolGrad', attributes, [...saved, dy]),
    () => [at, maxima],
  );
}

/**
 * Symmetric padding of 1 under a 3×3 window in terms that TensorFlow's fast pooling kernels know. It equals SAME at stride
 * 1 and, at stride 2, on odd sides. On even sides no window reaches the padding below and on the right, and SAME would
 * pad there only: the row above and the column on the left are added to the image instead.
 */
function poolPadding(
  x: Tensor4D,
  stride: 1 | 2,
  value: number,
): { image: Tensor4D; padding: 'SAME' | 'VALID' } {
  const [above, left] = [x.shape[1], x.shape[2]].map((side) => (stride === 2 && side % 2 === 0 ? 1 : 0));
  if (above === 0 && left === 0) return { image: x, padding: 'SAME' };
  // A side without an extra row or column is padded on both ends, as SAME would have done.
  return { image: padded(x, [1, 1 - above], [1, 1 - left], value), padding: 'VALID' };
}

/** 3×3 average pooling with padding 1; padded pixels do not count (PyTorch's count_include_pad=False). */
export function avgPool3x3(x: Tensor4D, stride: 1 | 2): Tensor4D {
  const [, height, width] = x.shape;
  const { image, padding } = poolPadding(x, stride, 0);
  const attributes = pooling(3, stride, padding);
  const averaged = differentiable<Tensor4D>(
    [image],
    () => run('AvgPool', attributes, [image]),
    (dy) => run('AvgPoolGrad', attributes, [lengths(image), dy]),
    nothing,
  );
  if (padding === 'SAME') return averaged;
  return tf.mul(averaged, paddingCorrection(height, width, averaged.shape[1], averaged.shape[2]));
}

/** 9 over the number of real pixels under each window of a stride-2 pooling: [1, outHeight, outWidth, 1]. */
function paddingCorrection(height: number, width: number, outHeight: number, outWidth: number): Tensor4D {
  const inside = (i: number, size: number) =>
    [2 * i - 1, 2 * i, 2 * i + 1].filter((at) => at >= 0 && at < size).length;
  const factors = Float32Array.from(
    { length: outHeight * outWidth },
    (_, i) => 9 / (inside(Math.floor(i / outWidth), height) * inside(i % outWidth, width)),
  );
  return tf.tensor4d(factors, [1, outHeight, outWidth, 1]);
}

/**
 * The channels dealt out anew: channel i of group g becomes channel g of group i (PyTorch's reshape, transpose, reshape).
 *
 * @param groups  Divides the number of channels.
 */
export function shuffleChannels(x: Tensor4D, groups: number): Tensor4D {
  const channels = x.shape[3];
  const grouped = tf.reshape(x, [x.size / channels, groups, channels / groups]);
  return tf.reshape(tf.transpose(grouped, [0, 2, 1]), x.shape);
}

/** The mean over height and width: [batch, height, width, channels] to [batch, channels]. */
export function globalAverage(x: Tensor4D): Tensor2D {
  return tf.mean(x, [1, 2]);
}

/**
 * x · scale + offset, channel by channel, with gradients summed more exactly than batch norm's own kernel sums them: the
 * stem's scale and offset gather the rounding errors of the whole backward pass, in one running sum over every pixel.
 *
 * @param scale   [channels].
 * @param offset  [channels].
 */
export function scaleAndShift(x: Tensor4D, scale: Tensor1D, offset: Tensor1D): Tensor4D {
  return differentiable<Tensor4D>(
    [x, scale, offset],
    () => affine(x, scale, offset),
    (dy, saved) => {
      const [x, scale] = saved as [Tensor4D, Tensor1D];
      const { ofProducts, ofFirst } = exactSums(dy, x);
      return [affine(dy, scale, tf.zeros(scale.shape)), ofProducts, ofFirst];
    },
  );
}

/** x · scale + offset, channel by channel, in one kernel: several times faster on the CPU than a product that broadcasts. */
function affine(x: Tensor4D, scale: Tensor1D, offset: Tensor1D): Tensor4D {
  return fusedBatchNorm(x, scale, offset, plainStatistics(scale.size))[0] as Tensor4D;
}

/** Statistics with which a normalization changes nothing: mean 0 and the variance that ε makes 1. */
function plainStatistics(channels: number): [Tensor1D, Tensor1D] {
  return [tf.zeros([channels]), tf.fill([channels], 1 - BATCH_NORM_EPSILON)];
}

/**
 * The pixels in about √n groups of about √n, as if each group had channels of its own: what a kernel that adds up a channel's
 * pixels one after the other gives for the groups is summed once more, so that its rounding errors stay small.
 */
function inGroups(x: Tensor4D): { grouped: Tensor4D; groups: number; pixels: number } {
  const channels = x.shape[3];
  const all = x.size / channels;
  let groups = Math.round(Math.sqrt(all));
  while (all % groups !== 0) groups--;
  const pixels = all / groups;
  return { grouped: tf.reshape(x, [1, pixels, 1, groups * channels]), groups, pixels };
}

/** Σ x·y and Σ x over all pixels, [channels] each: two sums by one pass of batch norm's gradient kernel. */
function exactSums(x: Tensor4D, y: Tensor4D): { ofProducts: Tensor1D; ofFirst: Tensor1D } {
  const channels = x.shape[3];
  const { grouped, groups } = inGroups(x);
  const total = (t: Tensor): Tensor1D => tf.sum(tf.reshape(t, [groups, channels]), 0);
  if (backend.isUsingGpuDevice) {
    // Sums are trees there, and the gradient kernel wants what the forward kernel left behind.
    const sum = (t: Tensor): Tensor1D => total(tf.sum(t, [0, 1, 2]));
    return { ofProducts: sum(tf.mul(grouped, inGroups(y).grouped)), ofFirst: sum(grouped) };
  }
  const wide = groups * channels;
  const [, products, first] = backend.executeMultipleOutputs(
    'FusedBatchNormGradV3',
    batchNormAttributes(true),
    [grouped, inGroups(y).grouped, tf.ones([wide]), ...plainStatistics(wide), tf.tensor1d([])],
    5,
  );
  return { ofProducts: total(products), ofFirst: total(first) };
}

/** Batch statistics of one normalization, for running averages: [channels] each; the variance is the unbiased one. */
export interface BatchStatistics {
  readonly mean: Tensor1D;
  readonly variance: Tensor1D;
}

/** A normalized batch, and what it was normalized with. */
export interface NormalizedBatch {
  readonly y: Tensor4D;
  readonly statistics: BatchStatistics;
}

const BATCH_NORM_EPSILON = 1e-5;

function batchNormAttributes(training: boolean): Attribute[] {
  const epsilon = float('epsilon', BATCH_NORM_EPSILON);
  return [FLOAT, type('U', binding.TF_FLOAT), epsilon, NHWC, bool('is_training', training)];
}

/**
 * TensorFlow's batch norm: y; with the batch's own statistics also its mean, its unbiased variance, and three results that the
 * gradient takes.
 *
 * @param statistics  Mean and variance to normalize with instead of the batch's own.
 */
function fusedBatchNorm(
  x: Tensor4D,
  scale: Tensor1D,
  offset: Tensor1D,
  statistics?: readonly [Tensor1D, Tensor1D],
): Tensor[] {
  const attributes = [...batchNormAttributes(statistics === undefined), float('exponential_avg_factor', 1)];
  const inputs = [x, scale, offset, ...(statistics ?? [tf.tensor1d([]), tf.tensor1d([])])];
  return backend.executeMultipleOutputs('FusedBatchNormV3', attributes, inputs, 6);
}

/** A normalization that is {@link differentiable}, with the statistics that its forward pass finds. */
export function normalized(
  inputs: Tensor[],
  forward: () => BatchStatistics & { readonly value: Tensor4D; readonly saved: Tensor[] },
  gradient: (dy: Tensor4D, saved: Tensor[]) => Tensor | Tensor[],
): NormalizedBatch {
  let found: ReturnType<typeof forward>;
  const operation = (): Tensor4D => {
    found = forward();
    tf.keep(found.mean);
    tf.keep(found.variance);
    return found.value;
  };
  const y = differentiable<Tensor4D>(inputs, operation, gradient, () => found.saved);
  return {
    y,
    statistics: { mean: moveToOpenScope(found!.mean), variance: moveToOpenScope(found!.variance) },
  };
}

/**
 * Batch normalization with the statistics of the batch itself: scale · (x − mean)/√(variance + 1e-5) + offset.
 *
 * @param scale   [channels].
 * @param offset  [channels].
 */
export function batchNorm(x: Tensor4D, scale: Tensor1D, offset: Tensor1D): NormalizedBatch {
  return normalized(
    [x, scale, offset],
    () => {
      const [value, mean, variance, ...reserved] = fusedBatchNorm(x, scale, offset);
      return {
        value: value as Tensor4D,
        mean: mean as Tensor1D,
        variance: variance as Tensor1D,
        saved: [x, scale, ...reserved],
      };
    },
    (dy, saved) =>
      backend
        .executeMultipleOutputs('FusedBatchNormGradV3', batchNormAttributes(true), [dy, ...saved], 5)
        .slice(0, 3),
  );
}

/**
 * Batch normalization with the statistics of the batch itself, without scale and offset: (x − mean)/√(variance + 1e-5).
 *
 * The fused kernel of {@link batchNorm} adds up a channel's pixels one after the other in float32, and the error of such a
 * sum is the same for all of them, so that it does not average out downstream. This one sums in two stages and costs about
 * three times as much: for the few normalizations that the gradient of everything passes through.
 */
export function batchNormExactly(x: Tensor4D): NormalizedBatch {
  const channels = x.shape[3];
  const count = x.size / channels;
  const [ones, zeros]: Tensor1D[] = [tf.ones([channels]), tf.zeros([channels])];
  return normalized(
    [x],
    () => {
      const { mean, variance, inverse, unbiased } = exactStatistics(x);
      const value = fusedBatchNorm(x, ones, zeros, [mean, variance])[0] as Tensor4D;
      return { value, mean, variance: unbiased, saved: [value, inverse] };
    },
    (dy, saved) => {
      const [y, inverse] = saved as [Tensor4D, Tensor1D];
      const { ofProducts, ofFirst } = exactSums(dy, y);
      const perPixel: Tensor1D = tf.div(inverse, -count);
      // inverse · (dy − mean(dy) − y · mean(dy · y))
      return tf.addN([
        affine(dy, inverse, tf.mul(ofFirst, perPixel)),
        affine(y, tf.mul(ofProducts, perPixel), tf.zerosLike(inverse)),
      ]);
    },
  );
}

/** What a channel's pixels are normalized with, [channels] each. */
interface ExactStatistics {
  readonly mean: Tensor1D;
  /** The biased variance, and 1/√(variance + 1e-5). */
  readonly variance: Tensor1D;
  readonly inverse: Tensor1D;
  /** PyTorch's running variance is this one; a single pixel has none and counts as it is. */
  readonly unbiased: Tensor1D;
}

/** Mean and variance over all pixels, from those of groups of pixels. */
export function exactStatistics(x: Tensor4D): ExactStatistics {
  const channels = x.shape[3];
  const { grouped, groups, pixels } = inGroups(x);
  const wide = groups * channels;
  const [, means, variances] = fusedBatchNorm(grouped, tf.ones([wide]), tf.zeros([wide]));
  const byGroup = (t: Tensor) => tf.reshape(t, [groups, channels]);
  const mean: Tensor1D = tf.mean(byGroup(means), 0);
  // The kernel's variance is the unbiased one.
  const within = tf.mul(byGroup(variances), (pixels - 1) / pixels);
  const between = tf.squaredDifference(byGroup(means), mean);
  const variance: Tensor1D = tf.mean(tf.add(within, between), 0);
  const count = groups * pixels;
  return {
    mean,
    variance,
    inverse: tf.rsqrt(tf.add<Tensor1D>(variance, BATCH_NORM_EPSILON)),
    unbiased: tf.mul(variance, count / Math.max(1, count - 1)),
  };
}

/** Batch normalization in inference mode, with running statistics: [channels] each. */
export function batchNormInference(
  x: Tensor4D,
  scale: Tensor1D,
  offset: Tensor1D,
  mean: Tensor1D,
  variance: Tensor1D,
): Tensor4D {
  return tf.batchNorm4d(x, mean, variance, offset, scale, BATCH_NORM_EPSILON);
}

/**
 * Mean cross-entropy in nats of integer targets.
 *
 * @param logits  [batch, classes].
 * @param labels  int32 [batch].
 */
export function crossEntropy(logits: Tensor2D, labels: Tensor1D): Tensor {
  const attributes = [FLOAT, type('Tlabels', binding.TF_INT32)];
  let slope: Tensor;
  const perImage = differentiable<Tensor1D>(
    [logits],
    () => {
      const op = 'SparseSoftmaxCrossEntropyWithLogits';
      const [losses, found] = backend.executeMultipleOutputs(op, attributes, [logits, labels], 2);
      slope = found;
      return losses as Tensor1D;
    },
    (dy, [slope]) => tf.mul(tf.expandDims(dy, 1), slope),
    () => [slope],
  );
  return tf.mean(perImage);
}

/** Draws of a seed (int32 [2]): the same seed gives the same draws, eagerly and in a recorded step. */
function stateless(distribution: 'Normal' | 'Uniform', shape: number[], seed: Tensor1D): Tensor {
  const { TF_FLOAT, TF_INT32 } = binding;
  const attributes = [type('dtype', TF_FLOAT), type('T', TF_INT32), type('Tseed', TF_INT32)];
  return run(`StatelessRandom${distribution}`, attributes, [tf.tensor1d(shape, 'int32'), seed]);
}

/** Standard normal draws of a seed. @param seed  int32 [2]; the same draws for the same seed, eagerly and recorded. */
export function statelessNormal(shape: number[], seed: Tensor1D): Tensor {
  return stateless('Normal', shape, seed);
}

/**
 * The same draws, kept for a while where the fused kernels are used: who draws them again soon, as the passes of one alpha
 * update do, does not wait for them. Not for what is exported, which must be TensorFlow's own operation.
 */
export function keptNormal(shape: number[], seed: Tensor1D): Tensor {
  return nativeKernels.level === 'none'
    ? statelessNormal(shape, seed)
    : run('ZartsNormal', [int('shape', shape)], [seed]);
}

/**
 * Bernoulli draws of a seed: 1 with the given probability, else 0.
 *
 * @param seed         int32 [2]; the same draws for the same seed, eagerly and recorded.
 * @param probability  Scalar in [0, 1].
 */
export function statelessBernoulli(shape: number[], seed: Tensor1D, probability: Tensor): Tensor {
  return tf.cast(tf.less(stateless('Uniform', shape, seed), probability), 'float32');
}

/**
 * What drop path multiplies samples by: 0 for one that is dropped, 1 over the probability of being kept for another.
 *
 * @param kept         Of any shape: 1 for a sample that is kept, 0 for one that is dropped.
 * @param probability  Scalar in [0, 1): the probability of being dropped.
 */
export function dropPathFactors<T extends Tensor>(kept: T, probability: Tensor): T {
  return tf.div(kept, tf.sub(1, probability));
}

/** Such factors of each of several paths, [batch] each. @param seed  int32 [2]; the same draws for the same seed. */
export function drawnPathFactors(
  paths: number,
  batch: number,
  seed: Tensor1D,
  probability: Tensor,
): Tensor1D[] {
  const kept = statelessBernoulli([paths, batch], seed, tf.sub(1, probability));
  return tf.unstack(dropPathFactors(kept, probability)) as Tensor1D[];
}

/** Drop path: each sample of x times its factor ({@link dropPathFactors}). @param factors  [batch]. */
export function dropPath(x: Tensor4D, factors: Tensor1D): Tensor4D {
  return tf.mul(x, tf.reshape(factors, [x.shape[0], 1, 1, 1]));
}
