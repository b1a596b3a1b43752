import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs-node';
import { backend, moveToOpenScope, tf } from './tensorflow.js';

/**
 * The TensorFlow operations that a supernet needs and TensorFlow.js lacks, or wraps in a form without a gradient,
 * with PyTorch's explicit symmetric padding. Each is a differentiable function of tensors; all work eagerly and while
 * a step is being recorded.
 */

interface Attribute {
  name: string;
  type: number;
  value: boolean | number | string | number[];
}

const { binding } = backend;
const FLOAT: Attribute = { name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT };
const int = (name: string, value: number | number[]): Attribute => ({
  name,
  type: binding.TF_ATTR_INT,
  value,
});
const float = (name: string, value: number): Attribute => ({ name, type: binding.TF_ATTR_FLOAT, value });
const bool = (name: string, value: boolean): Attribute => ({ name, type: binding.TF_ATTR_BOOL, value });
const string = (name: string, value: string): Attribute => ({ name, type: binding.TF_ATTR_STRING, value });
const type = (name: string, value: number): Attribute => ({ name, type: binding.TF_ATTR_TYPE, value });

function run<T extends Tensor = Tensor>(name: string, attributes: Attribute[], inputs: Tensor[]): T {
  return backend.executeSingleOutput(name, attributes, inputs) as T;
}

/** A custom gradient whose types say what it is; what the backward pass needs must go through `save`. */
function differentiable<T extends Tensor>(
  inputs: Tensor[],
  forward: (save: (tensors: Tensor[]) => void) => {
    value: T;
    gradient: (dy: T, saved: Tensor[]) => Tensor | Tensor[];
  },
): T {
  const op = tf.customGrad((...args: unknown[]) => {
    const save = args.at(-1) as (tensors: Tensor[]) => void;
    const { value, gradient } = forward(save);
    return { value, gradFunc: (dy: unknown, saved: Tensor[]) => gradient(dy as T, saved) };
  });
  return op(...inputs);
}

/** The convolution attributes for `before` rows and columns of zeros above and on the left, `after` below and on the right. */
function convolution(stride: number, before: number, dilation = 1, after = before): Attribute[] {
  return [
    FLOAT,
    int('strides', [1, stride, stride, 1]),
    int('dilations', [1, dilation, dilation, 1]),
    string('data_format', 'NHWC'),
    string('padding', 'EXPLICIT'),
    int('explicit_paddings', [0, 0, before, after, before, after, 0, 0]),
  ];
}

/** The same without strides, for a padding that TensorFlow has a name for. */
function unitStrides(padding: 'SAME' | 'VALID'): Attribute[] {
  return [
    FLOAT,
    int('strides', [1, 1, 1, 1]),
    int('dilations', [1, 1, 1, 1]),
    string('data_format', 'NHWC'),
    string('padding', padding),
  ];
}

/** max(x, 0), with TensorFlow's own gradient kernel. */
export function relu(x: Tensor4D): Tensor4D {
  return differentiable<Tensor4D>([x], (save) => {
    const value = run<Tensor4D>('Relu', [FLOAT], [x]);
    save([value]);
    return { value, gradient: (dy, [y]) => run('ReluGrad', [FLOAT], [dy, y]) };
  });
}

/** x where `at` is positive, else 0: a ReLU that stays switched as it is at `at`, and so is linear in x. */
export function reluAs(x: Tensor4D, at: Tensor4D): Tensor4D {
  return differentiable<Tensor4D>([x], (save) => {
    save([at]);
    return {
      value: run('ReluGrad', [FLOAT], [x, at]),
      gradient: (dy, [at]) => run('ReluGrad', [FLOAT], [dy, at]),
    };
  });
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
  const attributes = [
    FLOAT,
    int('strides', [1, stride[0], stride[1], 1]),
    int('dilations', [1, 1, 1, 1]),
    bool('use_cudnn_on_gpu', true),
    string('data_format', 'NHWC'),
    string('padding', 'EXPLICIT'),
    int('explicit_paddings', [0, 0, padding[0], padding[0], padding[1], padding[1], 0, 0]),
  ];
  return differentiable<Tensor4D>([x, filter], (save) => {
    save([x, filter]);
    return {
      value: run('Conv2D', attributes, [x, filter]),
      gradient: (dy, [x, filter]) => [
        run('Conv2DBackpropInput', attributes, [tf.tensor1d(x.shape, 'int32'), filter, dy]),
        run('Conv2DBackpropFilter', attributes, [x, tf.tensor1d(filter.shape, 'int32'), dy]),
      ],
    };
  });
}

