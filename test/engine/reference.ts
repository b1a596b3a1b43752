/**
 * The operations of the engine written out in double precision, loop by loop, from their definitions (PyTorch's padding,
 * activations NHWC): what the fast kernels are held against, their gradients by central differences.
 */

export interface Values {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export const sizeOf = (shape: readonly number[]): number =>
  shape.reduce((product, side) => product * side, 1);

const fill = (shape: readonly number[], value: (...at: number[]) => number): Values => {
  const [, height, width, channels] = shape;
  const data = new Float64Array(sizeOf(shape));
  for (let i = 0; i < data.length; i++) {
    const pixel = Math.floor(i / channels);
    data[i] = value(
      Math.floor(pixel / (height * width)),
      Math.floor(pixel / width) % height,
      pixel % width,
      i % channels,
    );
  }
  return { shape, data };
};

/** The value of an image at a place, `outside` beyond its borders. */
const pixel = (
  { shape, data }: Values,
  n: number,
  y: number,
  x: number,
  c: number,
  outside: number,
): number => {
  const [, height, width, channels] = shape;
  if (y < 0 || y >= height || x < 0 || x >= width) return outside;
  return data[((n * height + y) * width + x) * channels + c];
};

const outSide = (side: number, kernel: number, stride: number, padding: number, dilation: number): number =>
  Math.floor((side + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1;

export interface Convolution {
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
  readonly dilation?: number;
  readonly depthwise?: boolean;
}

/** A dense convolution with an HWIO kernel, or a depthwise one with an HWC1 kernel. */
export function convolve(x: Values, filter: Values, options: Convolution): Values {
  const { stride, padding, dilation = 1, depthwise = false } = options;
  const [batch, height, width, channels] = x.shape;
  const [kernelHeight, kernelWidth, inputs, outputs] = filter.shape;
  const shape = [
    batch,
    outSide(height, kernelHeight, stride[0], padding[0], dilation),
    outSide(width, kernelWidth, stride[1], padding[1], dilation),
    depthwise ? channels : outputs,
  ];
  return fill(shape, (n, y, at, c) => {
    let sum = 0;
    for (let i = 0; i < kernelHeight; i++) {
      for (let j = 0; j < kernelWidth; j++) {
        const row = y * stride[0] - padding[0] + i * dilation;
        const column = at * stride[1] - padding[1] + j * dilation;
        const tap = (i * kernelWidth + j) * inputs;
        if (depthwise) sum += pixel(x, n, row, column, c, 0) * filter.data[tap + c];
        else
          for (let k = 0; k < inputs; k++)
            sum += pixel(x, n, row, column, k, 0) * filter.data[(tap + k) * outputs + c];
      }
    }
    return sum;
  });
}

/** 3×3 pooling with padding 1; padded pixels are never the maximum and do not count in the average. */
export function pool(x: Values, kind: 'max' | 'avg', stride: number): Values {
  const [batch, height, width, channels] = x.shape;
  const shape = [batch, outSide(height, 3, stride, 1, 1), outSide(width, 3, stride, 1, 1), channels];
  return fill(shape, (n, y, at, c) => {
    const window = Array.from({ length: 9 }, (_, tap) =>
      pixel(x, n, y * stride - 1 + Math.floor(tap / 3), at * stride - 1 + (tap % 3), c, NaN),
    ).filter((value) => !Number.isNaN(value));
    return kind === 'max'
      ? Math.max(...window)
      : window.reduce((sum, value) => sum + value, 0) / window.length;
  });
}

/** Under each window the value of x where `at` is largest. */
export function pick(
  x: Values,
  at: Values,
  { size, stride, padding }: { size: number; stride: number; padding: number },
): Values {
  const [batch, height, width, channels] = x.shape;
  const [rows, columns] = [height, width].map((side) => outSide(side, size, stride, padding, 1));
  return fill([batch, rows, columns, channels], (n, y, column, c) => {
    const places = Array.from({ length: size * size }, (_, tap): [number, number] => [
      y * stride - padding + Math.floor(tap / size),
      column * stride - padding + (tap % size),
    ]);
    const heights = places.map(([row, place]) => pixel(at, n, row, place, c, -Infinity));
    const [row, place] = places[heights.indexOf(Math.max(...heights))];
    return pixel(x, n, row, place, c, NaN);
  });
}

/** 2×2 max pooling of stride 2, without padding. */
export function halve(x: Values): Values {
  return pick(x, x, { size: 2, stride: 2, padding: 0 });
}

/** Channel g·(channels/groups) + i becomes channel i·groups + g. */
export function shuffle(x: Values, groups: number): Values {
  const each = x.shape[3] / groups;
  return fill(x.shape, (n, y, at, c) =>
    pixel(x, n, y, at, (c % groups) * each + Math.floor(c / groups), NaN),
  );
}

/** Mean and variance over all but the last axis: the biased variance, which normalizes, and the unbiased one. */
export function statistics({ shape, data }: Values) {
  const channels = shape.at(-1)!;
  const count = data.length / channels;
  const mean = new Float64Array(channels);
  const biased = new Float64Array(channels);
  data.forEach((value, i) => (mean[i % channels] += value / count));
  data.forEach((value, i) => (biased[i % channels] += (value - mean[i % channels]) ** 2 / count));
  return { mean, biased, unbiased: biased.map((value) => (value * count) / (count - 1)) };
}

export function batchNorm(x: Values, scale: Values, offset: Values): Values {
  const { mean, biased } = statistics(x);
  const channels = mean.length;
  const data = x.data.map((value, i) => {
    const c = i % channels;
    return (scale.data[c] * (value - mean[c])) / Math.sqrt(biased[c] + 1e-5) + offset.data[c];
  });
  return { shape: x.shape, data };
}

/** Mean cross-entropy in nats. */
export function crossEntropy(logits: Values, labels: Int32Array): Values {
  const [batch, classes] = logits.shape;
  let sum = 0;
  labels.forEach((label, n) => {
    const row = logits.data.subarray(n * classes, (n + 1) * classes);
    const max = Math.max(...row);
    sum += Math.log(row.reduce((total, value) => total + Math.exp(value - max), 0)) + max - row[label];
  });
  return { shape: [], data: Float64Array.of(sum / batch) };
}

/** d(Σ cotangent·f)/d(input) by central differences, for each input. */
export function gradients(
  f: (inputs: readonly Values[]) => Values,
  inputs: readonly Values[],
  cotangent: Float64Array,
): Float64Array[] {
  const h = 1e-5;
  const along = (which: number, at: number, by: number): number => {
    const moved = inputs.map((input, i) => {
      if (i !== which) return input;
      const data = input.data.slice();
      data[at] += by;
      return { ...input, data };
    });
    return f(moved).data.reduce((sum, value, i) => sum + value * cotangent[i], 0);
  };
  return inputs.map(({ data }, which) =>
    data.map((_, at) => (along(which, at, h) - along(which, at, -h)) / (2 * h)),
  );
}
