/**
 * A package that is loaded when it is first asked for: what takes a tenth of a second to load must not slow down a command that
 * does without it.
 */
export function lazily<Package>(name: string): () => Package {
  let loaded: Package | undefined;
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  return () => (loaded ??= require(name) as Package);
}