/** A matrix product; `transposed` says which operands are read transposed. */
function matMul(a: Tensor, b: Tensor, transposed: { a?: boolean; b?: boolean } = {}): Tensor {
  const attributes = [
    FLOAT,
    bool('transpose_a', transposed.a ?? false),
    bool('transpose_b', transposed.b ?? false),
  ];
  return run('MatMul', attributes, [a, b]);
}

/** A 1×1 convolution of stride 1 as one matrix product; `filter` is [1, 1, in, out]. */
export function pointwise(x: Tensor4D, filter: Tensor4D): Tensor4D {
  const [batch, height, width, channels] = x.shape;
  const out = filter.shape[3];
  return differentiable<Tensor4D>([x, filter], (save) => {
    save([x, filter]);
    const rows = (t: Tensor) => tf.reshape(t, [batch * height * width, t.shape[3]!]);
    const matrix = (t: Tensor) => tf.reshape(t, [channels, out]);
    return {
      value: tf.reshape(matMul(rows(x), matrix(filter)), [batch, height, width, out]),
      gradient: (dy, [x, filter]) => [
        tf.reshape(matMul(rows(dy), matrix(filter), { b: true }), x.shape),
        tf.reshape(matMul(rows(x), rows(dy), { a: true }), filter.shape),
      ],
    };
  });
}

/** x · factor for a scalar factor. */
export function scaleBy(x: Tensor4D, factor: Tensor): Tensor4D {
  return differentiable<Tensor4D>([x, factor], (save) => {
    save([x, factor]);
    const attributes = [FLOAT];
    return {
      value: run('Mul', attributes, [x, factor]),
      gradient: (dy, [x, factor]) => [
        run('Mul', attributes, [dy, factor]),
        tf.sum(run('Mul', attributes, [dy, x])),
      ],
    };
  });
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
  const attributes = convolution(stride, padding);
  return differentiable<Tensor4D>([x, filter], (save) => {
    save([x, filter]);
    const value = run<Tensor4D>('DepthwiseConv2dNative', attributes, [x, filter]);
    // On the CPU the forward kernel is several times faster than both gradient kernels; MEASUREMENTS.md says by how much.
    const halves = x.shape[1] % 2 === 0 && x.shape[2] % 2 === 0;
    const native = backend.isUsingGpuDevice || (stride === 2 && !halves);
    return {
      value,
      gradient: (dy, saved) => {
        const [x, filter] = saved as [Tensor4D, Tensor4D];
        if (!native) {
          return [
            depthwiseInputGradient(filter, dy, stride, padding),
            depthwiseFilterGradient(x, filter, dy, stride, padding),
          ];
        }
        return [
          run('DepthwiseConv2dNativeBackpropInput', attributes, [tf.tensor1d(x.shape, 'int32'), filter, dy]),
          run('DepthwiseConv2dNativeBackpropFilter', attributes, [x, tf.tensor1d(filter.shape, 'int32'), dy]),
        ];
      },
    };
  });
}

/**
 * The input gradient is itself a depthwise convolution of stride 1: of dy, with the filter turned by 180°. At stride 2 the
 * pixels that the forward pass skipped stand as zeros in dy.
 */
function depthwiseInputGradient(filter: Tensor4D, dy: Tensor4D, stride: 1 | 2, padding: number): Tensor4D {
  const turned = tf.reverse(filter, [0, 1]);
  const spread = stride === 1 ? dy : spreadPixels(dy);
  return run('DepthwiseConv2dNative', convolution(1, filter.shape[0] - 1 - padding), [spread, turned]);
}

