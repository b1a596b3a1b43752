import { distance } from 'fastest-levenshtein';

/** A mistake in what was asked for: unknown name, value out of range. The shell prints its message alone and exits 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Something that was asked for correctly and could not be done. The shell prints its message alone and exits 1. */
export class ZartsError extends Error {
  override readonly name: string = 'ZartsError';
}

/** The run was stopped by its user; what was computed is saved. The shell exits 130. */
export class InterruptedError extends ZartsError {
  override readonly name = 'InterruptedError';
}

/**
 * The sentence for a name that is not one of those allowed.
 *
 * @param what     What the name should have named, e.g. "search space".
 * @param given    The name as typed.
 * @param allowed  Every allowed name; the nearest one is suggested when it is close enough to be a typing mistake.
 */
export function unknownName(what: string, given: string, allowed: readonly string[]): UsageError {
  const nearest = allowed
    .map((name) => ({
      name,
      edits: distance(given.toLowerCase(), name.toLowerCase()),
      longer: Math.abs(name.length - given.length),
    }))
    .sort((a, b) => a.edits - b.edits || a.longer - b.longer)[0];
  const hint =
    nearest && nearest.edits <= Math.max(2, given.length / 3) ? ` Did you mean "${nearest.name}"?` : '';
  return new UsageError(`Unknown ${what} "${given}"; allowed: ${allowed.join(', ')}.${hint}`);
}

/** The name, if it is one of those allowed. @throws {UsageError} as {@link unknownName} says it. */
export function knownName<Name extends string>(what: string, given: string, allowed: readonly Name[]): Name {
  const known = allowed.find((each) => each === given);
  if (known === undefined) throw unknownName(what, given, allowed);
  return known;
}
