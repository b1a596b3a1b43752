/**
 * The paper's own search settings, the presets beside them, and the smaller budgets, all derived from one record.
 */
import { officialSize } from '../datasets/registry.js';
import { UsageError, unknownName } from '../errors.js';
import { GLD_DEFAULTS } from '../solvers/gld.js';
import { MGS_DEFAULTS } from '../solvers/mgs.js';
import { RANDOM_DEFAULTS } from '../solvers/random.js';
import { RS_DEFAULTS } from '../solvers/rs.js';
import { isSpaceId, SPACE_IDS } from '../spaces/spaces.js';
import type { SearchSpace, SpaceId } from '../spaces/spaces.js';
import { baselineSearch, baselineSource, isBaseline, METHODS, standingDeviations } from './baselines.js';
import type { BaselineSource } from './baselines.js';
import { GROUPS, isGroupName, RECORDING } from './groups.js';
import type { GroupName } from './groups.js';
import { BUDGETS, DATASETS, PRESETS, describeProtocol, isZeroOrder, parseProtocol } from './protocol.js';
import type { Budget, Preset, SearchProtocol, SolverProtocol } from './protocol.js';
import { isSolverId, SOLVER_IDS, solverId } from './solver-id.js';
import type { SolverId } from './solver-id.js';

/** σ at the start, from the released scripts: one value for the DARTS spaces, one for S1–S4. */
const SIGMA: Readonly<Record<SpaceId, number>> = {
  s1: 0.2,
  s2: 0.2,
  s3: 0.2,
  s4: 0.2,
  darts: 0.025,
  'darts-zero': 0.025,
};

/** σ at the start in a space of one's own: that of the spaces with two or three primitives an edge. Ours. */
const SIGMA_ELSEWHERE = SIGMA.s2;

const DENSITY = { paper: 'literal', released: 'released', flat: 'flat' } as const satisfies Record<
  Preset,
  string
>;

function solverSettings(space: SearchProtocol['space'], id: SolverId, preset: Preset): SolverProtocol {
  switch (id) {
    case 'mgs':
      return {
        kind: id,
        ...MGS_DEFAULTS,
        sigma: typeof space === 'string' ? SIGMA[space] : SIGMA_ELSEWHERE,
        sigmaSchedule: 'cosine',
        density: DENSITY[preset],
      };
    case 'rs':
      // The released code has RS and GLD only in the script that draws optimization paths: its values.
      return preset === 'released'
        ? { kind: id, ...RS_DEFAULTS, samples: 8, mu: 0.1, xi: 1e-4 }
        : { kind: id, ...RS_DEFAULTS };
    case 'gld':
      return preset === 'released'
        ? { kind: id, radiusMax: 0.13, radiusMin: 4.7e-6 }
        : { kind: id, ...GLD_DEFAULTS };
    case 'random':
      return { kind: id, ...RANDOM_DEFAULTS };
    default: {
      const { order, lr } = METHODS[id];
      // Eq. 2 has a plain gradient step; the released architect.py adds what the weights' SGD adds.
      const released = preset === 'released' && order === 'second';
      return {
        kind: 'darts',
        order,
        lr,
        beta1: 0.5,
        beta2: 0.999,
        weightDecay: 1e-3,
        unrolledMomentum: released,
        unrolledDecay: released,
        radius: 0.01,
      };
    }
  }
}

/**
 * The settings of the paper's search (its appendix B.2) with the released scripts' values, and then ours, where it states
 * none; {@link settingSource} tells which is which. Budget `full`, seed 0, CIFAR-10.
 *
 * The presets differ in this: `paper` is the text, with Eq. 26 as printed; `flat` takes its density as constant; `released`
 * does what the released code computes: its density and sampler, and candidates that are never fine-tuned while the base
 * weights coast. Warm-up, σ schedule and update frequency are the released scripts' in all three. The gradient solvers have
 * what their own papers and public code state (./baselines.ts); `released` changes only the second-order step of those.
 *
 * @param space  The id of a built-in space, or a declared one.
 * @throws {UsageError} for an unknown space, solver or preset, and for a wrong declaration (naming its place).
 */
