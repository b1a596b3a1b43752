import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { UsageError } from '../errors.js';
import { backend, projectRoot } from './tensorflow.js';

/** The kernels in `native`, which set-up compiles beside the addon: loading them makes their operations known to TensorFlow. */

/** The instructions that they use, by their name in the x86-64 ABI; `baseline` on other processors. */
export type NativeLevel = 'x86-64-v2' | 'x86-64-v3' | 'x86-64-v4' | 'baseline' | 'none';

/** Whether the kernels are used, and why not where they are not. */
export interface NativeKernels {
  readonly level: NativeLevel;
  readonly reason?: string;
}

/** What ZARTS_NATIVE may ask for: no kernels, or none above a level. */
export const NATIVE_CHOICES = ['off', 'sse', 'avx2', 'avx512'] as const;

/** Where set-up puts them, and what it noted about it (`bin/setup/steps.mjs`). */
const FOLDER = path.join(projectRoot, 'node_modules', '.zarts', 'native');
const FILE = path.join(FOLDER, 'kernels.node');
const noteSchema = z.object({ error: z.string().optional() });

/** The library, as Node loads it. */
interface Library {
  readonly level: NativeLevel;
  /** Multiplies and adds in registers at least as often as asked; returns how often. */
  multiplyAdds(count: number): number;
}

let library: Library | undefined;

/** What was loaded when this module was. */
export const nativeKernels: NativeKernels = load();

/**
 * Multiply-adds in registers alone: timed, they say what a core can do at most.
 *
 * @param count  How many, at least.
 * @returns      How many were done; null where the kernels are not used.
 */
export function multiplyAdds(count: number): number | null {
  return nativeKernels.level === 'none' ? null : library!.multiplyAdds(count);
}

function load(): NativeKernels {
  const asked = process.env.ZARTS_NATIVE;
  if (asked && !(NATIVE_CHOICES as readonly string[]).includes(asked)) {
    throw new UsageError(`ZARTS_NATIVE is "${asked}"; allowed: ${NATIVE_CHOICES.join(', ')}.`);
  }
  if (asked === 'off') return { level: 'none', reason: 'ZARTS_NATIVE is off' };
  if (backend.isUsingGpuDevice) return { level: 'none', reason: 'TensorFlow computes on a GPU' };
  if (!existsSync(FILE)) return { level: 'none', reason: whyMissing() };
  try {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- made by set-up
    library = require(FILE) as Library;
    const { level } = library;
    return level === 'none' ? { level, reason: 'the processor is older than they are made for' } : { level };
  } catch (error) {
    return { level: 'none', reason: `they do not load: ${(error as Error).message.split('\n')[0]}` };
  }
}

function whyMissing(): string {
  try {
    const { error } = noteSchema.parse(JSON.parse(readFileSync(path.join(FOLDER, 'built.json'), 'utf8')));
    if (error !== undefined) return `they do not compile here: ${error}`;
  } catch {
    // Nothing was noted: set-up has not come to them.
  }
  return 'they are not built; run "npm run setup"';
}
