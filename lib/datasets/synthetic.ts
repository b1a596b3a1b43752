/**
 * Data sets for machines without any: classes of colour images that a convolutional network can learn and that mean
 * nothing, as many and as large as those of the set they stand in for. A class is one of five patterns (stripes across,
 * stripes down, diagonal stripes, checks, rings) with the colours moving together or against each other; phase, period,
 * contrast and background vary from image to image, and every byte gets noise. Where ten classes are too few, how fine the
 * pattern is and then the colour behind it tell the others apart. Mirroring an image never changes its class.
 *
 * Whole-number arithmetic only, so that every machine makes the same bytes.
 */
import { UsageError } from '../errors.js';
import type { Key } from '../math/random.js';
import { foldIn, key } from '../math/random.js';
import type { Split } from './catalog.js';
import type { Chunk } from './images.js';
import type { DatasetName } from './registry.js';

const PATTERNS = ['across', 'down', 'diagonal', 'checks', 'rings'] as const;

/** A family of classes: every combination of a pattern, a relation of the colours, a fineness and a background. */
interface Family {
  /** Names of the relations; how green and blue go with red: 1 with it, −1 against it, 0 by chance. */
  readonly relations: readonly (readonly [name: string, green: number, blue: number])[];
  /** Smallest period of each band in 512ths of a cycle a pixel, and how many values it has. */
  readonly bands: readonly (readonly [least: number, values: number])[];
  /** Background tints. */
  readonly tints: number;
}

const TEN: Family = {
  relations: [
    ['together', 0, 1],
    ['against', 0, -1],
  ],
  bands: [[36, 20]],
  tints: 1,
};
const HUNDRED: Family = {
  relations: [
    ['together', 1, 1],
    ['blue-against', 1, -1],
    ['green-against', -1, 1],
    ['red-against', -1, -1],
  ],
  bands: [
    [18, 4],
    [28, 6],
    [44, 8],
    [68, 10],
    [100, 14],
  ],
  tints: 1,
};
const THOUSAND: Family = { ...HUNDRED, tints: 10 };

/** A synthetic set: what its classes are called and how its images are made. */
export interface SyntheticKind {
  readonly classes: readonly string[];
  readonly side: number;
  readonly family: Family;
  /** Sets of one family differ by it. */
  readonly seed: number;
}

function kindOf(family: Family, side: number, seed: number): SyntheticKind {
  const { relations, bands, tints } = family;
  const classes = Array.from({ length: tints }, (_, tint) =>
    bands.flatMap((_, band) =>
      relations.flatMap(([relation]) =>
        PATTERNS.map((pattern) => {
          const fine = bands.length > 1 ? `-fine${band}` : '';
          return `${pattern}-${relation}${fine}${tints > 1 ? `-tint${tint}` : ''}`;
        }),
      ),
    ),
  ).flat();
  return { classes, side, family, seed };
}

/** The synthetic sets, by the set that they stand in for. */
const KINDS = {
  cifar10: kindOf(TEN, 32, 0),
  cifar100: kindOf(HUNDRED, 32, 1),
  svhn: kindOf(TEN, 32, 2),
  imagenet: kindOf(THOUSAND, 256, 3),
} as const;

/** The synthetic set that stands in for the one of that name; "synthetic" itself is CIFAR-10's. */
export function syntheticKind(name: DatasetName | 'imagenet'): SyntheticKind {
  return name === 'synthetic' ? KINDS.cifar10 : KINDS[name];
}

/** Images when a protocol does not say how many. */
export const SYNTHETIC_SIZES = { train: 8000, test: 2000 } as const;

/** What is the same of every synthetic set. Any fixed affine map serves to normalize; this one takes bytes to [−2, 2]. */
export const SYNTHETIC = {
  name: 'synthetic',
  coverage: 'synthetic',
  mean: [0.5, 0.5, 0.5],
  std: [0.25, 0.25, 0.25],
} as const;

