/**
 * The gradient solvers that the paper compares with, as settings of the one search: what their own papers and public code
 * state, and where each setting comes from.
 */
import type { DartsProtocol, SearchProtocol } from './protocol.js';
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
  /** What it has otherwise than the zero-order searches. */
  readonly settings: Pick<SearchProtocol, 'omega' | 'updateEvery' | 'warmupEpochs'> & Partial<SearchProtocol>;
}

/** What every gradient solver has: alpha moves after every weight step, from the first, and nothing is fine-tuned. */
const ONE_UPDATE_A_STEP: Method['settings'] = {
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

/** Adam's learning rate on alpha in DARTS and what follows it. */
const ADAM_LR = 3e-4;

/** Every gradient solver, by its name. */
export const METHODS: Readonly<Record<BaselineId, Method>> = {
  'darts-1st': { name: 'DARTS', order: 'first', lr: ADAM_LR, settings: ONE_UPDATE_A_STEP },
  'darts-2nd': { name: 'DARTS', order: 'second', lr: ADAM_LR, settings: ONE_UPDATE_A_STEP },
};

/** Whether a solver is one of {@link METHODS}. */
export function isBaseline(id: SolverId): id is BaselineId {
  return id in METHODS;
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

/** Where the full setting at that path of a gradient solver comes from. */
export function baselineSource(path: string, _id: BaselineId): BaselineSource | 'paper' | 'ours' {
  // Eq. 2 as the paper prints it; DARTS' public code adds both.
  if (path === 'solver.unrolledMomentum' || path === 'solver.unrolledDecay') return 'paper';
  if (path.startsWith('omega.')) return 'ours';
  return STATED.has(path) ? 'baseline paper' : 'baseline code';
}

/** What a gradient solver does here otherwise than its own paper, whatever its settings; one sentence each. */
export function standingDeviations(protocol: SearchProtocol, _id: BaselineId): string[] {
  const { preset } = protocol;
  return [
    ...(preset === 'released'
      ? [
          'The released code has DARTS’ second-order step switched off; this is what its functions compute where they are called.',
        ]
      : []),
  ];
}
