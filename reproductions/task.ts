/** A run as it travels through a queue: plain data that is checked whole before anything is done with it. */
import { z } from 'zod';
import { UsageError } from '../lib/errors.js';
import { EVALUATION } from '../lib/evaluation/protocol.js';
import { canonicalJson, sha256 } from '../lib/runs/canonical.js';
import { HopelessError } from '../lib/runs/queue.js';
import type { Task } from '../lib/runs/queue.js';
import { RESULT_VERSION } from '../lib/runs/store.js';
import { CONDITION, LANDSCAPE, PATH, SPECTRUM, VALIDATION } from '../lib/search/landscape-protocol.js';
import { BUDGETS, SEARCH } from '../lib/search/protocol.js';
import { parseGenotype } from '../lib/spaces/genotype.js';
import { dataDigest, partsOf } from './kinds.js';
import type { ComputeOptions, Run, RunKind } from './kinds.js';
import { BENCHMARK } from './lookups.js';
import { LOGS } from './search-logs.js';
import { runTitle } from './title.js';
import { TOY_EXPERIMENTS, TOYS, toySettings } from './toy-protocol.js';
import { anyTrainingOf, withoutGenotype } from './training.js';

const payloadSchema = z.strictObject({
  /** The {@link RESULT_VERSION} of the library that asks for it. */
  resultVersion: z.int(),
  /** The run, and which of its parts. */
  run: z.looseObject({ kind: z.string() }),
  part: z.int().min(0).max(9),
  /** Digests of the images that it is meant for, and whether they are computed. */
  digests: z.array(z.string().regex(/^[\w:-]{1,160}$/)).max(4),
  synthetic: z.boolean(),
});

/** A part of a run to be computed. */
export interface RunTask {
  readonly run: Run;
  readonly part: number;
  readonly digests: readonly string[];
  readonly synthetic: boolean;
}

/** No payload of ours comes near it. */
const MOST_CHARACTERS = 1_000_000;

/** Equal for equal parts of runs on equal images: what figures have in common is computed once. */
function taskId({ run, part, digests }: RunTask): string {
  // What comes before a part is no part of what it is: a search is one whatever is done with its result.
  const { identity } = partsOf(run)[part];
  const text = canonicalJson({
    identity,
    digests: part === 0 ? digests.slice(0, 1) : digests,
    RESULT_VERSION,
  });
  return `run-${sha256(text).slice(0, 32)}`;
}

/** Digests of the images that a run reads. */
export async function digestsOf(run: Run, options: ComputeOptions): Promise<string[]> {
  const first = await dataDigest(partsOf(run)[0].protocol([]), options);
  if (run.kind !== 'training' || run.search === undefined) return [first];
  return [first, await dataDigest(anyTrainingOf(run.training), options)];
}

/** The parts of a run as tasks, in the order in which they are computed. */
export async function tasksOf(run: Run, options: ComputeOptions): Promise<Task[]> {
  const digests = await digestsOf(run, options);
  const synthetic = options.data === 'synthetic';
  return partsOf(run).map(({ label }, part) => {
    const title = part === 0 ? titleOf(run) : `${label} after ${titleOf(run)}`;
    const payload = { resultVersion: RESULT_VERSION, run, part, digests, synthetic };
    return { id: taskId({ run, part, digests, synthetic }), title, payload };
  });
}

function titleOf(run: Run): string {
  return runTitle(
    run.kind === 'training' && !run.search ? anyTrainingOf(run.training) : partsOf(run)[0].protocol([]),
  );
}

/**
 * The task that a payload is. Nothing of it is executed or used as a path, and what it does not say is not asked of it.
 *
 * @throws {HopelessError} for a payload of another version, or one that is no task of ours.
 */
