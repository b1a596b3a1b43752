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
  /** The largest eigenvalue of ∇²_α L_val at the epoch's end, where the protocol asks for it (`stability`). */
  readonly dominantEigenvalue?: number;
  /** The largest eigenvalues, from that one down, where the protocol asks for them (`stability.values`). */
  readonly eigenvalues?: readonly number[];
  /** The raw alphas at the epoch's end, length d, in the epochs that the protocol asks for (`history`). */
  readonly alpha?: readonly number[];
  /** The weights' decay, where it may change during the search. */
  readonly weightDecay?: number;
}

/** What an alpha update says of itself. */
export interface UpdateNumbers {
  readonly losses: ArrayLike<number>;
  readonly ess: number | null;
  readonly esr: number | null;
  readonly cosine: number | null;
  readonly updateNorm: number;
}

/** Sums over the epoch under way; plain numbers, so that a checkpoint can hold them. */
export interface EpochSums {
  readonly steps: number;
  readonly loss: number;
  readonly correct: number;
  readonly updates: number;
  readonly candidates: number;
  readonly candidateLoss: number;
  readonly ess: number;
  readonly esr: number;
  readonly weighted: number;
  readonly cosine: number;
  readonly cosines: number;
  readonly updateNorm: number;
}

/** The sums at an epoch's beginning. */
export const NO_SUMS: EpochSums = {
  steps: 0,
  loss: 0,
  correct: 0,
  updates: 0,
  candidates: 0,
  candidateLoss: 0,
  ess: 0,
  esr: 0,
  weighted: 0,
  cosine: 0,
  cosines: 0,
  updateNorm: 0,
};

/** The sums with a weight step added. */
export function withStep(sums: EpochSums, { loss, correct }: { loss: number; correct: number }): EpochSums {
  return { ...sums, steps: sums.steps + 1, loss: sums.loss + loss, correct: sums.correct + correct };
}

/** The sums with an alpha update added. */
export function withUpdate(
  sums: EpochSums,
  { losses, ess, esr, cosine, updateNorm }: UpdateNumbers,
): EpochSums {
  const weighted = ess !== null && esr !== null;
  return {
    ...sums,
    updates: sums.updates + 1,
    candidates: sums.candidates + losses.length,
    candidateLoss: sums.candidateLoss + Array.from(losses).reduce((total, loss) => total + loss, 0),
    ess: sums.ess + (weighted ? ess : 0),
    esr: sums.esr + (weighted ? esr : 0),
    weighted: sums.weighted + (weighted ? 1 : 0),
    cosine: sums.cosine + (cosine ?? 0),
    cosines: sums.cosines + (cosine === null ? 0 : 1),
    updateNorm: sums.updateNorm + updateNorm,
  };
}

/** The means that an epoch's record has. @param batchSize  Images a step. */
export function meansOf(
  sums: EpochSums,
  batchSize: number,
): Pick<
  EpochRecord,
  'trainLoss' | 'trainAccuracy' | 'updates' | 'candidateLoss' | 'ess' | 'esr' | 'cosine' | 'updateNorm'
> {
  const mean = (total: number, count: number) => (count === 0 ? null : total / count);
  return {
    trainLoss: sums.loss / sums.steps,
    trainAccuracy: sums.correct / (sums.steps * batchSize),
    updates: sums.updates,
    candidateLoss: mean(sums.candidateLoss, sums.candidates),
    ess: mean(sums.ess, sums.weighted),
    esr: mean(sums.esr, sums.weighted),
    cosine: mean(sums.cosine, sums.cosines),
    updateNorm: mean(sums.updateNorm, sums.updates),
  };
}
