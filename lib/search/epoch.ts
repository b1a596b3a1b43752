/** What happened in one epoch; means over its steps and alpha updates. */
export interface EpochRecord {
  readonly epoch: number;
  readonly lr: number;
  /** Standard deviation of MGS' proposal; null for other solvers and during warm-up. */
  readonly sigma: number | null;
  /** Mean cross-entropy in nats and accuracy on the training half's batches, before each step. */
  readonly trainLoss: number;
  readonly trainAccuracy: number;
  /** Alpha updates made. All fields below are null in an epoch without any. */
  readonly updates: number;
  /** Mean validation loss over all candidates, in nats; with a gradient solver, over the points where it took gradients. */
  readonly candidateLoss: number | null;
  /** Effective sample size N_e and ratio R_e (Eq. 27), means over the epoch's updates; null for solvers without weights. */
  readonly ess: number | null;
  readonly esr: number | null;
  /** Mean cosine between the update u* and −g, where the solver used the gradient g. */
  readonly cosine: number | null;
  /** Mean length of the update u*. */
  readonly updateNorm: number | null;
  /** The largest eigenvalue of ∇²_α L_val at the epoch's end, in the epochs that the protocol asks for (`stability`). */
  readonly dominantEigenvalue?: number;
  /** The largest eigenvalues, from that one down, where the protocol asks for them (`stability.values`). */
  readonly eigenvalues?: readonly number[];
  /** How far that eigenvalue may be from the true one of its batch, in its unit; where it is only recorded. */
  readonly eigenvalueError?: number;
  /** The raw alphas at the epoch's end, length d, in the epochs that the protocol asks for (`history`). */
  readonly alpha?: readonly number[];
  /** The weights' decay, where it may change during the search. */
  readonly weightDecay?: number;
  /** Single architectures at the epoch's end, where the protocol asks for them (`ranking`). */
  readonly ranking?: RankingRecord;
}

/** Losses that a supernet gives single architectures. */
export interface RankingRecord {
  /** Their numbers (lib/spaces/architectures.ts). */
  readonly architectures: readonly number[];
  /** Mean cross-entropy in nats of each on the same validation batches. */
  readonly losses: readonly number[];
}

/** What is summed over an epoch; the number of losses is that of weight steps, of update norms that of alpha updates. */
const SUMMED = ['loss', 'correct', 'candidateLoss', 'ess', 'esr', 'cosine', 'updateNorm'] as const;
type Summed = (typeof SUMMED)[number];

/** Sums over the epoch under way, and of how many values; plain numbers, so that a checkpoint can hold them. */
export type EpochSums = Readonly<Record<Summed, { readonly sum: number; readonly count: number }>>;

/** The sums at an epoch's beginning. */
export const NO_SUMS = Object.fromEntries(SUMMED.map((name) => [name, { sum: 0, count: 0 }])) as EpochSums;

/** The sums with values added. */
export function withValues(sums: EpochSums, values: Readonly<Partial<Record<Summed, ArrayLike<number>>>>) {
  const added = Object.entries(values).map(([name, more]) => {
    const { sum, count } = sums[name as Summed];
    const total = Array.from(more).reduce((all, value) => all + value, 0);
    return [name, { sum: sum + total, count: count + more.length }] as const;
  });
  return { ...sums, ...Object.fromEntries(added) };
}

/** The means that an epoch's record has. @param batchSize  Images a step. */
export function meansOf(sums: EpochSums, batchSize: number) {
  const mean = (name: Summed) => (sums[name].count === 0 ? null : sums[name].sum / sums[name].count);
  const { loss, correct, updateNorm } = sums;
  return {
    trainLoss: loss.sum / loss.count,
    trainAccuracy: correct.sum / (correct.count * batchSize),
    updates: updateNorm.count,
    candidateLoss: mean('candidateLoss'),
    ess: mean('ess'),
    esr: mean('esr'),
    cosine: mean('cosine'),
    updateNorm: mean('updateNorm'),
  };
}
