/**
 * The paper's own search settings, the presets beside them, and the smaller budgets, all derived from the defaults that the
 * schemas state.
 */
import type { z } from 'zod';
import { ALL_DATASETS, isPhotoDataset, officialSize } from '../datasets/registry.js';
import { UsageError, knownName } from '../errors.js';
import { keepAll } from '../latest.js';
import { defaultsOf, describe, valueAt } from '../settings.js';
import type { Field, Preset, SettingSource } from '../settings.js';
import { zeroOrderDefinition } from '../solvers/registry.js';
import { SIGMA_ELSEWHERE, spaceById } from '../spaces/spaces.js';
import type { SearchSpace, Skeleton } from '../spaces/spaces.js';
import {
  gradientSearch,
  gradientSolver,
  gradientSource,
  STAGES_SEARCH,
  standingDeviations,
} from './baselines.js';
import { GROUP_NAMES, isGroupName, RECORDING } from './groups.js';
import { OMEGA } from './omega-protocol.js';
import {
  BUDGETS,
  DARTS_DEFAULTS,
  halfSize,
  isDrawn,
  PRESETS,
  RANDOM_WS_DEFAULTS,
  SEARCH,
  searchSchema,
  spaceOf,
  updatePeriod,
} from './protocol.js';
import type { Budget, SearchProtocol, SolverProtocol } from './protocol.js';
import { solverEntry, solverId } from './solvers.js';
import type { SolverId } from './solvers.js';

