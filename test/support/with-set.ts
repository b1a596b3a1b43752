import type { z } from 'zod';
import { applyChange, parseSet } from '../../lib/settings.js';
import type { Format } from '../../lib/settings.js';

/** The protocol with settings written as `path=value` applied. */
export function withSet<T extends z.ZodObject, Protocol>(
  format: Format<T, Protocol>,
  protocol: Protocol,
  ...assignments: readonly string[]
): Protocol {
  return applyChange(format, protocol, parseSet(assignments));
}