/** The image with zeros between its pixels: [batch, 2·height, 2·width, channels], pixel (i, j) at (2i, 2j). */
function spreadPixels(x: Tensor4D): Tensor4D {
  const deep = tf.pad(x, [
    [0, 0],
    [0, 0],
    [0, 0],
    [0, 3 * x.shape[3]],
  ]);
  return run('DepthToSpace', [FLOAT, int('block_size', 2), string('data_format', 'NHWC')], [deep]);
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
    const attributes = unitStrides(padding === 1 ? 'SAME' : 'VALID');
    return run('DepthwiseConv2dNativeBackpropFilter', attributes, [
      x,
      tf.tensor1d(filter.shape, 'int32'),
      dy,
    ]);
  }
  const [batch, height, width, channels] = x.shape;
  const [size] = filter.shape;
  const imagesToChannels = (t: Tensor4D) => tf.transpose(t, [1, 2, 0, 3]);
  const image = tf.reshape(imagesToChannels(x), [1, height, width, batch * channels]);
  const kernel = tf.reshape(imagesToChannels(dy), [dy.shape[1], dy.shape[2], batch * channels, 1]);
  // At stride 2 the last row and column of padding are never read: the last tap of the last pixel ends before them.
  const attributes = convolution(1, padding, stride, padding - (stride - 1));
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
  const apart = tf.spaceToBatchND(
    x,
    [2, 2],
    [
      [padding, padding + extraHeight],
      [padding, padding + extraWidth],
    ],
  );
  const convolved = undilatedDepthwise(apart, filter, 1, 0);
  return tf.batchToSpaceND(
    convolved,
    [2, 2],
    [
      [0, 2 * convolved.shape[1] - outHeight],
      [0, 2 * convolved.shape[2] - outWidth],
    ],
  );
}

/**
 * The four images of every second pixel, from pixels (0, 0), (0, 1), (1, 0) and (1, 1) on.
 *
 * @param x  [batch, height, width, channels] with even height and width.
 * @returns  Four times [batch, height/2, width/2, channels].
 */
export function pixelQuarters(x: Tensor4D): Tensor4D[] {
  const attributes = [FLOAT, int('block_size', 2), string('data_format', 'NHWC')];
  const deep = differentiable<Tensor4D>([x], (save) => {
    save([]);
    return {
      value: run('SpaceToDepth', attributes, [x]),
      gradient: (dy) => run('DepthToSpace', attributes, [dy]),
    };
  });
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
  const attributes = [
    FLOAT,
    type('Index', binding.TF_INT32),
    ...['begin_mask', 'end_mask', 'ellipsis_mask', 'new_axis_mask', 'shrink_axis_mask'].map((name) =>
      int(name, 0),
    ),
  ];
  const bounds = () =>
    [[0, offset, offset, 0], shape, [1, 2, 2, 1]].map((values) => tf.tensor1d(values, 'int32'));
  return differentiable<Tensor4D>([x], (save) => {
    save([]);
    return {
      value: run('StridedSlice', attributes, [x, ...bounds()]),
      gradient: (dy) => run('StridedSliceGrad', attributes, [tf.tensor1d(shape, 'int32'), ...bounds(), dy]),
    };
  });
}

/**
 * The image cut into its four quarters of every second pixel, one after the other in the batch: what a convolution of
 * dilation 2 on the image is without dilation.
 *
 * @param x  [batch, height, width, channels] with even height and width.
 * @returns  [4·batch, height/2, width/2, channels].
 */
export function interleave(x: Tensor4D): Tensor4D {
  const none = [
    [0, 0],
    [0, 0],
  ];
  return tf.spaceToBatchND(x, [2, 2], none);
}

/** The inverse of {@link interleave}. */
export function deinterleave(x: Tensor4D): Tensor4D {
  const none = [
    [0, 0],
    [0, 0],
  ];
  return tf.batchToSpaceND(x, [2, 2], none);
}

/** Less than any activation: what a padded pixel holds in max pooling, so that it is never the maximum. */
const LOWEST = -3.4e38;

