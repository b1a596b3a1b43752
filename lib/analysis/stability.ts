import { UsageError } from '../errors.js';
import type { Genotype } from '../spaces/genotype.js';
import { CELLS } from '../spaces/spaces.js';
import { compareGenotypes } from './genotypes.js';

/**
 * The share of one genotype's kept edges that the other has too, with the same operation: 1 for equal genotypes, whatever
 * order their entries are in.
 *
 * @throws {UsageError} if they differ in size.
 */
export function genotypeAgreement(a: Genotype, b: Genotype): number {
  const [left, right] = [a, b].map((genotype) => CELLS.reduce((sum, cell) => sum + genotype[cell].length, 0));
  if (left !== right) {
    throw new UsageError(`Two genotypes of ${left} and ${right} edges cannot be compared edge by edge.`);
  }
  return compareGenotypes(a, b).similarity.edges;
}

/** The mean agreement over all pairs of genotypes; undefined for fewer than two. */
export function meanAgreement(genotypes: readonly Genotype[]): number | undefined {
  const pairs = genotypes.flatMap((a, i) => genotypes.slice(i + 1).map((b) => genotypeAgreement(a, b)));
  return pairs.length === 0 ? undefined : pairs.reduce((sum, share) => sum + share, 0) / pairs.length;
}
