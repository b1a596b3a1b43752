/**
 * The gradient solvers that the paper compares with, as settings of the one search: what their own papers and public code
 * state, and where each setting comes from.
 *
 * DARTS: Liu et al. 2019. R-DARTS, DARTS-ES, DARTS-ADA: Zela et al. 2020 (arXiv 1909.09656). SmoothDARTS: Chen and Hsieh
 * 2020. PC-DARTS: Xu et al. 2020.
 */
import { spaceOf } from './protocol.js';
import type { DartsProtocol, SearchProtocol } from './protocol.js';
import { GROUP_DEFAULTS } from './groups.js';
import type { SolverId } from './solver-id.js';

/** The solvers that move alpha by its gradient. */
export type BaselineId = Exclude<SolverId, 'mgs' | 'rs' | 'gld' | 'random'>;

/** One gradient solver. */
interface Method {
  /** Its name in sentences. */
  readonly name: string;
  readonly order: DartsProtocol['order'];
  /** Adam's learning rate. */
  readonly lr: number;
  /** What it has otherwise than DARTS. */
  readonly changes: (darts: SearchProtocol) => Partial<SearchProtocol>;
  /** Settings that its paper states, beside those that it takes over from DARTS. */
  readonly stated: readonly string[];
}

/** Adam's learning rate on alpha in DARTS and what follows it. */
const ADAM_LR = 3e-4;

const DARTS: Method = {
  name: 'DARTS',
  order: 'first',
  lr: ADAM_LR,
  changes: () => ({}),
  stated: [],
};

/** R-DARTS' searches are of second order, as its public scripts run them. */
const R_DARTS: Method = { ...DARTS, name: 'R-DARTS', order: 'second' };

const followed = (action: SearchProtocol['stability'] & object): Method['changes'] => {
  return () => ({ stability: action });
};

const STABILITY_STATED = ['stability.window', 'stability.lag', 'stability.ratio'];

const SMOOTH_DARTS: Method = { ...DARTS, name: 'SmoothDARTS' };

/** Every gradient solver, by its name. */
export const METHODS: Readonly<Record<BaselineId, Method>> = {
  'darts-1st': DARTS,
  'darts-2nd': { ...DARTS, order: 'second' },
  'rdarts-dp': {
    ...R_DARTS,
    changes: () => ({ dropPath: GROUP_DEFAULTS.dropPath, cutout: GROUP_DEFAULTS.cutout }),
    stated: ['dropPath.probability'],
  },
  'rdarts-l2': {
    ...R_DARTS,
    changes: ({ weights }) => ({ weights: { ...weights, weightDecay: 81e-4 } }),
    stated: ['weights.weightDecay'],
  },
  'darts-es': {
    ...R_DARTS,
    changes: followed({ ...GROUP_DEFAULTS.stability, action: 'stop' }),
    stated: STABILITY_STATED,
  },
  'darts-ada': {
    ...R_DARTS,
    changes: followed({ ...GROUP_DEFAULTS.stability, action: 'regularize' }),
    stated: STABILITY_STATED,
  },
  'sdarts-rs': {
    ...SMOOTH_DARTS,
    changes: () => ({ perturbation: GROUP_DEFAULTS.perturbation }),
    stated: [],
  },
  'sdarts-adv': {
    ...SMOOTH_DARTS,
    changes: () => ({ perturbation: { ...GROUP_DEFAULTS.perturbation, kind: 'adv' } }),
    stated: [],
  },
  'pc-darts': {
    ...DARTS,
    name: 'PC-DARTS',
    lr: 6e-4,
    changes: ({ weights }) => ({
      partialChannels: GROUP_DEFAULTS.partialChannels,
      batchSize: 256,
      warmupEpochs: 15,
      weights: { ...weights, lr: 0.1, lrMin: 0 },
    }),
    stated: ['partialChannels.k', 'partialChannels.edgeNormalization', 'weights.lrMin'],
  },
};

/** Whether a solver is one of {@link METHODS}. */
export function isBaseline(id: SolverId): id is BaselineId {
  return id in METHODS;
}

/**
 * The full protocol of a gradient solver: alpha moves after every weight step, from the first, and nothing is fine-tuned.
 *
 * @param zeroOrder  A zero-order search with the gradient solver's own `solver` settings; gives everything else.
 */
export function baselineSearch(zeroOrder: SearchProtocol, id: BaselineId): SearchProtocol {
  const darts: SearchProtocol = {
    ...zeroOrder,
    updateEvery: 1,
    warmupEpochs: 0,
    omega: {
      kind: 'finetuned',
      iterations: 0,
      momentum: 'zero',
      lr: 'scheduled',
      coast: 'none',
      split: 'train',
    },
  };
  return { ...darts, ...METHODS[id].changes(darts) };
}

/** Where a setting of a gradient solver comes from: its own paper, or its public code. */
export type BaselineSource = 'baseline paper' | 'baseline code';

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
  'solver.order',
  'solver.lr',
  'solver.beta1',
  'solver.beta2',
  'solver.weightDecay',
  'solver.radius',
]);

/** Settings that are ours: none of the papers' codes has them. */
const OURS = new Set(['stability.products', 'stability.values']);

/** Where the full setting at that path of a gradient solver comes from. */
export function baselineSource(path: string, id: BaselineId): BaselineSource | 'paper' | 'ours' {
  // Eq. 2 as the paper prints it; DARTS' public code adds both.
  if (path === 'solver.unrolledMomentum' || path === 'solver.unrolledDecay') return 'paper';
  if (path.startsWith('omega.') || OURS.has(path)) return 'ours';
  return STATED.has(path) || METHODS[id].stated.includes(path) ? 'baseline paper' : 'baseline code';
}

/** What a gradient solver does here otherwise than its own paper and code, whatever its settings; one sentence each. */
export function standingDeviations(protocol: SearchProtocol, id: BaselineId): string[] {
  const { preset, solver, stability, perturbation } = protocol;
  const second = solver.kind === 'darts' && solver.order === 'second';
  const { edges } = spaceOf(protocol);
  const noisy = Object.values(edges).some((cell) => cell.some((edge) => edge.includes('noise')));
  const when = (condition: boolean, sentence: string): string[] => (condition ? [sentence] : []);
  return [
    ...when(
      preset === 'released' && second,
      'The released code has DARTS’ second order switched off; this is what its functions compute where they are called, with momentum and decay in the unrolled step.',
    ),
    ...when(
      preset === 'released' && !second,
      `The released search never moves alpha by its gradient; the settings are those of ${METHODS[id].name} itself.`,
    ),
    ...when(
      second && (noisy || protocol.dropPath !== undefined),
      'The passes whose difference is the second-order term draw the same noise and drop the same paths; the public code draws anew in each.',
    ),
    ...when(
      id === 'rdarts-dp',
      'R-DARTS searches with each drop-path probability of 0, 0.2, 0.4 and 0.6 and keeps the architecture that validates best; this is one search, with the probability that the settings name.',
    ),
    ...when(
      id === 'rdarts-l2',
      'R-DARTS searches with several weight decays (3e-4, 9e-4, 27e-4, 81e-4; its code also 243e-4) and keeps the architecture that validates best; this is one search, with the decay that the settings name.',
    ),
    ...when(
      stability !== undefined,
      'The dominant eigenvalue is that of the loss on the first batch of the validation half, not augmented, by Lanczos’ method at every epoch’s end; R-DARTS’ code takes it from the whole Hessian on the epoch’s last batch, augmented and with alpha’s decay added, every second epoch.',
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
