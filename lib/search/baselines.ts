/**
 * The gradient solvers that the paper compares with, as settings of the one search: what their own papers and public code
 * state, and where each setting comes from.
 *
 * DARTS: Liu et al. 2019. R-DARTS, DARTS-ES, DARTS-ADA: Zela et al. 2020 (arXiv 1909.09656). SmoothDARTS: Chen and Hsieh
 * 2020. PC-DARTS: Xu et al. 2020.
 */
import { defaultsOf } from '../settings.js';
import type { Field, SettingSource } from '../settings.js';
import { groupWith, isGroupName } from './groups.js';
import { OMEGA } from './omega-protocol.js';
import { spaceOf } from './protocol.js';
import type { SearchProtocol } from './protocol.js';

/** One gradient solver: what it has otherwise than DARTS. */
export interface GradientSolver {
  /** Its name in tables. */
  readonly title: string;
  /** The name of its paper's method in sentences. */
  readonly family: string;
  /** Of second order; of first where it is left out. */
  readonly second?: boolean;
  readonly changes?: (darts: SearchProtocol) => Partial<SearchProtocol>;
  /** Whether a search by gradient is this one. The last one in the index that says so counts. */
  readonly is: (protocol: SearchProtocol) => boolean;
  /** Settings that its paper states, beside those that it takes over from DARTS. */
  readonly stated?: readonly string[];
  /** What it always does otherwise than its paper, a sentence. */
  readonly deviation?: string;
}

const R_DARTS = { family: 'R-DARTS', second: true } as const;
const STABILITY_STATED = ['stability.window', 'stability.lag', 'stability.ratio'];

/** The decay of the weights that searches by gradient have in the space; one above it makes R-DARTS(L2). */
const plainDecay = (protocol: SearchProtocol): number =>
  spaceOf(protocol).skeleton === 'stages' ? STAGES_SEARCH.weights.weightDecay : 3e-4;

/** What NAS-Bench-201's own searches have (the configuration of its code) where it is otherwise than in DARTS. */
export const STAGES_SEARCH = {
  cells: 15,
  channels: 16,
  batchSize: 64,
  epochs: 50,
  weights: { lr: 0.025, lrMin: 0.001, momentum: 0.9, weightDecay: 5e-4, nesterov: true },
} as const;

/** Every gradient solver, in the order in which tables show them. A new one is an entry here. */
export const GRADIENT = {
  'darts-1st': { title: 'DARTS 1st', family: 'DARTS', is: () => true },
  'darts-2nd': {
    title: 'DARTS 2nd',
    family: 'DARTS',
    second: true,
    is: ({ omega }) => omega.kind === 'unrolled',
  },
  'rdarts-dp': {
    ...R_DARTS,
    title: 'R-DARTS(DP)',
    changes: () => ({ dropPath: groupWith('dropPath'), cutout: groupWith('cutout') }),
    is: ({ dropPath }) => dropPath !== undefined,
    stated: ['dropPath.probability'],
    deviation:
      'R-DARTS searches with each drop-path probability of 0, 0.2, 0.4 and 0.6 and keeps the architecture that validates best; this is one search, with the probability that the settings name.',
  },
  'rdarts-l2': {
    ...R_DARTS,
    title: 'R-DARTS(L2)',
    changes: ({ weights }) => ({ weights: { ...weights, weightDecay: 81e-4 } }),
    is: (protocol) => protocol.weights.weightDecay > plainDecay(protocol) && !protocol.dropPath,
    stated: ['weights.weightDecay'],
    deviation:
      'R-DARTS searches with several weight decays (3e-4, 9e-4, 27e-4, 81e-4; its code also 243e-4) and keeps the architecture that validates best; this is one search, with the decay that the settings name.',
  },
  'darts-es': {
    ...R_DARTS,
    title: 'DARTS-ES',
    changes: () => ({ stability: groupWith('stability', { action: 'stop' }) }),
    is: ({ stability }) => stability?.action === 'stop',
    stated: STABILITY_STATED,
  },
  'darts-ada': {
    ...R_DARTS,
    title: 'DARTS-ADA',
    changes: () => ({ stability: groupWith('stability', { action: 'regularize' }) }),
    is: ({ stability }) => stability?.action === 'regularize',
    stated: STABILITY_STATED,
  },
  'pc-darts': {
    title: 'PC-DARTS',
    family: 'PC-DARTS',
    changes: ({ weights, solver }) => ({
      partialChannels: groupWith('partialChannels'),
      batchSize: 256,
      warmupEpochs: 15,
      weights: { ...weights, lr: 0.1, lrMin: 0 },
      solver: { ...solver, lr: 6e-4 } as SearchProtocol['solver'],
    }),
    is: ({ partialChannels }) => partialChannels !== undefined,
    stated: ['partialChannels.k', 'partialChannels.edgeNormalization', 'weights.lrMin'],
  },
  'sdarts-rs': {
    title: 'SDARTS-RS',
    family: 'SmoothDARTS',
    changes: () => ({ perturbation: groupWith('perturbation') }),
    is: ({ perturbation }) => perturbation?.kind === 'rs',
  },
  'sdarts-adv': {
    title: 'SDARTS-ADV',
    family: 'SmoothDARTS',
    changes: () => ({ perturbation: groupWith('perturbation', { kind: 'adv' }) }),
    is: ({ perturbation }) => perturbation?.kind === 'adv',
  },
} as const satisfies Readonly<Record<string, GradientSolver>>;

