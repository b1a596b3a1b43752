import { ZartsError } from '../errors.js';
import type { Vec } from '../math/vec.js';
import { deriveGenotype } from '../spaces/genotype.js';
import type { Genotype } from '../spaces/genotype.js';
import type { EpochRecord } from './epoch.js';
import { spaceName, spaceOf } from './protocol.js';
import type { SearchProtocol } from './protocol.js';
import { solverId } from './solvers.js';

/**
 * The genotype that a search's alphas stand for.
 *
 * @param alpha  Raw alphas, length d; with edge normalization, those of the edges last.
 */
export function derivedGenotype(protocol: SearchProtocol, alpha: readonly number[] | Vec): Genotype {
  return deriveGenotype(spaceOf(protocol), Float64Array.from(alpha), {
    edgeNormalization: protocol.partialChannels?.edgeNormalization ?? false,
  });
}

/**
 * The genotype of a search after its first epochs, as if it had been asked for then; for a search that stopped before, the
 * one that it ended with.
 *
 * @param after  Epochs: 1 for the first alone.
 * @throws {ZartsError} if the search did not record its alphas there (`history`).
 */
export function genotypeAfter(
  protocol: SearchProtocol,
  { epochs, genotype }: { readonly epochs: readonly EpochRecord[]; readonly genotype: Genotype },
  after: number,
): Genotype {
  if (after >= protocol.epochs || after > epochs.length) return genotype;
  const alpha = epochs[after - 1]?.alpha;
  if (alpha === undefined) {
    throw new ZartsError(
      `The search ${spaceName(protocol)} ${solverId(protocol)} seed ${protocol.seed} has no record of its alphas after epoch ${after}; search with history.alphaEvery=1.`,
    );
  }
  return derivedGenotype(protocol, alpha);
}