export function fullSearch(space: string | SearchSpace, solver = 'mgs', preset = 'paper'): SearchProtocol {
  if (typeof space === 'string' && !isSpaceId(space)) throw unknownName('search space', space, SPACE_IDS);
  if (!isSolverId(solver)) throw unknownName('solver', solver, SOLVER_IDS);
  const chosen = PRESETS.find((each) => each === preset);
  if (!chosen) throw unknownName('preset', preset, PRESETS);
  const zeroOrder = zeroOrderSearch(space, solver, chosen);
  return parseProtocol(isBaseline(solver) ? baselineSearch(zeroOrder, solver) : zeroOrder);
}

function zeroOrderSearch(space: SearchProtocol['space'], solver: SolverId, chosen: Preset): SearchProtocol {
  const released = chosen === 'released';
  return {
    version: 1,
    kind: 'search',
    preset: chosen,
    budget: 'full',
    seed: 0,
    dataset: { name: 'cifar10', imageSide: 32, trainSize: 50_000 },
    space,
    cells: 8,
    channels: 16,
    batchSize: 64,
    epochs: 50,
    warmupEpochs: 10,
    weights: { lr: 0.025, lrMin: 0.001, momentum: 0.9, weightDecay: 3e-4, clip: 5 },
    alphaInitScale: 1e-3,
    solver: solverSettings(space, solver, chosen),
    omega: {
      kind: 'finetuned',
      iterations: 10,
      momentum: released ? 'inherit' : 'zero',
      lr: 'scheduled',
      coast: released ? 'coast' : 'none',
      split: released ? 'val' : 'train',
    },
    updateEvery: 'iterations',
    valBatch: 'shared',
  };
}

/**
 * The full protocol on another data set, all of its training images; everything else stays, as in the paper.
 *
 * @param full  A protocol of budget `full`.
 * @throws {UsageError} for an unknown data set.
 */
export function onDataset(full: SearchProtocol, dataset: string): SearchProtocol {
  const name = DATASETS.find((each) => each === dataset);
  if (!name) throw unknownName('data set', dataset, DATASETS);
  return { ...full, dataset: { name, imageSide: 32, trainSize: officialSize(name, 'train') } };
}

/** What a budget may use at most; the rest of a protocol does not depend on the budget. */
interface Caps {
  readonly imageSide: SearchProtocol['dataset']['imageSide'];
  readonly trainSize: number;
  readonly cells: number;
  readonly channels: number;
  readonly batchSize: number;
  readonly epochs: number;
  readonly iterations: number;
  readonly products: number;
}

/**
 * `smoke` is sized to end in seconds (4 weight steps and 2 alpha updates an epoch), `laptop` in about a minute on two cores
 * in S2 with N = 4 and in a few in the DARTS space (16 weight steps and 4 alpha updates an epoch).
 */
const CAPS: Readonly<Record<Exclude<Budget, 'full'>, Caps>> = {
  smoke: {
    imageSide: 16,
    trainSize: 64,
    cells: 3,
    channels: 4,
    batchSize: 8,
    epochs: 2,
    iterations: 2,
    products: 5,
  },
  laptop: {
    imageSide: 16,
    trainSize: 1024,
    cells: 5,
    channels: 8,
    batchSize: 32,
    epochs: 10,
    iterations: 4,
    products: 20,
  },
};

/**
 * The protocol for a smaller budget, derived from a full one: whatever exceeds what the budget allows is cut down to it,
 * warm-up and whatever else is counted in epochs keep their share of them, a cut-out its share of the image; everything
 * else (solver, σ, τ, learning rates, seed) stays.
 *
 * @param full  A protocol of budget `full`.
 * @throws {UsageError} for an unknown budget, and for a protocol that is not full (derive from the full one instead).
 */