/** The id of a gradient solver. */
export type GradientId = keyof typeof GRADIENT;

/** The gradient solver with that id, if there is one. */
export function gradientSolver(id: string): GradientSolver | undefined {
  return Object.hasOwn(GRADIENT, id) ? GRADIENT[id as GradientId] : undefined;
}

/** The gradient solver that a protocol's settings amount to, named after what it has beside the gradient. */
export function gradientId(protocol: SearchProtocol): GradientId {
  const ids = Object.keys(GRADIENT) as GradientId[];
  return ids.reverse().find((id) => GRADIENT[id].is(protocol))!;
}

/**
 * The full protocol of a gradient solver: alpha moves before every weight step, from the first (after it where NAS-Bench-201's
 * code searches), and nothing is fine-tuned. The second order unrolls the step that the weights' SGD makes, momentum and decay
 * included, as in DARTS' code; Eq. 2 has a plain gradient step.
 *
 * @param base  Gives everything else, the gradient's own settings among it.
 */
export function gradientSearch(base: SearchProtocol, { second, changes }: GradientSolver): SearchProtocol {
  const omega: SearchProtocol['omega'] = second
    ? { ...defaultsOf(OMEGA.unrolled), momentum: true, weightDecay: true }
    : { kind: 'current' };
  const first = spaceOf(base).skeleton === 'stages' ? {} : { alphaFirst: true };
  const darts: SearchProtocol = { ...base, updateEvery: 1, warmupEpochs: 0, omega, ...first };
  return { ...darts, ...changes?.(darts) };
}

/** Settings that Liu et al. 2019 state (Section 2.3, appendix A.1); what follows DARTS keeps them or states its own. */
const STATED = new Set([
  'dataset.name',
  'dataset.imageSide',
  'dataset.trainSize',
  'space',
  'cells',
  'channels',
  'batchSize',
  'epochs',
  'warmupEpochs',
  'weights.lr',
  'weights.momentum',
  'weights.weightDecay',
  'omega.kind',
]);

/** Where the full setting of a gradient solver comes from. */
export function gradientSource({ path, source }: Field, { stated }: GradientSolver): SettingSource {
  if (STATED.has(path) || stated?.includes(path)) return 'baseline paper';
  // Eq. 2 states neither.
  if (path === 'omega.momentum' || path === 'omega.weightDecay') return 'baseline code';
  const [group] = path.split('.');
  const own = group === 'solver' || group === 'omega' || (isGroupName(group) && source !== undefined);
  return own ? (source ?? 'ours') : isGroupName(group) ? 'ours' : 'baseline code';
}

/** What a gradient solver does here otherwise than its own paper and code, whatever its settings; one sentence each. */
export function standingDeviations(protocol: SearchProtocol, method: GradientSolver): string[] {
  const { preset, omega, stability, perturbation } = protocol;
  const { every = 1 } = stability ?? {};
  const released = preset === 'released' && protocol.solver.kind === 'darts';
  const second = omega.kind === 'unrolled';
  const { edges } = spaceOf(protocol);
  const noisy = Object.values(edges).some((cell) => cell.some((edge) => edge.includes('noise')));
  const when = (condition: boolean, sentence: string): string[] => (condition ? [sentence] : []);
  return [
    ...when(
      released && second,
      'The released code has DARTS’ second order switched off; this is what its functions compute where they are called, with momentum and decay in the unrolled step.',
    ),
    ...when(
      released && !second,
      `The released search never moves alpha by its gradient; the settings are those of ${method.family} itself.`,
    ),
    ...when(
      method.family !== 'PC-DARTS',
      'Validation batches pass through their half without repetition; the public code draws one anew from the half for each update.',
    ),
    ...when(
      second && (noisy || protocol.dropPath !== undefined),
      'The passes whose difference is the second-order term draw the same noise and drop the same paths; the public code draws anew in each.',
    ),
    ...(method.deviation === undefined ? [] : [method.deviation]),
    ...when(
      stability !== undefined,
      'Whether the eigenvalue has risen follows the numbers of R-DARTS’ paper (averages over 5 epochs, 5 apart, ratio 0.75); its code averages over 10, compares 8 apart, and takes a rise by the factor 1.3.',
    ),
    ...when(
      stability !== undefined,
      `The dominant eigenvalue is that of the loss on the first batch of the validation half, not augmented, by Lanczos’ method at ${every === 1 ? 'every epoch’s end' : `the end of one epoch in ${every}`}; R-DARTS’ code takes it from the whole Hessian on the epoch’s last batch, augmented and with alpha’s decay added, every second epoch${protocol.dropPath === undefined ? '' : ', of a network with paths dropped; here none is'}.`,
    ),
    ...when(
      stability?.action === 'regularize',
      'After going back, the search goes back again at the earliest to the same epoch; R-DARTS’ code could go back further.',
    ),
    ...when(
      perturbation?.kind === 'adv',
      'The adversarial perturbation is sought with batch norms on the batch’s own statistics; SmoothDARTS’ code seeks it with running ones.',
    ),
  ];
}