/** 3×3 max pooling with padding 1 (PyTorch pads with −∞). */
export function maxPool3x3(x: Tensor4D, stride: 1 | 2): Tensor4D {
  const { padded, padding } = poolPadding(x, stride, LOWEST);
  return maxPool(padded, maxPooling(3, stride, padding));
}

/** x wherever {@link maxPool3x3} finds the maxima of `at`: linear in x. */
export function maxPool3x3As(x: Tensor4D, at: Tensor4D, stride: 1 | 2): Tensor4D {
  // All of the padding is added here; maxPoolAs says why.
  const padded = (image: Tensor4D, value: number): Tensor4D =>
    tf.pad(
      image,
      [
        [0, 0],
        [1, 1],
        [1, 1],
        [0, 0],
      ],
      value,
    );
  return maxPoolAs(padded(x, 0), padded(at, LOWEST), maxPooling(3, stride, 'VALID'));
}

/** 2×2 max pooling of stride 2, without padding; a last odd row or column is left out. */
export function maxPool2x2(x: Tensor4D): Tensor4D {
  return maxPool(x, maxPooling(2, 2, 'VALID'));
}

/** x wherever {@link maxPool2x2} finds the maxima of `at`: linear in x. */
export function maxPool2x2As(x: Tensor4D, at: Tensor4D): Tensor4D {
  return maxPoolAs(x, at, maxPooling(2, 2, 'VALID'));
}

function maxPooling(size: number, stride: number, padding: 'SAME' | 'VALID'): Attribute[] {
  return [
    FLOAT,
    int('ksize', [1, size, size, 1]),
    int('strides', [1, stride, stride, 1]),
    string('data_format', 'NHWC'),
    string('padding', padding),
  ];
}

function maxPool(x: Tensor4D, attributes: Attribute[]): Tensor4D {
  return differentiable<Tensor4D>([x], (save) => {
    const value = run<Tensor4D>('MaxPool', attributes, [x]);
    save([x, value]);
    return { value, gradient: (dy, [x, y]) => run('MaxPoolGrad', attributes, [x, y, dy]) };
  });
}

/**
 * x at the places of the maxima of `at`, by the kernel that differentiates a max pooling's gradient. In a compiled step that
 * kernel may be given x's memory for its result, which it clears before it reads x (TensorFlow 2.21); so the result must be
 * smaller than x.
 */
function maxPoolAs(x: Tensor4D, at: Tensor4D, attributes: Attribute[]): Tensor4D {
  const maxima = run('MaxPool', attributes, [at]);
  return differentiable<Tensor4D>([x], (save) => {
    save([at, maxima]);
    return {
      value: run('MaxPoolGradGrad', attributes, [at, maxima, x]),
      gradient: (dy, saved) => run('MaxPoolGrad', attributes, [...saved, dy]),
    };
  });
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
): { padded: Tensor4D; padding: 'SAME' | 'VALID' } {
  const before = [x.shape[1], x.shape[2]].map((side) => (stride === 2 && side % 2 === 0 ? 1 : 0));
  if (before[0] === 0 && before[1] === 0) return { padded: x, padding: 'SAME' };
  const after = before.map((added) => 1 - added);
  const padded = tf.pad(
    x,
    [
      [0, 0],
      [before[0] || 1, after[0]],
      [before[1] || 1, after[1]],
      [0, 0],
    ],
    value,
  );
  return { padded, padding: 'VALID' };
}