/** A solver's settings at the start of a search in the space. Those of zero order alone depend on it. */
function solverSettings(space: SearchProtocol['space'], id: string, preset: Preset): SolverProtocol {
  if (id === RANDOM_WS_DEFAULTS.kind) return RANDOM_WS_DEFAULTS;
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
 * what their own papers and public code state (./baselines.ts), whatever the preset.
 *
 * In a space of skeleton `stages` the supernet and its weights' SGD are those of NAS-Bench-201's own searches.
 *
 * @param space   The id of a built-in space, or a declared one.
 * @param preset  Left out: what the solver's name stands for, `paper` unless it says otherwise.
 * @throws {UsageError} for an unknown space, solver or preset, for another preset than a name stands for, and for a wrong
 *         declaration (naming its place).
 */
export function fullSearch(space: string | SearchSpace, solver = 'mgs', preset?: string): SearchProtocol {
  if (typeof space === 'string') spaceById(space);
  const { base, preset: own } = solverEntry(solver);
  const chosen = knownName('preset', preset ?? own, PRESETS);
  if (base !== solver && chosen !== own) {
    throw new UsageError(
      `The solver ${solver} is ${base} with preset ${own}; choose ${base} for preset ${chosen}.`,
    );
  }
  const named = space as SearchProtocol['space'];
  const defaults = defaultsOf(searchSchema);
  const { weights, ...stages } = STAGES_SEARCH;
  const protocol: SearchProtocol = {
    ...defaults,
    ...(isStaged(named) && { ...stages, weights: { ...defaults.weights, ...weights } }),
    preset: chosen,
    space: named,
    solver: solverSettings(named, base, chosen),
    omega: defaultsOf(chosen === 'released' ? OMEGA.coast : OMEGA.finetuned),
  };
  if (isDrawn(protocol.solver)) {
    return SEARCH.parse({ ...protocol, omega: { kind: 'current' }, updateEvery: 1, warmupEpochs: 0 });
  }
  const gradient = gradientSolver(base);
  return SEARCH.parse(gradient ? gradientSearch(protocol, gradient) : protocol);
}

/** Whether a space, as a protocol names or declares it, is of skeleton `stages`. */
function isStaged(space: SearchProtocol['space']): boolean {
  return (typeof space === 'string' ? spaceById(space) : space).skeleton === 'stages';
}

/** The share of ImageNet's training images that a search uses, one in so many: 12.5 %, as PC-DARTS samples (Xu et al. 2020). */
const IMAGENET_ONE_IN = 8;

/**
 * The full protocol on another data set, all of its training images (of ImageNet an eighth, the classes in turn); everything
 * else stays, as in the paper.
 *
 * @param full   A protocol of budget `full`.
 * @param there  How many training images a folder of one's own has.
 * @throws {UsageError} for an unknown data set, and for a folder without its number.
 */
export function onDataset(full: SearchProtocol, dataset: string, there?: number): SearchProtocol {
  const name = knownName('data set', dataset, ALL_DATASETS);
  const all = officialSize(name, 'train', there);
  const trainSize = name === 'imagenet' ? Math.floor(all / IMAGENET_ONE_IN) : all;
  // A folder of one's own may hold fewer images than a batch of the paper's.
  const { batchSize } = full;
  const few = name === 'folder' ? Math.min(batchSize, Math.max(1, Math.floor(trainSize / 2))) : batchSize;
  return { ...full, dataset: { name, imageSide: 32, trainSize }, batchSize: few };
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
  { preset, length }: { readonly preset?: Preset | undefined; readonly length?: Length } = {},
): SearchProtocol {
  const { base, preset: own, readByPreset } = solverEntry(id);
  const chosen = readByPreset ? (preset ?? own) : own;
  return kept([space, base, chosen, dataset, budget, length ?? null], () =>
    withBudget(onDataset(fullSearch(space, base, chosen), dataset), budget, length),
  );
}

/** Tables ask for each once a seed. */
const kept = keepAll<SearchProtocol>();

/** A budget that is less than everything. */
export type SmallBudget = Exclude<Budget, 'full'>;

/**
 * What a budget may use at most; the rest of a protocol does not depend on the budget. `smoke` is sized to end in seconds (4
 * weight steps and 2 alpha updates an epoch), `laptop` in about a minute on two cores in S2 with N = 4 and in a few in the
 * DARTS space (16 weight steps and 4 alpha updates an epoch).
 */
const DARTS_CAPS: Readonly<Record<SmallBudget, Caps>> = {
  smoke: {
    dataset: { imageSide: 16, trainSize: 64 },
    cells: 3,
    channels: 4,
    batchSize: 8,
    epochs: 2,
    omega: { iterations: 2 },
    stability: { products: 5 },
    solver: { architectures: 8, batches: 2, finalists: 2 },
    ranking: { architectures: 8 },
  },
  laptop: {
    dataset: { imageSide: 16, trainSize: 1024 },
    cells: 5,
    channels: 8,
    batchSize: 32,
    epochs: 10,
    omega: { iterations: 4 },
    stability: { products: 20 },
    solver: { batches: 4 },
  },
};

/** What every long search may use: all images of a subset like the one that comes first in CIFAR-10's files. */
const LONG = { dataset: { imageSide: 16, trainSize: 8000 }, batchSize: 32, stability: { products: 20 } };

/**
 * How long a search at `laptop` is: short ones show which way an effect goes while one waits; long ones are for what takes
 * thousands of steps to show, above all a collapse: some 2,000 weight steps, a few minutes. Repeated ones have as many steps, on
 * so few images, so often, that they are learned by heart.
 */
export type Length = 'short' | 'long' | 'repeated';

/**
 * The caps of long searches, by skeleton. In spaces of skeleton `stages` all are long, with about a thousand weight steps: by
 * first-order DARTS in about a minute on two cores, by MGS with N = 4 and M = 10 in a few. Of sizes that take as long this is
 * the one at which supernets rank architectures best (reproductions/PILOTS.md).
 */
const LONG_CAPS: Readonly<Record<Skeleton, Caps>> = {
  darts: { ...LONG, cells: 5, channels: 8, epochs: 16, solver: { batches: 10 } },
  stages: { ...LONG, cells: 3, channels: 16, epochs: 8, solver: { batches: 5 } },
};

/** What repeated searches have: as many steps as {@link LONG_CAPS}' of skeleton `darts`, on an eighth of the images. */
const REPEATED = { trainSize: 1024, epochs: 120 } as const;

/** Largest values of settings, nested as they are. */
export interface Caps {
  readonly [setting: string]: number | Caps;
}

/** Settings with whatever exceeds its cap cut down to it; what they do not have is passed over. */
export function capped<T>(settings: T, caps: Caps): T {
  const at = settings as Readonly<Record<string, unknown>>;
  const cut = Object.entries(caps)
    .filter(([name]) => at[name] !== undefined)
    .map(([name, cap]) => [
      name,
      typeof cap === 'number' ? Math.min(at[name] as number, cap) : capped(at[name], cap),
    ]);
  return { ...settings, ...(Object.fromEntries(cut) as Partial<T>) };
}

/**
 * The budget to cut a protocol down to; undefined for the full one.
 *
 * @throws {UsageError} for an unknown budget, and for a protocol that is not full (derive from the full one instead).
 */
export function smallBudget(full: { readonly budget: Budget }, budget: string): SmallBudget | undefined {
  const known = knownName('budget', budget, BUDGETS);
  if (full.budget !== 'full') {
    throw new UsageError(
      `The protocol has budget ${full.budget}; a budget is derived from the full protocol only.`,
    );
  }
  return known === 'full' ? undefined : known;
}

/**
 * The protocol for a smaller budget, derived from a full one: whatever exceeds what the budget allows is cut down to it,
 * warm-up and whatever else is counted in epochs keep their share of them, a cut-out its share of the image; everything
 * else (solver, σ, τ, seed) stays, but at `laptop` for learning rates, by one rule: alpha's rate times the number of its updates is that of
 * the full search, so that alpha can go as far; in one that is not short likewise the weights' rate times their steps (that of
 * fine-tuning follows it). Where a short search has so few steps that the weights' rate would have to be far too large for
 * them, it stays, or shrinks with a batch of more images than DARTS has (Goyal et al. 2017).
 *
 * @param full    A protocol of budget `full`.
 * @param length  Of a search at `laptop`.
 * @throws {UsageError} as {@link smallBudget}.
 */
export function withBudget(full: SearchProtocol, budget: string, length: Length = 'short'): SearchProtocol {
  const known = smallBudget(full, budget);
  if (known === undefined) return full;
  const { skeleton = 'darts' } = spaceOf(full);
  const long = known === 'laptop' && (length !== 'short' || skeleton === 'stages');
  const once = capped(full, long ? LONG_CAPS[skeleton] : DARTS_CAPS[known]);
  const { trainSize, epochs } = REPEATED;
  const repeated = long && length === 'repeated';
  const cut = repeated ? { ...capped(once, { dataset: { trainSize } }), epochs } : once;
  const share = (count: number): number => Math.round((count * cut.epochs) / full.epochs);
  const { cutout, stability } = cut;
  const warmupEpochs = share(full.warmupEpochs);
  const solver =
    known === 'laptop' ? atRate(cut.solver, alphaUpdates(full), { ...cut, warmupEpochs }) : cut.solver;
  const plain = Math.min(1, Math.max(cut.batchSize, defaultsOf(searchSchema).batchSize) / full.batchSize);
  const factor = long ? weightSteps(full) / weightSteps(cut) : plain;
  const { lr, lrMin } = cut.weights;
  const weights = { ...cut.weights, lr: rounded(lr * factor), lrMin: rounded(lrMin * factor) };
  const ofImage = cut.dataset.imageSide / full.dataset.imageSide;
  return SEARCH.parse({
    ...cut,
    budget: known,
    warmupEpochs,
    weights,
    solver,
    ...(cutout && { cutout: { ...cutout, length: 2 * Math.round((cutout.length * ofImage) / 2) } }),
    ...(stability && {
      stability: {
        ...stability,
        window: Math.max(1, share(stability.window)),
        lag: Math.max(1, share(stability.lag)),
        startEpoch: share(stability.startEpoch),
        // What stops a search or goes back looks at every epoch.
        ...(cut.epochs > full.epochs &&
          stability.action === 'record' && { every: Math.max(1, share(stability.every ?? 1)) }),
      },
    }),
  });
}

/** Weight steps in a search. */
function weightSteps(protocol: SearchProtocol): number {
  return protocol.epochs * Math.floor(halfSize(protocol) / protocol.batchSize);
}

/** Updates of alpha in a search. */
export function alphaUpdates(protocol: SearchProtocol): number {
  const { batchSize, epochs, warmupEpochs, solver } = protocol;
  if (isDrawn(solver)) return 0;
  const perEpoch = Math.floor(halfSize(protocol) / batchSize);
  const period = updatePeriod(protocol);
  return Math.floor((epochs * perEpoch) / period) - Math.floor((warmupEpochs * perEpoch) / period);
}

/** Without the last digits, which are a multiplication's. */
const rounded = (rate: number): number => Number(rate.toPrecision(12));

/** A solver with a rate, that of gradient descent or ξ of RS, such that rate × updates is what it is in another search. */
function atRate(solver: SolverProtocol, updates: number, cut: SearchProtocol): SolverProtocol {
  const factor = updates / Math.max(1, alphaUpdates(cut));
  if (solver.kind === 'darts') return { ...solver, lr: rounded(solver.lr * factor) };
  return solver.kind === 'rs' ? { ...solver, xi: rounded(solver.xi * factor) } : solver;
}

/** Where the full setting comes from, in a search with that solver. */
export function settingSource(field: Field, solver: SolverId): SettingSource {
  const gradient = gradientSolver(solver);
  if (gradient) return gradientSource(field, gradient);
  if (solver === 'random-ws' && isRandomWsOwn(field.path)) return field.source ?? 'baseline code';
  // A zero-order solver brings no group of its own.
  return isGroupName(field.path.split('.')[0]) ? 'ours' : (field.source ?? 'paper');
}

/** What random search with weight sharing has otherwise than the paper's searches: no updates of alpha. */
function isRandomWsOwn(path: string): boolean {
  return /^(solver|omega)\.|^(updateEvery|warmupEpochs)$/.test(path);
}

/** What NAS-Bench-201's own searches state: settings of the supernet, of its data and of its weights' SGD. */
function isStagesOwn(path: string): boolean {
  return /^(weights|dataset)\.|^(cells|channels|batchSize|epochs|alphaInitScale)$/.test(path);
}

/** What stands for fine-tuning in the released script, by whether the base weights drift. */
const COAST = {
  true: 'Candidates are never fine-tuned: as in the released script under the PyTorch of its time, the M steps of each candidate move the base weights instead, by momentum and weight decay alone, and each candidate starts from what the ones before it left.',
  false:
    'Candidates are never fine-tuned: as in the released script under PyTorch 2 and later, their M steps change nothing.',
};

/** The paper's search in the same space with the same solver. */
export function paperSearch(protocol: SearchProtocol): SearchProtocol {
  // The paper searches on three data sets with the same settings; computed images stand for the first of them.
  const { name } = protocol.dataset;
  const full = fullSearch(protocol.space, solverId(protocol), 'paper');
  return onDataset(full, isPaperData(name) ? name : 'cifar10');
}

/**
 * What a protocol does otherwise than the paper's search, one sentence each, to be printed under every result. Empty for the
 * paper's own settings. What the paper leaves open is no deviation: {@link openSettings} lists that.
 */
export function deviations(protocol: SearchProtocol, paper = paperSearch(protocol)): string[] {
  const { solver, omega, preset } = protocol;
  const id = solverId(protocol);
  const sentences: string[] = [];
  // How many eigenvalues are written down changes nothing in a search.
  const told = new Set(['preset', 'budget', 'seed', 'space', 'stability.values']);
  if (typeof protocol.space !== 'string') {
    sentences.push(
      `The space "${protocol.space.name}" is declared for this search; the paper has none like it.`,
    );
  } else if (isStaged(protocol.space)) {
    sentences.push(
      `The space and its supernet are ${spaceById(protocol.space).title}’s, the paper does not search in it; batch norms have the statistics of the batch${protocol.normalization === 'running' ? ' in weight steps, running ones where validation losses are read' : ''}.`,
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
  if (isDrawn(solver)) sentences.push(...RANDOM_WS_SENTENCES);
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
  told.add('normalization');
  const settings = settingsOf(protocol).filter(({ path }) => !told.has(path));
  const [ofSpace, others] = [true, false].map((own) =>
    settings.filter(({ path }) => (isStaged(protocol.space) && isStagesOwn(path)) === own),
  );
  return [
    ...sentences,
    ...rateSentences(protocol, paper),
    ...differences(ofSpace, paper, 'NAS-Bench-201’s'),
    ...differences(others, paper, isDrawn(solver) ? 'R-DARTS’' : genitive),
  ];
}

/** What random search with weight sharing does otherwise than in R-DARTS' code. */
const RANDOM_WS_SENTENCES = [
  'Random search with weight sharing is a baseline that the paper lacks; it follows Li and Talwalkar’s as R-DARTS’ code has it.',
  'none is not drawn where no genotype can have it, all architectures are ranked on the same validation batches, of equally many errors the smaller loss counts, and batch norms have the statistics of the batch; R-DARTS’ code draws none, ranks on successive batches, and takes running statistics.',
];

/** How far alpha and the weights can go: their rates times their steps, where a smaller budget has fewer. */
function rateSentences(protocol: SearchProtocol, full: SearchProtocol): string[] {
  if (protocol.budget === 'full') return [];
  const product = (rate: number, steps: number) => Number((rate * steps).toPrecision(3));
  const rateOf = ({ solver }: SearchProtocol) =>
    solver.kind === 'darts' ? solver.lr : solver.kind === 'rs' ? solver.xi : undefined;
  const ofAlpha = (each: SearchProtocol): string => {
    const [rate, updates] = [rateOf(each), alphaUpdates(each)];
    return rate === undefined ? `${updates} times` : `${product(rate, updates)}, of ${updates} updates`;
  };
  const ofWeights = (each: SearchProtocol) =>
    `${product(each.weights.lr, weightSteps(each))}, of ${weightSteps(each)} steps`;
  const moves = rateOf(protocol) === undefined ? ' moves' : '’s rate times the number of its updates is';
  return [
    ...(isDrawn(protocol.solver)
      ? []
      : [`Alpha${moves} ${ofAlpha(protocol)}; in the full search ${ofAlpha(full)}.`]),
    `The weights’ rate times the number of their steps is ${ofWeights(protocol)}; in the full search ${ofWeights(full)}.`,
  ];
}

/** Whether the paper searches on a data set; computed images and one's own stand for CIFAR-10. */
function isPaperData(name: SearchProtocol['dataset']['name']): boolean {
  return name !== 'synthetic' && !isPhotoDataset(name);
}

/** A setting, and where the full protocol's value comes from. */
export interface SourcedSetting {
  readonly path: string;
  readonly value: unknown;
  readonly source: SettingSource;
}

/** Every setting of a protocol. @param sourceOf  Where the full protocol's value comes from. */
export function sourced(
  schema: z.ZodObject,
  protocol: object,
  sourceOf: (field: Field) => SettingSource,
): SourcedSetting[] {
  return describe(schema, protocol).map((field) => {
    const { path } = field;
    return { path, value: valueAt(protocol, path), source: sourceOf(field) };
  });
}

/** One sentence for each of the settings that another protocol has otherwise. @param baseline  Whose paper and code are meant. */
export function differences(settings: readonly SourcedSetting[], other: object, baseline = ''): string[] {
  const whose = {
    paper: 'the paper has',
    'released scripts': 'the released scripts have',
    'baseline paper': `${baseline} paper has`,
    'baseline code': `${baseline} public code has`,
    ours: 'our default is',
  };
  return settings
    .map((setting) => ({ ...setting, there: valueAt(other, setting.path) }))
    .filter(({ value, there }) => !Object.is(value, there))
    .map(
      ({ path, value, source, there }) => `${path} is ${String(value)}; ${whose[source]} ${String(there)}.`,
    );
}

/** The settings of a search that do more than say what is recorded. */
function settingsOf(protocol: SearchProtocol): SourcedSetting[] {
  const id = solverId(protocol);
  const sourceOf = (field: Field): SettingSource =>
    isStaged(protocol.space) && isStagesOwn(field.path) ? 'baseline code' : settingSource(field, id);
  return sourced(searchSchema, protocol, sourceOf).filter(
    ({ path }) => !RECORDING.some((group) => path.startsWith(`${group}.`)),
  );
}

/** The settings of a protocol that the paper's text does not state. */
export function openSettings(protocol: SearchProtocol): SourcedSetting[] {
  const labels = new Set(['version', 'kind', 'preset', 'budget', 'seed', 'solver.kind']);
  return settingsOf(protocol).filter(({ path, source }) => source !== 'paper' && !labels.has(path));
}
