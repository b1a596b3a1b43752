import { loadDataset } from '../datasets/load.js';
import { key } from '../math/random.js';
import { silent } from '../progress.js';
import type { Progress } from '../progress.js';
import { fullSearch } from '../search/presets.js';
import { searchProgram } from '../search/program.js';
import { parseProtocol } from '../search/protocol.js';
import type { SearchProtocol } from '../search/protocol.js';
import { search } from '../search/search.js';
import { benchStep } from './program.js';
import { timing } from './timing.js';
import type { Timing } from './timing.js';
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
}

const CANDIDATES = 4;
const ITERATIONS = 10;

/** A search whose every second step is followed by an alpha update. */
function updateProtocol(
  { space, cells, channels, batch, image }: SearchShape,
  updates: number,
): SearchProtocol {
  const paper = fullSearch(space, 'mgs', 'paper');
  return parseProtocol({
    ...paper,
    dataset: { name: 'synthetic', imageSide: image, trainSize: 2 * batch * 2 * updates },
    cells,
    channels,
    batchSize: batch,
    epochs: 1,
    warmupEpochs: 0,
    solver: { ...paper.solver, samples: CANDIDATES },
    omega: { ...paper.omega, iterations: ITERATIONS },
    updateEvery: 2,
  });
}

/**
 * Times the alpha updates of a real search (MGS as in the paper, N = 4, M = 10, synthetic images), with bare steps and forward
 * passes between them.
 *
 * @param updates  How many are timed; one more comes first, untimed, in which everything is compiled.
 */
export async function timeAlphaUpdates(shape: SearchShape, updates: number): Promise<AlphaUpdateTimes> {
  const protocol = updateProtocol(shape, updates + 1);
  const { name, imageSide, trainSize } = protocol.dataset;
  const dataset = await loadDataset(
    { name, image: imageSide, trainSize, testSize: 1 },
    { data: 'synthetic' },
  );
  const inputs = { ...benchStep(shape).inputs, noiseSeed: { shape: [2], data: Int32Array.from(key(0)) } };
  // The search's own program: whoever asks with the same protocol is given the same one.
  const call = (options: { outputs: string[]; update?: boolean }): number => {
    const { program } = searchProgram(protocol, dataset.classes.length, true);
    const began = performance.now();
    program.call('step', inputs, options);
    return performance.now() - began;
  };

  const [plain, withUpdate, steps, forwards]: number[][] = [[], [], [], []];
  let began = performance.now();
  const watch: Progress = {
    start: () => ({
      ...silent.start('', 0),
      update: (step) => {
        const spent = performance.now() - began;
        const bare = Array.from({ length: 3 }, () => call({ outputs: [] }));
        const forward = Array.from({ length: 3 }, () => call({ outputs: ['loss'], update: false }));
        // The first step and the first update compile what they need.
        if (step > 2) {
          (step % 2 === 0 ? withUpdate : plain).push(spent);
          steps.push(...bare);
          forwards.push(...forward);
        }
        began = performance.now();
      },
    }),
  };
  await search(protocol, { dataset, progress: watch });

  const ordinary = timing(plain).median;
  const [update, step, forward] = [withUpdate.map((ms) => ms - ordinary), steps, forwards].map(timing);
  return {
    candidates: CANDIDATES,
    iterations: ITERATIONS,
    update,
    step,
    forward,
    ratio: update.median / (CANDIDATES * (ITERATIONS * step.median + forward.median)),
  };
}
