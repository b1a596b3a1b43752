import { loadDataset } from '../../lib/datasets/load.js';
import type { Dataset } from '../../lib/datasets/load.js';
import { scalar } from '../../lib/engine/index.js';
import { key } from '../../lib/math/random.js';
import { silent } from '../../lib/progress.js';
import type { Progress } from '../../lib/progress.js';
import { fullSearch } from '../../lib/search/presets.js';
import { searchProgram } from '../../lib/search/program.js';
import { SEARCH } from '../../lib/search/protocol.js';
import type { SearchProtocol } from '../../lib/search/protocol.js';
import { search } from '../../lib/search/search.js';
import type { SolverId } from '../../lib/search/solvers.js';
import { benchStep } from './program.js';
import { timing } from './timing.js';
import type { Timing } from './timing.js';
import { BENCH_SGD } from './shapes.js';
import type { SearchShape } from './shapes.js';

/** What an alpha update costs beside the steps it cannot do without. Times in ms. */
export interface AlphaUpdateTimes {
  /** Candidates N and fine-tuning steps of each M. */
  readonly candidates: number;
  readonly iterations: number;
  /** A whole alpha update in a search: N·M steps, N validation losses, and everything around them. */
  readonly update: Timing;
  /** A bare training step, and a forward pass with its loss, of the same program on inputs that lie ready. */
  readonly step: Timing;
  readonly forward: Timing;
  /** update / (N·M·step + N·forward), by medians. */
  readonly ratio: number;
  /** DARTS' alpha updates by order, each with its weight step: what a step of such a search is. */
  readonly darts: {
    readonly first: Timing;
    readonly second: Timing;
    /** second / first, by medians. */
    readonly ratio: number;
  };
}

const CANDIDATES = 4;
const ITERATIONS = 10;
/** DARTS' updates are two orders of magnitude shorter than one with N = 4 and M = 10; more of them are timed. */
const DARTS_TIMES_AS_MANY = 8;

/** A search whose every second step is followed by an alpha update; one update more than are timed. */
function updateProtocol(
  { space, cells, channels, batch, image }: SearchShape,
  solver: SolverId,
  updates: number,
): SearchProtocol {
  const paper = fullSearch(space, solver, 'paper');
  return SEARCH.parse({
    ...paper,
    dataset: { name: 'synthetic', imageSide: image, trainSize: 2 * batch * 2 * (updates + 1) },
    cells,
    channels,
    batchSize: batch,
    epochs: 1,
    warmupEpochs: 0,
    ...(solver === 'mgs'
      ? {
          solver: { ...paper.solver, samples: CANDIDATES },
          omega: { ...paper.omega, iterations: ITERATIONS },
        }
      : {}),
    updateEvery: 2,
  });
}

/** Milliseconds of the steps of a search, by what they consist of. */
interface StepTimes {
  readonly plain: readonly number[];
  readonly withUpdate: readonly number[];
}

/**
 * Runs a search of {@link updateProtocol}. The first step and the first update are left out: they compile what they need.
 *
 * @param between  What is done after each step, outside its time; told whether the step counts.
 */
async function timeSteps(
  protocol: SearchProtocol,
  dataset: Dataset,
  between: (counts: boolean) => void = () => undefined,
): Promise<StepTimes> {
  const [plain, withUpdate]: number[][] = [[], []];
  let began = performance.now();
  const watch: Progress = {
    start: () => ({
      ...silent.start('', 0),
      update: (step) => {
        const spent = performance.now() - began;
        if (step > 2) (step % 2 === 0 ? withUpdate : plain).push(spent);
        between(step > 2);
        began = performance.now();
      },
    }),
  };
  await search(protocol, { dataset, progress: watch });
  return { plain, withUpdate };
}

async function imagesOf({ dataset }: SearchProtocol): Promise<Dataset> {
  const { name, imageSide, trainSize } = dataset;
  return loadDataset({ name, image: imageSide, trainSize, testSize: 1 }, { data: 'synthetic' });
}

/**
 * Times the alpha updates of a real search (MGS as in the paper, N = 4, M = 10, synthetic images), with bare steps and forward
 * passes between them; and those of DARTS searches of first and of second order, in turn.
 *
 * @param updates  How many are timed; one more comes first, untimed, in which everything is compiled.
 */
export async function timeAlphaUpdates(shape: SearchShape, updates: number): Promise<AlphaUpdateTimes> {
  const protocol = updateProtocol(shape, 'mgs', updates);
  const dataset = await imagesOf(protocol);
  const { momentum, weightDecay, clip } = BENCH_SGD;
  const inputs = {
    ...benchStep(shape).inputs,
    momentumShare: scalar(momentum),
    weightDecay: scalar(weightDecay),
    clip: scalar(clip),
    noiseSeed: { shape: [2], data: Int32Array.from(key(0)) },
  };
  // The search's own program: whoever asks with the same protocol is given the same one.
  const call = (options: { outputs: string[]; update?: boolean }): number => {
    const { program } = searchProgram(protocol, dataset.classes.length, true);
    const began = performance.now();
    program.call('step', inputs, options);
    return performance.now() - began;
  };

  const [steps, forwards]: number[][] = [[], []];
  const { plain, withUpdate } = await timeSteps(protocol, dataset, (counts) => {
    const bare = Array.from({ length: 3 }, () => call({ outputs: [] }));
    const forward = Array.from({ length: 3 }, () => call({ outputs: ['loss'], update: false }));
    if (!counts) return;
    steps.push(...bare);
    forwards.push(...forward);
  });

  const ordinary = timing(plain).median;
  const [update, step, forward] = [withUpdate.map((ms) => ms - ordinary), steps, forwards].map(timing);
  return {
    candidates: CANDIDATES,
    iterations: ITERATIONS,
    update,
    step,
    forward,
    ratio: update.median / (CANDIDATES * (ITERATIONS * step.median + forward.median)),
    darts: await timeOrders(shape, updates),
  };
}

/** Two searches of each order take turns, so that what else the machine does falls on both. */
async function timeOrders(shape: SearchShape, updates: number): Promise<AlphaUpdateTimes['darts']> {
  const count = Math.ceil((DARTS_TIMES_AS_MANY * updates) / 2);
  const times = { 'darts-1st': [] as number[], 'darts-2nd': [] as number[] };
  for (const solver of ['darts-1st', 'darts-2nd', 'darts-1st', 'darts-2nd'] as const) {
    const protocol = updateProtocol(shape, solver, count);
    times[solver].push(...(await timeSteps(protocol, await imagesOf(protocol))).withUpdate);
  }
  const [first, second] = [timing(times['darts-1st']), timing(times['darts-2nd'])];
  return { first, second, ratio: second.median / first.median };
}
