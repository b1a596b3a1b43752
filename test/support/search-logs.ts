import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { key, normal } from '../../lib/math/random.js';
import { dot } from '../../lib/math/vec.js';
import { printGenotype } from '../../lib/spaces/genotype.js';
import { withSkips } from '../reproductions/fake-view.js';

/** A search as R-DARTS' authors log it, with what its matrices' largest eigenvalues are to be. */
export interface MadeLog {
  readonly space?: string;
  readonly dataset?: string;
  readonly dropPath: number;
  readonly l2: number;
  readonly seed: number;
  readonly skips: number;
  readonly epochs: readonly number[];
  readonly eigenvalues: readonly number[];
  /** Side of the matrices; 56 when left out. */
  readonly size?: number;
}

/** A short search with small matrices. */
export const SMALL_LOG = {
  dropPath: 0,
  l2: 3e-4,
  seed: 1,
  skips: 7,
  epochs: [0, 2, 4],
  eigenvalues: [0.2, 0.5, 1],
  size: 6,
} as const satisfies MadeLog;

/** The symmetric matrix with that largest eigenvalue, in single precision; the others fall from it, some below zero. */
export function hessian(largest: number, size: number, seed: number): number[][] {
  const u = normal(key(seed), size);
  const squared = dot(u, u);
  const values = Array.from(
    { length: size },
    (_, i) => largest * (i === 0 ? 1 : 0.8 * 0.7 ** i - 0.01 * (i % 3)),
  );
  // Q·diag(values)·Q for a reflection Q, entry by entry.
  const q = (i: number, j: number): number => (i === j ? 1 : 0) - (2 * u[i] * u[j]) / squared;
  return Array.from({ length: size }, (_, i) =>
    Array.from({ length: size }, (_, j) =>
      Math.fround(values.reduce((sum, value, k) => sum + q(i, k) * value * q(k, j), 0)),
    ),
  );
}

/** One line a logged epoch. */
export function derivativesText({ epochs, eigenvalues, size = 56, seed }: MadeLog): string {
  return epochs
    .map((epoch, i) => JSON.stringify({ epoch, H: hessian(eigenvalues[i], size, seed + i), g: [0] }))
    .map((line) => `${line}\n`)
    .join('');
}

/** Writes `experiments/search_logs` as a clone of the authors' repository has it. @returns  The path of each log. */
export function writeClone(folder: string, searches: readonly MadeLog[]): string[] {
  return searches.map((search, i) => {
    const { space = 's1', dataset = 'cifar10', dropPath, l2, seed, skips } = search;
    const where = join(
      folder,
      'experiments',
      'search_logs',
      space,
      dataset,
      `${dropPath.toFixed(1)}_${l2}-${100 + i}`,
    );
    mkdirSync(where, { recursive: true });
    writeFileSync(join(where, `arch_${seed}`), printGenotype(withSkips(skips)));
    const path = join(where, `derivatives_${seed}.json`);
    writeFileSync(path, derivativesText(search));
    return path;
  });
}
