/**
 * Schedules by epoch, each a pure function of the epoch number (0 first). A value holds for the whole epoch.
 */
import type { SigmaSchedule } from '../solvers/mgs.js';

/** Half a cosine from 1 at `fraction` 0 to 0 at 1. */
function halfCosine(fraction: number): number {
  return (1 + Math.cos(Math.PI * fraction)) / 2;
}

/**
 * The learning rate of an epoch on a cosine from `lr` to `lrMin`: PyTorch's CosineAnnealingLR, stepped at the end of each
 * epoch, in closed form. Epoch 0 has `lr`; `lrMin` would come at epoch `epochs`, after the last.
 *
 * @param epoch  0 … epochs.
 */
export function cosineLr(
  epoch: number,
  { epochs, lr, lrMin }: { epochs: number; lr: number; lrMin: number },
): number {
  return lrMin + (lr - lrMin) * halfCosine(epoch / epochs);
}

/**
 * The learning rate of an epoch in the reference's ImageNet retraining: linear to near zero, with a smaller slope in the
 * last five epochs.
 *
 * @param warmup  Multiply by (epoch + 1)/5 in the first five epochs, as the reference does for batches over 256.
 */
export function imagenetLr(
  epoch: number,
  { epochs, lr, warmup }: { epochs: number; lr: number; warmup: boolean },
): number {
  // A run of so few epochs that it would be all tail (a small budget) keeps one epoch of the steeper slope.
  const tail = Math.max(1, Math.min(5, epochs - 1));
  const left = epochs - epoch;
  const steep = Math.max(1, epochs - tail);
  const linear = left > tail ? (left - tail) / steep : left / (steep * tail);
  return lr * linear * (warmup && epoch < tail ? (epoch + 1) / tail : 1);
}

/** The fraction of σ that is left after k of T steps. */
const SIGMA_DECAY: Readonly<Record<SigmaSchedule, (fraction: number) => number>> = {
  cosine: halfCosine,
  'slow-cosine': (fraction) => Math.cos((Math.PI / 2) * fraction),
  linear: (fraction) => 1 - fraction,
  constant: () => 1,
};

/**
 * The proposal's standard deviation σ in an epoch. It decays to 0 over the epochs after warm-up, but as in the released
 * code it is stepped at the end of an epoch with that epoch's own number, so the first two active epochs both have the
 * start value and 0 itself is never reached. Not in the paper, which states no schedule.
 *
 * @param epoch  0 … epochs − 1; during warm-up, where no proposal is drawn, the start value.
 */
export function sigmaAt(
  epoch: number,
  {
    schedule,
    sigma,
    epochs,
    warmupEpochs,
  }: { schedule: SigmaSchedule; sigma: number; epochs: number; warmupEpochs: number },
): number {
  const step = Math.max(0, epoch - 1 - warmupEpochs);
  const steps = epochs - warmupEpochs;
  return step === 0 ? sigma : sigma * SIGMA_DECAY[schedule](step / steps);
}

/**
 * A probability that rises linearly from 0 in the first epoch to `probability` in the last, as drop path and cutout do in
 * R-DARTS' searches (Zela et al. 2020). With one epoch alone: 0.
 */
export function risingProbability(
  epoch: number,
  { epochs, probability }: { epochs: number; probability: number },
): number {
  return epochs === 1 ? 0 : (probability * epoch) / (epochs - 1);
}

/**
 * What goes linearly from `from` in the first epoch to `to`, which would come after the last: the radius of SmoothDARTS'
 * perturbation (Chen and Hsieh 2020), and ScheduledDropPath's probability, from 0 and the same for every cell (as the DARTS
 * code base trains).
 */
export function linearly(
  epoch: number,
  { epochs, from = 0, to }: { epochs: number; from?: number; to: number },
): number {
  return from + ((to - from) * epoch) / epochs;
}
