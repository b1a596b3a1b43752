import { UsageError } from '../errors.js';
import type { Genotype } from '../spaces/genotype.js';
import { reductionCells } from '../spaces/spaces.js';
import type { Cell, Skeleton } from '../spaces/spaces.js';

/**
 * How a derived network is put together, as plain data: which cell has which widths, and where the auxiliary head sits.
 * The network itself and the counts of its parameters and multiply-adds both follow it.
 */

/** The two networks of DARTS: for images of 32×32 pixels (`NetworkCIFAR`) and for large ones (`NetworkImageNet`). */
export const DARTS_FORMS = ['cifar', 'imagenet'] as const;
/** Which of the two networks of DARTS: they differ in stem, first cell and auxiliary head. */
export type DartsForm = (typeof DARTS_FORMS)[number];

/** The networks of DARTS, and that of NAS-Bench-201 (`stages`), which alone takes genotypes of skeleton `stages`. */
export const NETWORK_FORMS = [...DARTS_FORMS, 'stages'] as const;
/** Which network. */
export type NetworkForm = (typeof NETWORK_FORMS)[number];

/**
 * Refuses a genotype that the form has no place for.
 *
 * @throws {UsageError} naming both.
 */
export function checkForm(genotype: Pick<Genotype, 'skeleton'>, form: NetworkForm): void {
  const skeleton: Skeleton = genotype.skeleton ?? 'darts';
  if ((skeleton === 'stages') === (form === 'stages')) return;
  throw new UsageError(
    `The network form ${form} takes genotypes of skeleton ${form === 'stages' ? 'stages' : 'darts'}; this one is of ${skeleton}.`,
  );
}

/** The size of a derived network. */
export interface NetworkShape {
  readonly form: NetworkForm;
  /** Number of cells L; the cells ⌊L/3⌋ and ⌊2L/3⌋ are reduction cells. Of the form `stages` a third are in each stage. */
  readonly cells: number;
  /** Channels C of the first cells; every reduction doubles them. */
  readonly channels: number;
  readonly classes: number;
}

/** One cell of a derived network. */
export interface CellPlan {
  readonly kind: Cell;
  /** Channels of the output of the cell before the last, and of the last. */
  readonly before: number;
  readonly previous: number;
  /** Channels of every node. */
  readonly width: number;
  /** Channels of the output: those of all concatenated nodes. */
  readonly outputs: number;
  /** Whether the output of the cell before the last has twice the height and width, and is halved on its way in. */
  readonly halvesBefore: boolean;
}

/** A derived network, from stem to classifier. */
export interface NetworkPlan {
  readonly form: DartsForm;
  readonly classes: number;
  /** Channels after each convolution of the stem: one of stride 1 for small images, three of stride 2 for large ones. */
  readonly stem: readonly number[];
  readonly cells: readonly CellPlan[];
  /** The cell whose output the auxiliary head sees: the second reduction cell. */
  readonly auxiliaryCell: number;
  /** Channels of the last cell's output, which the classifier averages over all pixels. */
  readonly features: number;
}

/** Channels of the stem for small images, as a multiple of the network's. */
const STEM_MULTIPLIER = 3;

/**
 * The plan of the network of DARTS that stacks a genotype's cells.
 *
 * @throws {UsageError} for a size that is no positive integer, and for odd channels where the network halves them.
 */
export function planNetwork(
  genotype: Genotype,
  { form, cells, channels, classes }: NetworkShape & { readonly form: DartsForm },
): NetworkPlan {
  for (const [name, value] of Object.entries({ cells, channels, classes })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new UsageError(`The network's ${name} must be a positive integer, got ${value}.`);
    }
  }
  const large = form === 'imagenet';
  if (large && channels % 2 !== 0) {
    throw new UsageError(
      `The channels of a network for large images must be even, since its stem begins with half of them, got ${channels}.`,
    );
  }
  const stem = large ? [channels / 2, channels, channels] : [STEM_MULTIPLIER * channels];
  const reductions = reductionCells(cells);
  let [before, previous] = [stem.at(-1)!, stem.at(-1)!];
  let width = channels;
  // The two inputs of the first cell of a network for large images are the stem's last two maps.
  let halvesBefore = large;
  const plans: CellPlan[] = [];
  for (let i = 0; i < cells; i++) {
    const kind = reductions.includes(i) ? 'reduce' : 'normal';
    if (kind === 'reduce') width *= 2;
    const outputs = genotype[`${kind}Concat`].length * width;
    plans.push({ kind, before, previous, width, outputs, halvesBefore });
    [before, previous] = [previous, outputs];
    halvesBefore = kind === 'reduce';
  }
  return { form, classes, stem, cells: plans, auxiliaryCell: reductions[1], features: previous };
}

/** The auxiliary head of each form: its average pooling, and whether its last convolution has a batch norm. */
export const AUXILIARY_HEADS = {
  cifar: { pool: 5, stride: 3, lastNormalized: true },
  // DARTS left the last batch norm out by mistake and then kept it so.
  imagenet: { pool: 5, stride: 2, lastNormalized: false },
} as const satisfies Record<DartsForm, { pool: number; stride: number; lastNormalized: boolean }>;

/** Channels after the two convolutions of an auxiliary head, a 1×1 and a 2×2 one. */
export const AUXILIARY_WIDTHS = [128, 768] as const;

/**
 * The side of what an auxiliary head's pooling leaves of a map; its 2×2 convolution needs exactly 2, since the classifier
 * behind it sees one pixel.
 */
export function auxiliaryPooledSide(form: DartsForm, side: number): number {
  const { pool, stride } = AUXILIARY_HEADS[form];
  return Math.floor((side - pool) / stride) + 1;
}