export function withBudget(full: SearchProtocol, budget: string): SearchProtocol {
  const known = BUDGETS.find((each) => each === budget);
  if (!known) throw unknownName('budget', budget, BUDGETS);
  if (full.budget !== 'full') {
    throw new UsageError(
      `The protocol has budget ${full.budget}; a budget is derived from the full protocol only.`,
    );
  }
  if (known === 'full') return full;
  const caps = CAPS[known];
  const epochs = Math.min(full.epochs, caps.epochs);
  const share = (count: number): number => Math.round((count * epochs) / full.epochs);
  const imageSide = Math.min(full.dataset.imageSide, caps.imageSide);
  const { cutout, stability } = full;
  return parseProtocol({
    ...full,
    budget: known,
    dataset: {
      ...full.dataset,
      imageSide,
      trainSize: Math.min(full.dataset.trainSize, caps.trainSize),
    },
    cells: Math.min(full.cells, caps.cells),
    channels: Math.min(full.channels, caps.channels),
    batchSize: Math.min(full.batchSize, caps.batchSize),
    epochs,
    warmupEpochs: share(full.warmupEpochs),
    omega: { ...full.omega, iterations: Math.min(full.omega.iterations, caps.iterations) },
    ...(cutout && {
      cutout: { ...cutout, length: 2 * Math.round((cutout.length * imageSide) / full.dataset.imageSide / 2) },
    }),
    ...(stability && {
      stability: {
        ...stability,
        window: Math.max(1, share(stability.window)),
        lag: Math.max(1, share(stability.lag)),
        startEpoch: share(stability.startEpoch),
        products: Math.min(stability.products, caps.products),
      },
    }),
  });
}

/** Where a full setting comes from: the paper's text, the released scripts, a baseline's own paper or code, or us. */
export type SettingSource = 'paper' | 'released scripts' | BaselineSource | 'ours';

/** Settings that the paper's text states. */
const STATED = new Set([
  'dataset.name',
  'dataset.imageSide',
  'dataset.trainSize',
  'space',
  'cells',
  'channels',
  'epochs',
  'weights.lr',
  'weights.momentum',
  'omega.kind',
  'omega.iterations',
  'omega.coast',
  'omega.split',
]);

/** Settings that neither the paper nor the released search scripts state. */
const OURS = new Set(['omega.momentum', 'omega.lr']);

/** Where the full setting at that path comes from, with that solver. */
export function settingSource(path: string, solver: SolverId): SettingSource {
  if (isBaseline(solver)) return baselineSource(path, solver);
  if (STATED.has(path)) return 'paper';
  if (path.startsWith('solver.')) {
    if (solver === 'mgs') {
      const stated = path === 'solver.samples' || path === 'solver.density';
      return stated
        ? 'paper'
        : path === 'solver.clipNorm' || path === 'solver.measureBase'
          ? 'ours'
          : 'released scripts';
    }
    // For RS the paper's text says which form is the default, and nothing else.
    return path === 'solver.estimator' ? 'paper' : 'ours';
  }
  const [group] = path.split('.');
  return OURS.has(path) || isGroupName(group) ? 'ours' : 'released scripts';
}

/**
 * What a protocol does otherwise than the paper's search in the same space with the same solver, one sentence each, to be
 * printed under every result. Empty for the paper's own settings. What the paper leaves open is no deviation:
 * {@link openSettings} lists that.
 */
