import { UsageError } from '../errors.js';
import { CELLS } from '../spaces/spaces.js';
import type { Genotype } from '../spaces/genotype.js';

/** Edges that a genotype keeps for each intermediate node. */
const KEPT = 2;

/** A genotype's choices as texts, one for each kept edge: which cell, which node it leads to, from where, by what. */
function choices(genotype: Genotype): string[] {
  return CELLS.flatMap((cell) =>
    genotype[cell].map(([op, input], i) => `${cell} ${Math.floor(i / KEPT)} ${input} ${op}`),
  );
}

/**
 * The share of one genotype's kept edges that the other has too, with the same operation: 1 for equal genotypes, whatever
 * order their entries are in.
 *
 * @throws {UsageError} if they differ in size.
 */
export function genotypeAgreement(a: Genotype, b: Genotype): number {
  const [left, right] = [choices(a), choices(b)];
  if (left.length !== right.length) {
    throw new UsageError(
      `Two genotypes of ${left.length} and ${right.length} edges cannot be compared edge by edge.`,
    );
  }
  const there = new Set(right);
  return left.filter((choice) => there.has(choice)).length / left.length;
}

/** The mean agreement over all pairs of genotypes; undefined for fewer than two. */
export function meanAgreement(genotypes: readonly Genotype[]): number | undefined {
  const pairs = genotypes.flatMap((a, i) => genotypes.slice(i + 1).map((b) => genotypeAgreement(a, b)));
  return pairs.length === 0 ? undefined : pairs.reduce((sum, share) => sum + share, 0) / pairs.length;
}
