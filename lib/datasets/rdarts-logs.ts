/**
 * The search logs that the authors of R-DARTS (Zela et al. 2020) publish with their code, automl/RobustDARTS: searches of full
 * size by second-order DARTS, with the Hessian in α along each. Read where a person has them, a clone of that repository or
 * figures worked out from it; never downloaded, never part of this project.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { z } from 'zod';
import { UsageError, ZartsError } from '../errors.js';
import { parseGenotype } from '../spaces/genotype.js';
import { digestFile, isFolder, placeOf, unreadable } from './disk.js';
import type { DataPlace } from './disk.js';

/** One of the authors' searches. */
export interface LoggedSearch {
  readonly space: string;
  readonly dataset: string;
  /** Drop-path probability of the last epoch, and the weights' L2 decay. */
  readonly dropPath: number;
  readonly l2: number;
  readonly seed: number;
  /** Tells searches of the same settings and seed apart. */
  readonly job: string;
  /** Skip connections of the normal cell that it ended with, of 8. */
  readonly normalSkips: number;
}

/** The Hessian of the validation loss in α at the end of an epoch, α's own decay of 0.001 on its diagonal. */
export interface LoggedHessian {
  /** Counted from 0. */
  readonly epoch: number;
  /** Symmetric but for rounding. */
  readonly rows: readonly (readonly number[])[];
}

/** A search of which figures are there: the largest eigenvalue in some of its epochs, ascending. */
export interface SearchFigures extends LoggedSearch {
  readonly epochs: readonly number[];
  readonly dominantEigenvalue: readonly number[];
}

/** A search of which the matrices are there. */
export interface SearchMatrices extends LoggedSearch {
  /** Those of its epochs, ascending; read anew each time. @throws {ZartsError} naming the file and the line. */
  readonly hessians: () => LoggedHessian[];
}

/** What there is of the logs. */
export interface SearchLogs {
  /** SHA-256 over what was found. */
  readonly digest: string;
  /** From `curvature.json`; empty where that is not there. */
  readonly figures: readonly SearchFigures[];
  /** From a clone; empty where there is none. */
  readonly matrices: readonly SearchMatrices[];
}

const REPOSITORY = 'https://github.com/automl/RobustDARTS';

/** How to get the logs, a sentence. */
export const HOW_TO_GET_LOGS = `The authors’ logs of full-size searches are not here: clone ${REPOSITORY} into a folder (its experiments/search_logs is what is read) and name that folder with --data, or put the clone into data/.`;

const CLONES = ['.', 'RobustDARTS', 'rdarts-logs', 'rdarts-logs/RobustDARTS'];
const LOGS = join('experiments', 'search_logs');
const FIGURES = ['rdarts-logs/curvature.json', 'curvature.json'];

/** Bounds of what is read: a file of matrices has up to 4 MB, of figures less than 1 MB. */
const MOST_BYTES = 64 << 20;
const MOST_FOLDERS = 10_000;
const MOST_EPOCHS = 10_000;
const MOST_ALPHAS = 512;

/** What an asymmetry may be, as a share of the matrix's largest entry: that of float32. */
const ROUNDING = 1e-3;

const EPOCH = z.int().min(0).max(MOST_EPOCHS);
const HESSIAN = z.object({
  epoch: EPOCH,
  H: z.array(z.array(z.number()).max(MOST_ALPHAS)).min(1).max(MOST_ALPHAS),
});
const SEARCHES = z
  .array(
    z.object({
      space: z.string().max(20),
      dataset: z.string().max(40),
      dropPath: z.number().min(0).max(1),
      l2: z.number().min(0),
      seed: z.int().min(0),
      job: z.string().max(40),
      normalSkips: z.int().min(0).max(100),
      epochs: z.array(EPOCH).min(1).max(MOST_EPOCHS),
      dominantEigenvalue: z.array(z.number()).min(1).max(MOST_EPOCHS),
    }),
  )
  .min(1)
  .max(MOST_FOLDERS);

/**
 * What there is of the logs in the place that a person names, or else in the project's data/ folder: a clone of the repository
 * (itself, in the place, or its `experiments/search_logs`), and `rdarts-logs/curvature.json`. Undefined where neither is there,
 * and with `data` "synthetic".
 *
 * @throws {ZartsError} for files that are there and not of the expected form, naming the file, the place in it, and what was
 *         expected.
 */
export async function findSearchLogs(options: DataPlace = {}): Promise<SearchLogs | undefined> {
  const { folder, named, synthetic } = placeOf(options);
  if (synthetic) return undefined;
  const home = placeOf({ dataHome: options.dataHome, env: {} }).folder;
  for (const place of [folder, ...(named ? [home] : [])]) {
    const logs = await logsIn(place);
    if (logs) return logs;
  }
  return undefined;
}

async function logsIn(place: string): Promise<SearchLogs | undefined> {
  const file = FIGURES.map((name) => join(place, name)).find((path) => existsSync(path));
  const root = [place, ...CLONES.map((name) => join(place, name, LOGS))].find(
    (path, i) => isFolder(path) && (i > 0 || path.endsWith(LOGS)),
  );
  const files = root === undefined ? [] : derivativesIn(root);
  if (file === undefined && files.length === 0) return undefined;
  const hash = createHash('sha256');
  for (const path of [...(file === undefined ? [] : [file]), ...files.map(({ path }) => path)]) {
    hash.update(`${relative(place, path)} ${await digestFile(path)}\n`);
  }
  return {
    digest: hash.digest('hex'),
    figures: file === undefined ? [] : parseFigures(textOf(file), file),
    matrices: files.map(({ path, arch, ...search }) => ({
      ...search,
      normalSkips: skipsOf(textOf(arch), arch),
      hessians: () => parseHessians(textOf(path), path),
    })),
  };
}

