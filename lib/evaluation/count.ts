import { UsageError } from '../errors.js';
import type { Genotype } from '../spaces/genotype.js';
import type { Primitive } from '../spaces/primitives.js';
import { STAGES, stagePlan } from '../spaces/spaces.js';
import { AUXILIARY_HEADS, AUXILIARY_WIDTHS, auxiliaryPooledSide, checkForm, planNetwork } from './plan.js';
import type { CellPlan, NetworkPlan, NetworkShape } from './plan.js';

/**
 * Exact parameters and multiply-adds of a derived network, by arithmetic alone: nothing is built or run.
 *
 * Parameters are all trained numbers, the scales and offsets of batch norms included. Multiply-adds are one for each
 * multiplication of a convolution or a linear layer in one image's forward pass; batch norm, pooling, biases and additions
 * are not counted (the convention of DARTS' own table and of most counters, which differ in the rest).
 */

/** What a network, or a part of it, consists of. */
export interface Counts {
  readonly parameters: number;
  /** Multiply-adds of convolutions, and of linear layers, for one image. */
  readonly convolutions: number;
  readonly linear: number;
}

/** The counts of a derived network. */
export interface NetworkCounts {
  /** The network as it is used, without auxiliary head. */
  readonly network: Counts;
  /** The auxiliary head alone, which training adds; null where the images are too small or too large for it. */
  readonly auxiliary: Counts | null;
  /** Counts of each cell, in order. */
  readonly cells: readonly Counts[];
}

const NOTHING: Counts = { parameters: 0, convolutions: 0, linear: 0 };

/** The sum of counts. */
export function sumCounts(...counts: readonly Counts[]): Counts {
  const total = (what: keyof Counts): number => counts.reduce((sum, each) => sum + each[what], 0);
  return { parameters: total('parameters'), convolutions: total('convolutions'), linear: total('linear') };
}

/** All multiply-adds of counts. */
export function multiplyAdds({ convolutions, linear }: Counts): number {
  return convolutions + linear;
}

/** Height and width of a feature map in pixels. */
interface Side {
  readonly height: number;
  readonly width: number;
}

/**
 * The counts of the network that stacks a genotype's cells.
 *
 * @param image  Height and width of the images in pixels.
 * @throws {UsageError} for a size that the network cannot have (see {@link planNetwork}), and for images that are odd where
 *         a strided skip connection halves them.
 */
export function countNetwork(genotype: Genotype, shape: NetworkShape, image: Side): NetworkCounts {
  for (const [name, side] of Object.entries(image)) {
    if (!Number.isInteger(side) || side < 1) {
      throw new UsageError(`The image's ${name} must be a positive integer, got ${side}.`);
    }
  }
  const { form } = shape;
  checkForm(genotype, form);
  if (form === 'stages') return countStages(genotype, shape, image);
  const plan = planNetwork(genotype, { ...shape, form });
  const stem = countStem(plan, image);
  let [before, previous] = [stem.before, stem.side];
  const counted = plan.cells.map((cell, i) => {
    const own = countCell(genotype, cell, before, previous, i);
    [before, previous] = [previous, own.side];
    return own;
  });
  const cells = counted.map(({ counts }) => counts);
  return {
    network: sumCounts(stem.counts, ...cells, linear(plan.features, plan.classes)),
    auxiliary: countAuxiliary(plan, counted[plan.auxiliaryCell].side),
    cells,
  };
}

/** The counts of an architecture of NAS-Bench-201. */
function countStages(
  { normal }: Genotype,
  { cells, channels, classes }: NetworkShape,
  image: Side,
): NetworkCounts {
  let side = image;
  const parts = [sumCounts(convolution([3, 3], [3, channels], side), batchNorm(channels))];
  const counted: Counts[] = [];
  for (const { width, reduced } of stagePlan({ cells, channels })) {
    if (reduced) {
      if (side.height % 2 !== 0 || side.width % 2 !== 0) {
        throw new UsageError(
          `The block between two stages would halve a map of ${side.height}×${side.width} pixels; choose an image size that is a multiple of 4.`,
        );
      }
      side = halved(side);
      const [from, norm] = [width / 2, batchNorm(width)];
      parts.push(
        sumCounts(convolution([3, 3], [from, width], side), norm),
        sumCounts(convolution([3, 3], [width, width], side), norm),
        convolution([1, 1], [from, width], side),
      );
    }
    counted.push(sumCounts(...normal.map(([op]) => countOperation(op, width, side, 1, counted.length))));
  }
  const features = channels * 2 ** (STAGES - 1);
  return {
    network: sumCounts(...parts, ...counted, batchNorm(features), linear(features, classes)),
    auxiliary: null,
    cells: counted,
  };
}

/** A bias-free convolution. @param to  The map that it gives. @param groups  Its input channels are cut into so many. */
function convolution(
  kernel: readonly [number, number],
  [inputs, outputs]: readonly [number, number],
  to: Side,
  groups = 1,
): Counts {
  const parameters = kernel[0] * kernel[1] * (inputs / groups) * outputs;
  return { parameters, convolutions: parameters * to.height * to.width, linear: 0 };
}

/** A batch norm's scale and offset. */
function batchNorm(channels: number): Counts {
  return { ...NOTHING, parameters: 2 * channels };
}

