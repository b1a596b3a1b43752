/** ω*(α), the weights that a loss is read at: one choice, for searches and for landscapes. */
import { z } from 'zod';
import { choice, constant, flag, integer, or, real, record, setting } from '../settings.js';

/** "scheduled" stands for the learning rate of the search's epoch, on a landscape of its last one. */
const scheduledLr = or(real({ above: 0 }), 'scheduled');
const iterations = integer(0, 10_000);

export class Current {
  /** ω as it is: first order, Eq. 3. */
  kind = constant('current');
}

export class Unrolled {
  /** ω after one gradient step at α: second order, Eq. 2. */
  kind = constant('unrolled');
  /** Length ξ of the step; "scheduled" for the learning rate of the weights. */
  lr = setting(scheduledLr, 'scheduled', 'baseline paper');
  /** Whether the step has the momentum of the weights’ SGD; false in Eq. 2 as printed. */
  momentum = setting(flag(), false, 'paper');
  /** Whether the step has the weights’ L2 decay; false in Eq. 2 as printed. */
  weightDecay = setting(flag(), false, 'paper');
}

export class Finetuned {
  /** A copy of ω after M steps of the weights’ SGD at each candidate: Alg. 1. */
  kind = constant('finetuned');
  /** M, fine-tuning steps of each candidate; 0 reads its loss at the weights as they are. */
  iterations = setting(iterations, 10, 'paper');
  /** Learning rate of fine-tuning; "scheduled" for that of the weights. */
  lr = setting(scheduledLr, 'scheduled');
  /** Momentum buffer that a candidate starts with: zeros, or a copy of the base weights’. */
  momentum = setting(choice(['zero', 'inherit']), 'zero');
  /** Half of the training images that fine-tuning reads. */
  split = setting(choice(['train', 'val']), 'train', 'paper');
}

export class Coast {
  /** The released script’s fault, in place of fine-tuning: candidates never learn. */
  kind = constant('coast');
  /** M, the steps that each candidate is meant to be fine-tuned by. */
  iterations = setting(iterations, 10, 'paper');
  /** Learning rate of the drift; "scheduled" for that of the weights. */
  lr = setting(scheduledLr, 'scheduled');
  /**
   * Whether the M steps of each candidate move the base weights by momentum and decay, as under the PyTorch of the release;
   * under PyTorch 2 and later they change nothing.
   */
  drift = setting(flag(), true, 'released scripts');
}

/** Every ω*(α) that a search knows; a landscape is read at the first three. */
export const OMEGA = {
  current: record(new Current()),
  unrolled: record(new Unrolled()),
  finetuned: record(new Finetuned()),
  coast: record(new Coast()),
};

/** The choice of a landscape. */
export const landscapeOmega = z.discriminatedUnion('kind', [OMEGA.finetuned, OMEGA.current, OMEGA.unrolled]);

/** The choice of a search. */
export const searchOmega = z.discriminatedUnion('kind', [...landscapeOmega.options, OMEGA.coast]);

/** Which ω*(α) a loss is read at. */
export type Omega = z.infer<typeof searchOmega>;

/** M, the fine-tuning steps of each candidate; 0 where there are none. */
export function fineTuneIterations(omega: Omega): number {
  return 'iterations' in omega ? omega.iterations : 0;
}