/** A file's text. @throws {ZartsError} for one that cannot be read or is larger than any of its kind. */
function textOf(path: string): string {
  try {
    const { size } = statSync(path);
    if (size > MOST_BYTES) {
      throw new ZartsError(`${path} has ${size} bytes; at most ${MOST_BYTES} were expected. ${AGAIN}`);
    }
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw error instanceof ZartsError ? error : unreadable(path, error);
  }
}

const AGAIN = 'Take the published file again.';

/** `experiments/search_logs/s1/cifar10/0.0_0.0003-2516843/derivatives_1.json`. */
const FOLDER = /^(\d+(?:\.\d+)?(?:e-?\d+)?)_(\d+(?:\.\d+)?(?:e-?\d+)?)-(\d+)$/;
const DERIVATIVES = /^derivatives_(\d+)\.json$/;

/** Every file of matrices, by what its path says of the search. */
function derivativesIn(root: string) {
  return namesIn(root).flatMap((space) =>
    namesIn(join(root, space)).flatMap((dataset) =>
      namesIn(join(root, space, dataset)).flatMap((name) => {
        const [, dropPath, l2, job] = FOLDER.exec(name) ?? [];
        if (job === undefined) return [];
        const folder = join(root, space, dataset, name);
        return namesIn(folder).flatMap((each) => {
          const seed = DERIVATIVES.exec(each)?.[1];
          if (seed === undefined) return [];
          const where = { path: join(folder, each), arch: join(folder, `arch_${seed}`) };
          const settings = { dropPath: Number(dropPath), l2: Number(l2), seed: Number(seed), job };
          return [{ space, dataset, ...settings, ...where }];
        });
      }),
    ),
  );
}

/** The names in a folder, in order; none in what is none. */
function namesIn(folder: string): string[] {
  if (!isFolder(folder)) return [];
  try {
    return readdirSync(folder).slice(0, MOST_FOLDERS).sort();
  } catch (error) {
    throw unreadable(folder, error);
  }
}

/** Skip connections in the normal cell of a genotype. @throws {ZartsError} naming the file of a text that is none. */
function skipsOf(text: string, path: string): number {
  try {
    return parseGenotype(text).normal.filter(([op]) => op === 'skip_connect').length;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new ZartsError(`${path}: expected the genotype of a search; ${error.message} ${AGAIN}`);
  }
}

/**
 * The Hessians in a text of one object a line, `{"epoch": …, "H": [[…], …], "g": […]}`.
 *
 * @param path  Names the file in sentences.
 * @throws {ZartsError} naming the file, the line, and what was expected there.
 */
export function parseHessians(text: string, path: string): LoggedHessian[] {
  const lines = text.trimEnd().split('\n');
  const refuse = (line: number, why: string): never => {
    throw new ZartsError(`${path}, line ${line}: ${why}. ${AGAIN}`);
  };
  if (lines.length > MOST_EPOCHS) {
    refuse(MOST_EPOCHS + 1, `expected the end, since a search has at most ${MOST_EPOCHS} epochs`);
  }
  let before = -1;
  return lines.map((line, i) => {
    const fault = (why: string) => refuse(i + 1, why);
    const { epoch, H: rows } = checked(HESSIAN, line, fault);
    if (epoch <= before) fault(`expected an epoch after ${before}, found ${epoch}`);
    before = epoch;
    const short = rows.findIndex((row) => row.length !== rows.length);
    if (short >= 0) {
      fault(`expected a square matrix; row ${short} has ${rows[short].length} entries of ${rows.length}`);
    }
    const largest = Math.max(...rows.flat().map(Math.abs));
    rows.forEach((row, a) => {
      const b = row.findIndex((value, j) => Math.abs(value - rows[j][a]) > ROUNDING * largest);
      if (b >= 0) fault(`expected a symmetric matrix; entries ${a},${b} and ${b},${a} differ`);
    });
    return { epoch, rows };
  });
}

/**
 * The figures in a text: a JSON list of searches, each with its settings, and the largest eigenvalue by epoch.
 *
 * @param path  Names the file in sentences.
 * @throws {ZartsError} naming the file, the search by its number from 1, and what was expected there.
 */
export function parseFigures(text: string, path: string): SearchFigures[] {
  const searches = checked(SEARCHES, text, (why) => {
    throw new ZartsError(`${path}: ${why}. ${AGAIN}`);
  });
  searches.forEach(({ epochs, dominantEigenvalue }, i) => {
    const refuse = (why: string): never => {
      throw new ZartsError(`${path}, search ${i + 1}: ${why}. ${AGAIN}`);
    };
    if (epochs.length !== dominantEigenvalue.length) {
      refuse(`expected ${epochs.length} eigenvalues, one an epoch, found ${dominantEigenvalue.length}`);
    }
    const wrong = epochs.findIndex((epoch, j) => j > 0 && epoch <= epochs[j - 1]);
    if (wrong >= 0) refuse(`expected an epoch after ${epochs[wrong - 1]}, found ${epochs[wrong]}`);
  });
  return searches;
}

/** A text's JSON, checked. @param refuse  Told what is wrong, the first fault of it. */
function checked<T extends z.ZodType>(schema: T, text: string, refuse: (why: string) => never): z.infer<T> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return refuse(`expected JSON; ${(error as Error).message}`);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [{ path, message }] = parsed.error.issues;
  const what = message.replace(/^Invalid input: /, '');
  return refuse(path.length === 0 ? what : `${path.join('.')}: ${what}`);
}
