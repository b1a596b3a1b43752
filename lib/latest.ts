import { whenStopped } from './stopped.js';

/**
 * Keeps what was made last: a reproduction asks for the same data set or compiled program many times in a row, and either
 * costs as much as dozens of its steps. What is asked for with other parts is made anew, the old one released first. A
 * promise that fails is not kept.
 */
export function keepLatest<Made>(release: (made: Made) => void = () => undefined) {
  let latest: { readonly key: string; readonly made: Made } | undefined;
  // What was being made then will never be.
  whenStopped(() => (latest = undefined));
  return (parts: unknown, make: () => Made): Made => {
    const key = JSON.stringify(parts);
    if (latest?.key === key) return latest.made;
    if (latest) release(latest.made);
    latest = undefined;
    const made = make();
    const own = (latest = { key, made });
    if (made instanceof Promise) {
      made.catch(() => {
        if (latest === own) latest = undefined;
      });
    }
    return made;
  };
}

/** Keeps everything that was made, by its parts: plain data that takes longer to make than to hold. */
export function keepAll<Made>() {
  const kept = new Map<string, Made>();
  return (parts: unknown, make: () => Made): Made => {
    const key = JSON.stringify(parts);
    if (!kept.has(key)) kept.set(key, make());
    return kept.get(key)!;
  };
}