export function deviations(protocol: SearchProtocol): string[] {
  const { solver, omega } = protocol;
  const id = solverId(protocol);
  // The paper searches on three data sets with the same settings; computed images stand for the first of them.
  const { name } = protocol.dataset;
  const paper = onDataset(fullSearch(protocol.space, id, 'paper'), name === 'synthetic' ? 'cifar10' : name);
  const sentences: string[] = [];
  const told = new Set(['preset', 'budget', 'seed']);
  const changing = (Object.keys(GROUPS) as GroupName[]).filter((group) => !RECORDING.includes(group));
  const tell = (path: string, ...texts: string[]): void => {
    told.add(path);
    sentences.push(...texts);
  };
  told.add('space');
  if (typeof protocol.space !== 'string') {
    sentences.push(
      `The space "${protocol.space.name}" is declared for this search; the paper has none like it.`,
    );
  }
  if (solver.kind === 'mgs' && solver.density === 'flat') {
    tell(
      'solver.density',
      'The proposal density is taken as constant, so the weights are softmax(−L/τ) instead of Eq. 10 with Eq. 26.',
    );
  }
  if (solver.kind === 'mgs' && solver.density === 'released') {
    tell(
      'solver.density',
      'The weights divide by what the released script computes in place of Eq. 26: not normalized, with σ² multiplying where it should divide, and with 1e-4 added; it is nearly constant, so the weights are nearly softmax(−L/τ).',
      'Each direction is a blend of one draw around −g and one around 0, where Eq. 26 draws from one of the two.',
    );
  }
  if (omega.coast === 'coast') {
    tell(
      'omega.coast',
      'Candidates are never fine-tuned: as in the released script under the PyTorch of its time, the M steps of each candidate move the base weights instead, by momentum and weight decay alone, and each candidate starts from what the ones before it left.',
    );
    // The buffer that coasts is the base weights' own.
    told.add('omega.momentum');
  }
  if (omega.coast === 'noop') {
    tell(
      'omega.coast',
      'Candidates are never fine-tuned: as in the released script under PyTorch 2 and later, their M steps change nothing.',
    );
  }
  if (omega.split === 'val') {
    tell('omega.split', 'Fine-tuning reads the validation half, the images that also score the candidate.');
  }
  if (protocol.preset === 'released' && (solver.kind === 'rs' || solver.kind === 'gld')) {
    sentences.push(
      `The released search script has no ${solver.kind.toUpperCase()}; its settings are those of the released script that draws optimization paths.`,
    );
  }
  if (solver.kind === 'random') {
    sentences.push('Random search over architectures is a baseline of ours; the paper has none.');
  }
  if (isBaseline(id)) sentences.push(...standingDeviations(protocol, id));
  const method = isBaseline(id) ? METHODS[id].name : 'the paper';
  const genitive = method.endsWith('S') ? `${method}’` : `${method}’s`;
  for (const group of changing) {
    const [here, there] = [protocol[group], paper[group]];
    if (here !== undefined && there === undefined) {
      const settings = Object.entries(here).map(([name, value]) => `${name} ${String(value)}`);
      sentences.push(`${group} is on (${settings.join(', ')}); ${method} searches without it.`);
      for (const name of Object.keys(here)) told.add(`${group}.${name}`);
    }
    if (here === undefined && there !== undefined) {
      sentences.push(`${group} is off; ${method} searches with it.`);
    }
  }
  // How many eigenvalues are written down changes nothing in a search.
  told.add('stability.values');
  for (const { path } of describeProtocol(protocol)) {
    const [here, there] = [valueAt(protocol, path), valueAt(paper, path)];
    if (told.has(path) || isRecording(path) || Object.is(here, there)) continue;
    const source = settingSource(path, id);
    const whose = {
      paper: 'the paper has',
      'released scripts': 'the released scripts have',
      'baseline paper': `${genitive} paper has`,
      'baseline code': `${genitive} public code has`,
      ours: 'our default is',
    };
    sentences.push(`${path} is ${String(here)}; ${whose[source]} ${String(there)}.`);
  }
  return sentences;
}

/** A setting that the paper leaves open: its value in the protocol, and where the full protocol's value comes from. */
export interface OpenSetting {
  readonly path: string;
  readonly value: unknown;
  readonly source: Exclude<SettingSource, 'paper'>;
}

/** The settings of a protocol that the paper's text does not state. */
export function openSettings(protocol: SearchProtocol): OpenSetting[] {
  const labels = new Set(['version', 'kind', 'preset', 'budget', 'seed', 'solver.kind']);
  const tuned = isZeroOrder(protocol.solver);
  return describeProtocol(protocol).flatMap(({ path }) => {
    // A gradient solver has no candidates to fine-tune.
    if ((!tuned && path.startsWith('omega.')) || isRecording(path)) return [];
    const source = settingSource(path, solverId(protocol));
    return source === 'paper' || labels.has(path) ? [] : [{ path, value: valueAt(protocol, path), source }];
  });
}

/** Whether a setting only says what is recorded. */
function isRecording(path: string): boolean {
  return RECORDING.some((group) => path.startsWith(`${group}.`));
}

function valueAt(protocol: SearchProtocol, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((at, step) => (at as Record<string, unknown> | undefined)?.[step], protocol);
}
