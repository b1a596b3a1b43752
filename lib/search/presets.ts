/**
 * The paper's own search settings, the presets beside them, and the smaller budgets, all derived from the defaults that the
 * schemas state.
 */
import { DATASET_NAMES, officialSize } from '../datasets/registry.js';
import { UsageError, unknownName } from '../errors.js';
import { defaultsOf, describe, valueAt } from '../settings.js';
import type { Field, Preset, SettingSource } from '../settings.js';
import { zeroOrderDefinition } from '../solvers/registry.js';
import { SIGMA_ELSEWHERE, spaceById } from '../spaces/spaces.js';
import type { SearchSpace } from '../spaces/spaces.js';
import { gradientSearch, gradientSolver, gradientSource, standingDeviations } from './baselines.js';
import { GROUP_NAMES, isGroupName, RECORDING } from './groups.js';
import { OMEGA } from './omega-protocol.js';
import { BUDGETS, DARTS_DEFAULTS, PRESETS, SEARCH, searchSchema } from './protocol.js';
import type { Budget, SearchProtocol, SolverProtocol } from './protocol.js';
import { solverEntry, solverId } from './solver-id.js';
import type { SolverId } from './solver-id.js';

/** A solver's settings at the start of a search in the space. Gradient descent has the same in all. */
function solverSettings(space: SearchProtocol['space'], id: string, preset: Preset): SolverProtocol {
  const definition = zeroOrderDefinition(id);
  if (!definition) return DARTS_DEFAULTS;
  const start = typeof space === 'string' ? spaceById(space) : { sigma: SIGMA_ELSEWHERE };
  const { defaults, presets } = definition;
  return { kind: id, ...defaults, ...definition.inSpace?.(start), ...presets?.[preset] } as SolverProtocol;
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
 * @param space   The id of a built-in space, or a declared one.
 * @param preset  Left out: what the solver's name stands for, `paper` unless it says otherwise.
 * @throws {UsageError} for an unknown space, solver or preset, for another preset than a name stands for, and for a wrong
 *         declaration (naming its place).
 */
export function fullSearch(space: string | SearchSpace, solver = 'mgs', preset?: string): SearchProtocol {
  if (typeof space === 'string') spaceById(space);
  const { base, preset: own } = solverEntry(solver);
  const chosen = PRESETS.find((each) => each === (preset ?? own));
  if (!chosen) throw unknownName('preset', String(preset), PRESETS);
  if (base !== solver && chosen !== own) {
    throw new UsageError(
      `The solver ${solver} is ${base} with preset ${own}; choose ${base} for preset ${chosen}.`,
    );
  }
  const named = space as SearchProtocol['space'];
  const protocol: SearchProtocol = {
    ...defaultsOf(searchSchema),
    preset: chosen,
    space: named,
    solver: solverSettings(named, base, chosen),
    omega: defaultsOf(chosen === 'released' ? OMEGA.coast : OMEGA.finetuned),
  };
  const gradient = gradientSolver(base);
  return SEARCH.parse(gradient ? gradientSearch(protocol, gradient) : protocol);
}

/**
 * The full protocol on another data set, all of its training images; everything else stays, as in the paper.
 *
 * @param full  A protocol of budget `full`.
 * @throws {UsageError} for an unknown data set.
 */
export function onDataset(full: SearchProtocol, dataset: string): SearchProtocol {
  const name = DATASET_NAMES.find((each) => each === dataset);
  if (!name) throw unknownName('data set', dataset, DATASET_NAMES);
  return { ...full, dataset: { name, imageSide: 32, trainSize: officialSize(name, 'train') } };
}

/**
 * The search of a solver as tables compare it.
 *
 * @param preset  Takes the place of the name's own, where presets read the solver's algorithm in different ways.
 */
export function solverSearch(
  id: SolverId,
  space: string | SearchSpace,
  dataset: string,
  budget: Budget,
  preset?: Preset,
): SearchProtocol {
  const { base, preset: own, readByPreset } = solverEntry(id);
  return withBudget(
    onDataset(fullSearch(space, base, readByPreset ? (preset ?? own) : own), dataset),
    budget,
  );
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
  const { omega, cutout, stability } = full;
  return SEARCH.parse({
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
    omega:
      'iterations' in omega ? { ...omega, iterations: Math.min(omega.iterations, caps.iterations) } : omega,
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

/** Where the full setting comes from, in a search with that solver. */
export function settingSource(field: Field, solver: SolverId): SettingSource {
  const gradient = gradientSolver(solver);
  if (gradient) return gradientSource(field, gradient);
  // A zero-order solver brings no group of its own.
  return isGroupName(field.path.split('.')[0]) ? 'ours' : (field.source ?? 'paper');
}

/** What stands for fine-tuning in the released script, by whether the base weights drift. */
const COAST = {
  true: 'Candidates are never fine-tuned: as in the released script under the PyTorch of its time, the M steps of each candidate move the base weights instead, by momentum and weight decay alone, and each candidate starts from what the ones before it left.',
  false:
    'Candidates are never fine-tuned: as in the released script under PyTorch 2 and later, their M steps change nothing.',
};

/**
 * What a protocol does otherwise than the paper's search in the same space with the same solver, one sentence each, to be
 * printed under every result. Empty for the paper's own settings. What the paper leaves open is no deviation:
 * {@link openSettings} lists that.
 */
export function deviations(protocol: SearchProtocol): string[] {
  const { solver, omega, preset } = protocol;
  const id = solverId(protocol);
  // The paper searches on three data sets with the same settings; computed images stand for the first of them.
  const { name } = protocol.dataset;
  const paper = onDataset(fullSearch(protocol.space, id, 'paper'), name === 'synthetic' ? 'cifar10' : name);
  const sentences: string[] = [];
  // How many eigenvalues are written down changes nothing in a search.
  const told = new Set(['preset', 'budget', 'seed', 'space', 'stability.values']);
  if (typeof protocol.space !== 'string') {
    sentences.push(
      `The space "${protocol.space.name}" is declared for this search; the paper has none like it.`,
    );
  }
  const ofSolver = zeroOrderDefinition(id)?.deviations?.(solver, preset) ?? [];
  for (const { sentence, of } of ofSolver) {
    if (of === undefined) continue;
    told.add(`solver.${of}`);
    sentences.push(sentence);
  }
  if (omega.kind === 'coast') {
    for (const path of ['omega.kind', 'omega.drift']) told.add(path);
    sentences.push(COAST[`${omega.drift}`]);
  }
  if (omega.kind === 'coast' || (omega.kind === 'finetuned' && omega.split === 'val')) {
    told.add('omega.split');
    sentences.push('Fine-tuning reads the validation half, the images that also score the candidate.');
  }
  sentences.push(...ofSolver.flatMap(({ sentence, of }) => (of === undefined ? [sentence] : [])));
  const gradient = gradientSolver(id);
  if (gradient) sentences.push(...standingDeviations(protocol, gradient));
  const method = gradient?.family ?? 'the paper';
  const genitive = method.endsWith('S') ? `${method}’` : `${method}’s`;
  for (const group of GROUP_NAMES.filter((each) => !RECORDING.includes(each))) {
    const [here, there] = [protocol[group], paper[group]];
    if (here !== undefined && there === undefined) {
      const settings = Object.entries(here).map(([field, value]) => `${field} ${String(value)}`);
      sentences.push(`${group} is on (${settings.join(', ')}); ${method} searches without it.`);
      for (const field of Object.keys(here)) told.add(`${group}.${field}`);
    }
    if (here === undefined && there !== undefined) {
      sentences.push(`${group} is off; ${method} searches with it.`);
    }
  }
  for (const field of describe(searchSchema, protocol)) {
    const { path } = field;
    const [here, there] = [valueAt(protocol, path), valueAt(paper, path)];
    if (told.has(path) || isRecording(path) || Object.is(here, there)) continue;
    const whose = {
      paper: 'the paper has',
      'released scripts': 'the released scripts have',
      'baseline paper': `${genitive} paper has`,
      'baseline code': `${genitive} public code has`,
      ours: 'our default is',
    };
    sentences.push(`${path} is ${String(here)}; ${whose[settingSource(field, id)]} ${String(there)}.`);
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
  const id = solverId(protocol);
  return describe(searchSchema, protocol).flatMap((field) => {
    const { path } = field;
    const source = settingSource(field, id);
    if (source === 'paper' || labels.has(path) || isRecording(path)) return [];
    return [{ path, value: valueAt(protocol, path), source }];
  });
}

/** Whether a setting only says what is recorded. */
function isRecording(path: string): boolean {
  return RECORDING.some((group) => path.startsWith(`${group}.`));
}
