import type { Choice } from './plan.mjs';

/** Loads the engine's package in a child process and computes something; throws a SetupError if it cannot. */
export function tryAddon(choice: Choice): Promise<{ readonly tensorflow: string; readonly gpu: boolean }>;