/** A small generator of 32-bit numbers (xorshift32), one an image: keys decide the seed, this the thousands of draws. */
function xorshift(seed: number): () => number {
  let state = seed === 0 ? 0x9e3779b9 : seed | 0;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

/** A triangle wave of period 512 with values 0 … 255. */
function wave(phase: number): number {
  const within = phase & 511;
  return within < 256 ? within : 511 - within;
}

/** The patterns are drawn on a grid of 32×32, whatever the size of the image. */
const GRID = 32;

function patternAt(
  pattern: number,
  x: number,
  y: number,
  period: number,
  phase: number,
  lean: number,
): number {
  switch (pattern) {
    case 0:
      return wave(period * y + phase);
    case 1:
      return wave(period * x + phase);
    case 2:
      return wave((((period * 3) >> 2) * (x + lean * y) + phase) | 0);
    case 3: {
      const product = ((wave(period * x + phase) - 128) * (wave(period * y + (phase >> 1)) - 128)) >> 5;
      return 128 + Math.min(127, Math.max(-128, product));
    }
    default: {
      const dx = 2 * x - GRID + 1 + (phase & 7) - 4;
      const dy = 2 * y - GRID + 1 + ((phase >> 3) & 7) - 4;
      return wave((((dx * dx + dy * dy) * period) >> 6) + phase);
    }
  }
}

function imageOf(label: number, { family, side }: SyntheticKind, from: Key): Uint8Array {
  const draw = xorshift(from[0] ^ from[1]);
  const below = (bound: number): number => draw() % bound;
  for (let i = 0; i < 8; i++) draw(); // the first draws of near seeds resemble each other
  const { relations, bands, tints } = family;
  const pattern = label % PATTERNS.length;
  let rest = Math.floor(label / PATTERNS.length);
  const [, green, blue] = relations[rest % relations.length];
  rest = Math.floor(rest / relations.length);
  const [least, values] = bands[rest % bands.length];
  const tint = Math.floor(rest / bands.length);
  const phase = below(512);
  const period = least + below(values);
  const lean = below(2) === 0 ? 1 : -1;
  const contrast = 20 + below(60);
  const background = [below(96) + 80, below(96) + 80, below(96) + 80];
  if (tints > 1) {
    // From bluish to reddish, a step wide enough to be seen behind the pattern.
    background[0] = 80 + 10 * tint + below(8);
    background[2] = 170 - 10 * tint + below(8);
  }
  const middle = below(contrast);
  const gains = [
    contrast,
    green === 0 ? middle - (contrast >> 1) : green * (contrast - (middle >> 1)),
    blue * contrast,
  ];
  const image = new Uint8Array(3 * side * side);
  for (let channel = 0; channel < 3; channel++) {
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        const gridX = Math.floor((x * GRID) / side);
        const gridY = Math.floor((y * GRID) / side);
        const signal = ((patternAt(pattern, gridX, gridY, period, phase, lean) - 128) * gains[channel]) >> 8;
        const bits = draw();
        const noise = (bits & 63) + ((bits >>> 8) & 63) - 63;
        image[3 * (y * side + x) + channel] = Math.min(
          255,
          Math.max(0, background[channel] + signal + noise),
        );
      }
    }
  }
  return image;
}

/**
 * Images of a synthetic set of up to 256 classes, in turn (any stretch of a multiple of their number holds each equally
 * often). Image i does not depend on how many are made; the splits are two different sets.
 */
export function syntheticImages(kind: SyntheticKind, split: Split, count: number): Chunk {
  if (kind.classes.length > 256) {
    throw new UsageError(`A set of ${kind.classes.length} classes has labels that do not fit in a byte.`);
  }
  const image = 3 * kind.side ** 2;
  const bytes = new Uint8Array(count * image);
  const labels = Uint8Array.from({ length: count }, (_, i) => i % kind.classes.length);
  for (let i = 0; i < count; i++) bytes.set(syntheticImage(kind, split, i), i * image);
  return { labels, bytes, layout: { first: 0, image, row: 3 * kind.side, column: 3, plane: 1 } };
}

/** One image of a synthetic set, [side, side, 3]. */
export function syntheticImage(kind: SyntheticKind, split: Split, i: number): Uint8Array {
  const from = foldIn(foldIn(key(kind.seed), split === 'train' ? 0 : 1), i);
  return imageOf(i % kind.classes.length, kind, from);
}