/** 3×3 average pooling with padding 1; padded pixels do not count (PyTorch's count_include_pad=False). */
export function avgPool3x3(x: Tensor4D, stride: 1 | 2): Tensor4D {
  const [, height, width] = x.shape;
  const { padded, padding } = poolPadding(x, stride, 0);
  const averaged = averagePool(padded, stride, padding);
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

function averagePool(x: Tensor4D, stride: number, padding: 'SAME' | 'VALID'): Tensor4D {
  const attributes = [
    FLOAT,
    int('ksize', [1, 3, 3, 1]),
    int('strides', [1, stride, stride, 1]),
    string('data_format', 'NHWC'),
    string('padding', padding),
  ];
  const { shape } = x;
  return differentiable<Tensor4D>([x], (save) => {
    save([]);
    return {
      value: run('AvgPool', attributes, [x]),
      gradient: (dy) => run('AvgPoolGrad', attributes, [tf.tensor1d(shape, 'int32'), dy]),
    };
  });
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
  return differentiable<Tensor4D>([x, scale, offset], (save) => {
    save([x, scale]);
    return {
      value: affine(x, scale, offset),
      gradient: (dy, saved) => {
        const [x, scale] = saved as [Tensor4D, Tensor1D];
        const { ofProducts, ofFirst } = exactSums(dy, x);
        return [affine(dy, scale, tf.zeros(scale.shape)), ofProducts, ofFirst];
      },
    };
  });
}

/** x · scale + offset, channel by channel, in one kernel: several times faster on the CPU than a product that broadcasts. */
function affine(x: Tensor4D, scale: Tensor1D, offset: Tensor1D): Tensor4D {
  const [mean, variance] = plainStatistics(scale.size);
  return normalizeWith(x, mean, variance, scale, offset);
}

/** Statistics with which a normalization changes nothing: mean 0 and the variance that ε makes 1. */
function plainStatistics(channels: number): [Tensor1D, Tensor1D] {
  return [tf.zeros([channels]), tf.fill([channels], 1 - BATCH_NORM_EPSILON)];
}

/** scale · (x − mean)/√(variance + ε) + offset with the given statistics; no gradient of its own. */
function normalizeWith(
  x: Tensor4D,
  mean: Tensor1D,
  variance: Tensor1D,
  scale: Tensor1D,
  offset: Tensor1D,
): Tensor4D {
  const attributes = [...batchNormAttributes(false), float('exponential_avg_factor', 1)];
  const inputs = [x, scale, offset, mean, variance];
  return backend.executeMultipleOutputs('FusedBatchNormV3', attributes, inputs, 6)[0] as Tensor4D;
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
  return [
    FLOAT,
    type('U', binding.TF_FLOAT),
    float('epsilon', BATCH_NORM_EPSILON),
    string('data_format', 'NHWC'),
    bool('is_training', training),
  ];
}

/**
 * Batch normalization with the statistics of the batch itself: scale · (x − mean)/√(variance + 1e-5) + offset.
 *
 * @param scale   [channels].
 * @param offset  [channels].
 */
export function batchNorm(x: Tensor4D, scale: Tensor1D, offset: Tensor1D): NormalizedBatch {
  const common = batchNormAttributes(true);
  let statistics: BatchStatistics;
  const y = differentiable<Tensor4D>([x, scale, offset], (save) => {
    const empty = [tf.tensor1d([]), tf.tensor1d([])];
    const [value, mean, variance, reserve1, reserve2, reserve3] = backend.executeMultipleOutputs(
      'FusedBatchNormV3',
      [...common, float('exponential_avg_factor', 1)],
      [x, scale, offset, ...empty],
      6,
    );
    save([x, scale, reserve1, reserve2, reserve3]);
    statistics = { mean: tf.keep(mean as Tensor1D), variance: tf.keep(variance as Tensor1D) };
    return {
      value: value as Tensor4D,
      gradient: (dy, saved) =>
        backend
          .executeMultipleOutputs(
            'FusedBatchNormGradV3',
            common,
            [dy, saved[0], saved[1], ...saved.slice(2)],
            5,
          )
          .slice(0, 3),
    };
  });
  return {
    y,
    statistics: { mean: moveToOpenScope(statistics!.mean), variance: moveToOpenScope(statistics!.variance) },
  };
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
  let statistics: BatchStatistics;
  const y = differentiable<Tensor4D>([x], (save) => {
    const { mean, variance } = exactStatistics(x);
    const value = normalizeWith(x, mean, variance, ones, zeros);
    const inverse: Tensor1D = tf.rsqrt(tf.add<Tensor1D>(variance, BATCH_NORM_EPSILON));
    save([value, inverse]);
    // PyTorch's running variance is the unbiased one; a single pixel has none and counts as it is.
    const unbiased: Tensor1D = tf.mul(variance, count / Math.max(1, count - 1));
    statistics = { mean: tf.keep(mean), variance: tf.keep(unbiased) };
    return {
      value,
      gradient: (dy, saved) => {
        const [y, inverse] = saved as [Tensor4D, Tensor1D];
        const { ofProducts, ofFirst } = exactSums(dy, y);
        const perPixel: Tensor1D = tf.div(inverse, -count);
        // inverse · (dy − mean(dy) − y · mean(dy · y))
        return tf.addN([
          affine(dy, inverse, tf.mul(ofFirst, perPixel)),
          affine(y, tf.mul(ofProducts, perPixel), tf.zerosLike(inverse)),
        ]);
      },
    };
  });
  return {
    y,
    statistics: { mean: moveToOpenScope(statistics!.mean), variance: moveToOpenScope(statistics!.variance) },
  };
}

/** Mean and (biased) variance over all pixels, [channels] each, from those of groups of pixels. */
function exactStatistics(x: Tensor4D): { mean: Tensor1D; variance: Tensor1D } {
  const channels = x.shape[3];
  const { grouped, groups, pixels } = inGroups(x);
  const wide = groups * channels;
  const empty = [tf.tensor1d([]), tf.tensor1d([])];
  const [, means, variances] = backend.executeMultipleOutputs(
    'FusedBatchNormV3',
    [...batchNormAttributes(true), float('exponential_avg_factor', 1)],
    [grouped, tf.ones([wide]), tf.zeros([wide]), ...empty],
    6,
  );
  const byGroup = (t: Tensor) => tf.reshape(t, [groups, channels]);
  const mean: Tensor1D = tf.mean(byGroup(means), 0);
  // The kernel's variance is the unbiased one.
  const within = tf.mul(byGroup(variances), (pixels - 1) / pixels);
  const between = tf.squaredDifference(byGroup(means), mean);
  return { mean, variance: tf.mean(tf.add(within, between), 0) };
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
  const perImage = differentiable<Tensor1D>([logits], (save) => {
    const [losses, slope] = backend.executeMultipleOutputs(
      'SparseSoftmaxCrossEntropyWithLogits',
      [FLOAT, type('Tlabels', binding.TF_INT32)],
      [logits, labels],
      2,
    );
    save([slope]);
    return {
      value: losses as Tensor1D,
      gradient: (dy, [slope]) => tf.mul(tf.expandDims(dy, 1), slope),
    };
  });
  return tf.mean(perImage);
}

/**
 * Normal draws of a seed: the same seed gives the same draws, eagerly and in a recorded step.
 *
 * @param shape  Shape of the result.
 * @param seed   int32 [2].
 */
export function statelessNormal(shape: number[], seed: Tensor1D): Tensor {
  return run(
    'StatelessRandomNormal',
    [type('dtype', binding.TF_FLOAT), type('T', binding.TF_INT32), type('Tseed', binding.TF_INT32)],
    [tf.tensor1d(shape, 'int32'), seed],
  );
}

/**
 * Bernoulli draws of a seed: 1 with the given probability, else 0; the same seed gives the same draws, eagerly and in a
 * recorded step.
 *
 * @param shape        Shape of the result.
 * @param seed         int32 [2].
 * @param probability  Scalar in [0, 1].
 */
export function statelessBernoulli(shape: number[], seed: Tensor1D, probability: Tensor): Tensor {
  const uniform = run(
    'StatelessRandomUniform',
    [type('dtype', binding.TF_FLOAT), type('T', binding.TF_INT32), type('Tseed', binding.TF_INT32)],
    [tf.tensor1d(shape, 'int32'), seed],
  );
  return tf.cast(tf.less(uniform, probability), 'float32');
}

/**
 * Drop path: each sample of x either dropped, or kept and divided by the probability of being kept.
 *
 * @param kept         [batch]: 1 for a sample that is kept, 0 for one that is dropped.
 * @param probability  Scalar in [0, 1): the probability of being dropped.
 */
export function dropPath(x: Tensor4D, kept: Tensor1D, probability: Tensor): Tensor4D {
  const factors = tf.reshape(tf.div(kept, tf.sub(1, probability)), [x.shape[0], 1, 1, 1]);
  return tf.mul(x, factors);
}