/** A linear layer with bias. */
function linear(inputs: number, outputs: number): Counts {
  return { parameters: (inputs + 1) * outputs, convolutions: 0, linear: inputs * outputs };
}

/** What a padded window of stride 2 leaves of a map. */
function halved({ height, width }: Side): Side {
  return { height: Math.ceil(height / 2), width: Math.ceil(width / 2) };
}

/** The stem, and the sides of the two maps that it hands to the first cell. */
function countStem({ form, stem }: NetworkPlan, image: Side): { counts: Counts; before: Side; side: Side } {
  let [before, side] = [image, image];
  let inputs = 3;
  const counts = stem.map((outputs) => {
    if (form === 'imagenet') [before, side] = [side, halved(side)];
    const layer = sumCounts(convolution([3, 3], [inputs, outputs], side), batchNorm(outputs));
    inputs = outputs;
    return layer;
  });
  return { counts: sumCounts(...counts), before: form === 'imagenet' ? before : side, side };
}

function countCell(
  genotype: Genotype,
  { kind, before, previous, width, halvesBefore }: CellPlan,
  beforeSide: Side,
  previousSide: Side,
  index: number,
): { counts: Counts; side: Side } {
  const preprocess0 = halvesBefore
    ? factorizedReduce(before, width, beforeSide, index)
    : sumCounts(convolution([1, 1], [before, width], beforeSide), batchNorm(width));
  const preprocess1 = sumCounts(convolution([1, 1], [previous, width], previousSide), batchNorm(width));
  const side = kind === 'reduce' ? halved(previousSide) : previousSide;
  const ops = genotype[kind].map(([primitive, input]) => {
    const reduces = kind === 'reduce' && input < 2;
    return countOperation(primitive, width, reduces ? previousSide : side, reduces ? 2 : 1, index);
  });
  return { counts: sumCounts(preprocess0, preprocess1, ...ops), side };
}

/** The strided skip connection: two 1×1 convolutions of stride 2, each giving half the channels. */
function factorizedReduce(inputs: number, outputs: number, from: Side, cell: number): Counts {
  if (from.height % 2 !== 0 || from.width % 2 !== 0) {
    throw new UsageError(
      `Cell ${cell} would halve a map of ${from.height}×${from.width} pixels with a skip connection, which needs an even height and width; choose an image size that is a multiple of 4 (of 32 for the imagenet form).`,
    );
  }
  return sumCounts(convolution([1, 1], [inputs, outputs], halved(from)), batchNorm(outputs));
}

/** Kernel side of the other primitives' depthwise convolutions, and how many there are, each with a 1×1 one and a batch norm. */
const DEPTHWISE: Readonly<
  Record<
    Exclude<Primitive, 'skip_connect' | 'conv_7x1_1x7' | 'nor_conv_1x1' | 'nor_conv_3x3'>,
    readonly [size: number, count: number]
  >
> = {
  none: [1, 0],
  noise: [1, 0],
  max_pool_3x3: [3, 0],
  avg_pool_3x3: [3, 0],
  sep_conv_3x3: [3, 2],
  sep_conv_5x5: [5, 2],
  sep_conv_7x7: [7, 2],
  dil_conv_3x3: [3, 1],
  dil_conv_5x5: [5, 1],
};

/** One operation of a cell, with affine batch norms; pools have none. */
function countOperation(
  primitive: Primitive,
  channels: number,
  from: Side,
  stride: 1 | 2,
  cell: number,
): Counts {
  const to = stride === 2 ? halved(from) : from;
  const same: readonly [number, number] = [channels, channels];
  const norm = batchNorm(channels);
  if (primitive === 'skip_connect') {
    return stride === 1 ? NOTHING : factorizedReduce(channels, channels, from, cell);
  }
  if (primitive === 'conv_7x1_1x7') {
    // The 1×7 convolution strides along the rows only, the 7×1 one along the columns.
    const wide = { height: from.height, width: to.width };
    return sumCounts(convolution([1, 7], same, wide), convolution([7, 1], same, to), norm);
  }
  if (primitive === 'nor_conv_1x1' || primitive === 'nor_conv_3x3') {
    const size = primitive === 'nor_conv_1x1' ? 1 : 3;
    return sumCounts(convolution([size, size], same, to), norm);
  }
  const [size, count] = DEPTHWISE[primitive];
  const depthwise = convolution([size, size], same, to, channels);
  const once = sumCounts(depthwise, convolution([1, 1], same, to), norm);
  return sumCounts(...Array.from({ length: count }, () => once));
}

/** The auxiliary head on that map; null where it does not fit. */
function countAuxiliary({ form, cells, auxiliaryCell, classes }: NetworkPlan, side: Side): Counts | null {
  const pooled = {
    height: auxiliaryPooledSide(form, side.height),
    width: auxiliaryPooledSide(form, side.width),
  };
  if (pooled.height !== 2 || pooled.width !== 2) return null;
  const [narrow, wide] = AUXILIARY_WIDTHS;
  return sumCounts(
    convolution([1, 1], [cells[auxiliaryCell].outputs, narrow], pooled),
    batchNorm(narrow),
    convolution([2, 2], [narrow, wide], { height: 1, width: 1 }),
    ...(AUXILIARY_HEADS[form].lastNormalized ? [batchNorm(wide)] : []),
    linear(wide, classes),
  );
}
