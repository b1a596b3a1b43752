import { unknownName } from '../../lib/errors.js';
import type { KnownGenotype } from '../../lib/spaces/genotype.js';
import type { SpaceId } from '../../lib/spaces/spaces.js';

/** The size of a step. */
interface StepSize {
  readonly channels: number;
  readonly cells: number;
  readonly batch: number;
  readonly image: number;
}

/** A step of a search: of the supernet of a space. */
export interface SearchShape extends StepSize {
  readonly space: SpaceId;
}

/** A step of retraining: of the network of a genotype, with all that its training consists of. */
export interface RetrainShape extends StepSize {
  readonly genotype: KnownGenotype;
}

export type BenchShape = SearchShape | RetrainShape;

/** Whether a shape is that of a derived network's training. */
export function isRetraining(shape: BenchShape): shape is RetrainShape {
  return 'genotype' in shape;
}

/**
 * The shapes that can be timed, by name: the small step of a notebook's search and the paper's network, those of NAS-Bench-201
 * at `laptop` and as published; the derived network at `laptop` and as the paper trains it.
 */
export const BENCH_SHAPES = {
  'darts-small': { space: 'darts', channels: 8, cells: 3, batch: 16, image: 16 },
  's2-small': { space: 's2', channels: 8, cells: 3, batch: 16, image: 16 },
  'nb201-small': { space: 'nb201', channels: 16, cells: 3, batch: 32, image: 16 },
  'darts-full-16': { space: 'darts', channels: 16, cells: 8, batch: 16, image: 32 },
  's2-full-16': { space: 's2', channels: 16, cells: 8, batch: 16, image: 32 },
  'darts-full-64': { space: 'darts', channels: 16, cells: 8, batch: 64, image: 32 },
  's2-full-64': { space: 's2', channels: 16, cells: 8, batch: 64, image: 32 },
  'nb201-full-64': { space: 'nb201', channels: 16, cells: 15, batch: 64, image: 32 },
  'retrain-small': { genotype: 'DARTS_V2', channels: 8, cells: 5, batch: 96, image: 32 },
  'retrain-full': { genotype: 'DARTS_V2', channels: 36, cells: 20, batch: 96, image: 32 },
} as const satisfies Record<string, BenchShape>;

export type BenchShapeName = keyof typeof BENCH_SHAPES;
export const BENCH_SHAPE_NAMES = Object.keys(BENCH_SHAPES) as readonly BenchShapeName[];

/** What is timed when no shape is named: everything but the large batches of full networks, which take longest. */
export const DEFAULT_SHAPES: readonly BenchShapeName[] = [
  'darts-small',
  's2-small',
  'nb201-small',
  'darts-full-16',
  's2-full-16',
  'retrain-small',
];

/** Classes of the timed networks: CIFAR-10's. */
export const BENCH_CLASSES = 10;

/** What the optimizer of the timed step does (paper B.2). */
export const BENCH_SGD = { lr: 0.025, momentum: 0.9, weightDecay: 3e-4, clip: 5 } as const;

/** Side of the matrices whose product gives the machine's rate. */
export const PRODUCT_SIDE = 1024;

/** Values in the vectors whose sum gives the rate of memory; a sum reads two and writes one. */
export const SUM_LENGTH = 2 ** 25;

/** Whether a step takes a fraction of a second, so that slow engines can be timed on it as well. */
export function isSmall({ image, cells }: BenchShape): boolean {
  return image <= 16 && cells <= 5;
}

/**
 * The shapes that the names ask for, each once; `all` stands for every one.
 *
 * @throws {UsageError} for an unknown name.
 */
export function shapesOf(names: readonly string[] = DEFAULT_SHAPES): readonly BenchShapeName[] {
  const wanted = names.flatMap((name): readonly string[] => (name === 'all' ? BENCH_SHAPE_NAMES : [name]));
  return [...new Set(wanted)].map((name) => {
    const known = BENCH_SHAPE_NAMES.find((each) => each === name);
    if (!known) throw unknownName('shape', name, [...BENCH_SHAPE_NAMES, 'all']);
    return known;
  });
}

/** A shape in words: "8 channels, 3 cells, batch 16, 16×16". */
export function describeShape({ channels, cells, batch, image }: BenchShape): string {
  return `${channels} channels, ${cells} cells, batch ${batch}, ${image}×${image}`;
}
