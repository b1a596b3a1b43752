/** Genotypes under limits: what a search's alphas stand for where skips, parameters or multiply-adds may only be so many. */
import { UsageError, ZartsError } from '../errors.js';
import type { Vec } from '../math/vec.js';
import { choiceName, chosenEdges, deriveGenotype } from '../spaces/genotype.js';
import type { ChosenEdge, DeriveOptions, Genotype } from '../spaces/genotype.js';
import type { SearchSpace } from '../spaces/spaces.js';
import { countNetwork, multiplyAdds } from './count.js';
import type { NetworkShape } from './plan.js';

/** What a genotype may have at most; what is left out is not limited. */
export interface Limits {
  /** Skip connections of the normal cell (P-DARTS, Chen et al. 2019, has 2). */
  readonly skips?: number;
  /** Parameters, and multiply-adds for an image, of the network at {@link LIMITED_SIZE}. */
  readonly parameters?: number;
  readonly multiplyAdds?: number;
}

/** The size at which parameters and multiply-adds are counted: that of the paper's networks on CIFAR-10. */
export const LIMITED_SIZE = {
  form: 'cifar',
  cells: 20,
  channels: 36,
  classes: 10,
} as const satisfies NetworkShape;
const SIDE = { height: 32, width: 32 };

/** A genotype under limits. */
export interface LimitedGenotype {
  readonly genotype: Genotype;
  /** What gave way, in the order in which it did. */
  readonly passedOver: readonly ChosenEdge[];
  /** What was limited and what that changed, in a sentence. */
  readonly sentence: string;
}

/** @throws {UsageError} for a limit that is none, and any in a space without DARTS' cells. */
export function checkLimits({ name: space, skeleton }: SearchSpace, limits: Limits): void {
  for (const [name, limit] of Object.entries(limits)) {
    if (!Number.isSafeInteger(limit) || limit < 0)
      throw new UsageError(`The limit on ${name} is ${String(limit)}; it must be an integer of 0 or more.`);
    if (skeleton === 'stages') {
      throw new UsageError(
        `A limit on ${name} was given for the space ${space}; limits are for cells as DARTS has them, not for those of NAS-Bench-201: leave it out.`,
      );
    }
  }
}

/**
 * The genotype of alphas under limits. While it has too many skips, the weakest of them gives way to the next best choice, as in
 * P-DARTS; while its network is too large, the weakest operation that is anything but a skip or a pool does. The shares of the
 * others stay as they are.
 *
 * @param alpha  As {@link deriveGenotype}.
 * @throws {UsageError} as {@link checkLimits}; {ZartsError} where the space has no genotype within the limits, on this way.
 */
export function limitedGenotype(
  space: SearchSpace,
  alpha: Vec,
  limits: Limits,
  options: DeriveOptions = {},
): LimitedGenotype {
  checkLimits(space, limits);
  const passedOver: ChosenEdge[] = [];
  const passOver = (chosen: ChosenEdge | undefined, what: string): void => {
    if (chosen === undefined) throw new ZartsError(`No genotype of these alphas has ${what}; allow more.`);
    passedOver.push(chosen);
  };
  for (;;) {
    const without = new Set(passedOver.map(choiceName));
    const { normal, reduce } = chosenEdges(space, alpha, { ...options, without });
    const skips = normal.filter(({ op }) => op === 'skip_connect');
    if (skips.length > (limits.skips ?? Infinity)) {
      passOver(weakest(skips), `at most ${limits.skips} skip connections in its normal cell`);
      continue;
    }
    const genotype = deriveGenotype(space, alpha, { ...options, without });
    const { network } = countNetwork(genotype, LIMITED_SIZE, SIDE);
    const large = (['parameters', 'multiplyAdds'] as const).find(
      (what) =>
        (what === 'parameters' ? network.parameters : multiplyAdds(network)) > (limits[what] ?? Infinity),
    );
    if (large === undefined) return { genotype, passedOver, sentence: sentenceOf(limits, passedOver) };
    const sized = [...normal, ...reduce].filter(({ op }) => !/skip|pool|none|noise/.test(op));
    passOver(
      weakest(sized),
      `at most ${limits[large]} ${large === 'parameters' ? 'parameters' : 'multiply-adds'}`,
    );
  }
}

/** The choice of the least weight, the first of equal ones. */
function weakest(chosen: readonly ChosenEdge[]): ChosenEdge | undefined {
  return [...chosen].sort((a, b) => a.weight - b.weight).at(0);
}

function sentenceOf(
  { skips, parameters, multiplyAdds: adds }: Limits,
  passedOver: readonly ChosenEdge[],
): string {
  const number = (value: number): string => value.toLocaleString('en-US');
  const { cells, channels } = LIMITED_SIZE;
  const allowed = [
    ...(skips === undefined ? [] : [`${number(skips)} skip connections in the normal cell`]),
    ...(parameters === undefined ? [] : [`${number(parameters)} parameters`]),
    ...(adds === undefined ? [] : [`${number(adds)} multiply-adds`]),
  ];
  const size =
    parameters === undefined && adds === undefined ? '' : ` (of ${cells} cells and ${channels} channels)`;
  const gone =
    passedOver.length === 0
      ? 'the alphas’ own genotype is within that'
      : `${passedOver.map(({ cell, input, op }) => `${op} from node ${input} in the ${cell} cell`).join(', ')} gave way to the next best`;
  return `The genotype may have at most ${allowed.join(' and ')}${size}; ${gone}.`;
}
