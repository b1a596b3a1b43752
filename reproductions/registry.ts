import { unknownName } from '../lib/errors.js';
import type { Experiment } from './experiment.js';
import { fig4 } from './fig-4-ess.js';

/** Every figure and table of the paper, in its order. Each is given back only to its own functions. */
export const EXPERIMENTS = [fig4] as unknown as readonly Experiment[];

/** @throws {UsageError} for an id that no figure or table of the paper has. */
export function experimentById(id: string): Experiment {
  const found = EXPERIMENTS.find((each) => each.id === id);
  if (found) return found;
  throw unknownName(
    'figure or table',
    id,
    EXPERIMENTS.map((each) => each.id),
  );
}
