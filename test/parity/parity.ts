import { cutoutRange } from '../../lib/datasets/augment.js';
import { countCases, isKnownSupernet } from './cases-counts.js';
import { evaluationCases } from './cases-evaluation.js';
import { dropPathCase, layerCases } from './cases-layers.js';
import { numericCases } from './cases-numeric.js';
import { supernetCases } from './cases-supernet.js';
import { loadFixtures } from './fixtures.js';
import type { FixtureCase, Fixtures } from './fixtures.js';
import { NotCovered, arrayOf, compare, expectedArrays } from './network-case.js';
import type { ArrayError, CaseRunner, Form } from './network-case.js';

/** The error of one array of one case in one form, next to its tolerance. */
export interface CaseResult extends ArrayError {
  readonly id: string;
  readonly group: string;
  readonly form: Form;
  readonly ok: boolean;
  /** Why nothing could be compared, where the case could not be run (a damaged file, say); its error is then Infinity. */
  readonly reason?: string;
}

/** A case, or a part of one, that was not run, and why. */
export interface SkippedCase {
  readonly id: string;
  readonly group: string;
  readonly reason: string;
}

export interface ParityReport {
  /** Every compared array, in the manifest's order, the eager form before the compiled one. */
  readonly cases: readonly CaseResult[];
  readonly skipped: readonly SkippedCase[];
  /** Compared arrays within and out of tolerance. */
  readonly passed: number;
  readonly failed: number;
}

/** Runners of cases by the number that a group's name starts with. */
const RUNNERS: Readonly<Record<string, CaseRunner | undefined>> = {
  ...numericCases,
  ...layerCases,
  ...supernetCases,
  ...countCases,
  ...evaluationCases,
};

/**
 * Runs a folder of reference cases: each that this library covers, networks both eagerly and compiled. Everything about a
 * case comes from the manifest.
 *
 * @param dir     The folder that holds `manifest.json`.
 * @param onCase  Called with each result as it is there.
 * @throws {ZartsError} if the folder has no readable manifest. A case whose file is missing or damaged fails alone, with the
 *         sentence as its `reason`.
 */
export function runParity(
  dir: string,
  { onCase }: { onCase?: (result: CaseResult) => void } = {},
): ParityReport {
  const fixtures = loadFixtures(dir);
  const looked = fixtures.cases.map((c) => {
    const outcome = runCase(c, fixtures);
    if (onCase) for (const result of outcome.results) onCase(result);
    return outcome;
  });
  const cases = looked.flatMap(({ results }) => results);
  const passed = cases.filter(({ ok }) => ok).length;
  return { cases, skipped: looked.flatMap(({ skipped }) => skipped), passed, failed: cases.length - passed };
}

/** What became of one case. */
export interface CaseOutcome {
  readonly results: readonly CaseResult[];
  readonly skipped: readonly SkippedCase[];
}

/**
 * Runs one case.
 *
 * @param fixtures  The folder's, for the weight layouts that cases share.
 * @returns         Its errors; or why it, or a part of it, was left out. A case whose file is missing or damaged has one
 *                  failed result with the sentence as its `reason`.
 */
export function runCase(c: FixtureCase, fixtures: Fixtures): CaseOutcome {
  const { id, group } = c;
  const skip = (reason: string): CaseOutcome => ({ results: [], skipped: [{ id, group, reason }] });
  try {
    const errors = errorsOf(c, fixtures);
    const results = errors.map((each) => ({ id, group, ...each, ok: each.error <= each.tolerance }));
    return { results, skipped: leftOut(c, errors).map((reason) => ({ id, group, reason })) };
  } catch (error) {
    if (error instanceof NotCovered) return skip(error.message);
    // One case that cannot be run must not keep the others from being run, whatever is wrong with it.
    const reason = (error as Error).message.split('\n')[0];
    const failure = { array: 'case', form: 'plain', error: Infinity, tolerance: 0, ok: false } as const;
    return { results: [{ id, group, ...failure, reason }], skipped: [] };
  }
}

function errorsOf(c: FixtureCase, fixtures: Fixtures): ArrayError[] {
  const run = RUNNERS[c.group.split(' ')[0]];
  if (!run) throw new NotCovered(`the group "${c.group}" is not known`);
  const errors = run(c, fixtures);
  return errors.length > 0 ? errors : pictureCase(c);
}

/** The cases beside the schedules: drop path and cutout masks. */
function pictureCase(c: FixtureCase): ArrayError[] {
  if ('drop_prob' in c.constants) return dropPathCase(c);
  if (!('center_y' in c.arrays)) throw new NotCovered('it is of no known kind');
  const [count, height, width] = arrayOf(c, 'mask').shape;
  const mask = new Float32Array(count * height * width).fill(1);
  const [y, x, length] = ['center_y', 'center_x', 'length'].map((name) => arrayOf(c, name).data);
  for (let i = 0; i < count; i++) {
    const [top, bottom] = cutoutRange(y[i], length[i], height);
    const [left, right] = cutoutRange(x[i], length[i], width);
    for (let row = top; row < bottom; row++) {
      const start = (i * height + row) * width;
      mask.fill(0, start + left, start + Math.max(left, right));
    }
  }
  return compare(c, 'plain', { mask });
}

/** What of a case that was run was not compared. */
function leftOut(c: FixtureCase, errors: readonly ArrayError[]): string[] {
  const compared = new Set(errors.map(({ array }) => array));
  const missing = expectedArrays(c).filter((name) => !compared.has(name));
  const reasons = missing.length === 0 ? [] : [`not computed here: ${missing.join(', ')}`];
  const { supernet = [] } = (c.values ?? {}) as { supernet?: { network?: string }[] };
  const others = new Set(
    supernet.filter((entry) => !isKnownSupernet(entry)).map(({ network = '' }) => network),
  );
  for (const network of others) reasons.push(`the ${network} is none here`);
  return reasons;
}