export function taskIn(id: string, payload: unknown): RunTask {
  const wrong = (why: string): HopelessError =>
    new HopelessError(`What the queue holds under ${id.slice(0, 40)} is no run of this suite: ${why}.`);
  let text: string;
  try {
    text = canonicalJson(payload);
  } catch (error) {
    throw wrong((error as Error).message);
  }
  if (text.length > MOST_CHARACTERS) throw wrong(`it has ${text.length} characters`);
  const version = (payload as { resultVersion?: unknown } | null)?.resultVersion;
  if (typeof version === 'number' && version !== RESULT_VERSION) {
    throw new HopelessError(
      `The run was put into the queue by result version ${version}, and this worker is of ${RESULT_VERSION}: run workers and zarts reproduce from the same version.`,
    );
  }
  const parsed = payloadSchema.safeParse(payload);
  if (!parsed.success) {
    const [{ path, message }] = parsed.error.issues;
    throw wrong(`${path.join('.') || 'all of it'}: ${message}`);
  }
  const { part, digests, synthetic } = parsed.data;
  const run = checkedRun(parsed.data.run as unknown as Run, wrong);
  if (part >= partsOf(run).length) throw wrong(`it has no part ${part}`);
  const task = { run, part, digests, synthetic };
  if (taskId(task) !== id) throw wrong('its id is not that of its run');
  return task;
}

/** The run, its protocols checked whole, if nothing else is in it. */
function checkedRun(run: Run, wrong: (why: string) => HopelessError): Run {
  let checked: Run | undefined;
  try {
    const parse = PARSERS[run.kind] as ((run: Run) => Run) | undefined;
    checked = Object.hasOwn(PARSERS, run.kind) ? parse?.(run) : undefined;
  } catch (error) {
    throw wrong(error instanceof UsageError ? error.message : 'its protocol is not of the expected form');
  }
  if (checked === undefined) throw wrong('it is of no kind that is known');
  if (canonicalJson(checked) !== canonicalJson(run)) throw wrong('it has settings that are not known');
  return checked;
}

const toySchema = z.strictObject({
  kind: z.literal('toy'),
  version: z.literal(2),
  budget: z.literal(BUDGETS),
  seed: z.int().min(0),
  experiment: z.literal(TOY_EXPERIMENTS),
  settings: z.looseObject({}),
});

const PARSERS: { readonly [K in RunKind]: (run: Extract<Run, { kind: K }>) => Run } = {
  search: ({ search }) => ({ kind: 'search', search: SEARCH.parse(search) }),
  training: ({ training, search, after, genotype }) => ({
    kind: 'training',
    training: withoutGenotype(anyTrainingOf(training)),
    ...(search ? { search: SEARCH.parse(search) } : {}),
    ...(after === undefined ? {} : { after: z.int().min(1).parse(after) }),
    ...(genotype ? { genotype: parseGenotype(JSON.stringify(genotype)) } : {}),
  }),
  linear: ({ evaluation }) => ({ kind: 'linear', evaluation: EVALUATION.parse(evaluation) }),
  landscape: ({ landscape }) => ({ kind: 'landscape', landscape: LANDSCAPE.parse(landscape) }),
  path: ({ path }) => ({ kind: 'path', path: PATH.parse(path) }),
  condition: ({ condition }) => ({ kind: 'condition', condition: CONDITION.parse(condition) }),
  spectrum: ({ spectrum }) => ({ kind: 'spectrum', spectrum: SPECTRUM.parse(spectrum) }),
  validation: ({ validation }) => ({ kind: 'validation', validation: VALIDATION.parse(validation) }),
  toy: ({ toy }) => {
    const { experiment, settings, ...rest } = toySchema.parse(toy);
    const all = { ...toySettings(rest.budget, undefined), [experiment]: settings };
    return { kind: 'toy', toy: { ...rest, experiment, settings: TOYS.parse(all)[experiment] } as typeof toy };
  },
  lookup: ({ search }) => ({ kind: 'lookup', search: SEARCH.parse(search) }),
  benchmark: () => ({ kind: 'benchmark', benchmark: BENCHMARK }),
  logs: () => ({ kind: 'logs', logs: LOGS }),
};
