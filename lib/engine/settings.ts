import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import path from 'node:path';
import { z } from 'zod';

/**
 * How TensorFlow uses the processor. It reads these settings once, when it is loaded, from the environment: what the user
 * has set there stays, then comes what `zarts bench --tune` measured on this machine, then the defaults below.
 */

const settingsSchema = z.strictObject({
  /** Threads that work on one operation together. */
  intraOpThreads: z.int().min(1),
  /** Operations that run at once. */
  interOpThreads: z.int().min(1),
  /** Whether oneDNN's kernels are used; null leaves it to TensorFlow, which does so on x86-64. */
  oneDnn: z.boolean().nullable(),
});

export type EngineSettings = Readonly<z.infer<typeof settingsSchema>>;

export const machineSchema = z.strictObject({
  processor: z.string(),
  cores: z.int().min(1),
  tensorflow: z.string(),
  device: z.enum(['cpu', 'gpu']),
});

/** What settings are measured for; another one of these is another machine. */
export type EngineMachine = Readonly<z.infer<typeof machineSchema>>;

/** This machine, as far as it can be told without loading TensorFlow. */
export function thisMachine(engine: { readonly tensorflow: string; readonly gpu: boolean }): EngineMachine {
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: usableCores(),
    tensorflow: engine.tensorflow,
    device: engine.gpu ? 'gpu' : 'cpu',
  };
}

/** Cores that this process may keep busy: those it is allowed on, or a container's share of them if that is less. */
export function usableCores(): number {
  return Math.min(availableParallelism(), coresOfQuota(read('/sys/fs/cgroup/cpu.max')));
}

/**
 * The cores that a container's quota amounts to, at least 1; Infinity without a quota.
 *
 * @param text  Linux' `cpu.max`: microseconds that may be used in a period of microseconds ("200000 100000"), or "max".
 */
export function coresOfQuota(text: string | undefined): number {
  const [, quota, period] = /^(\d+) (\d+)/.exec(text ?? '') ?? [];
  return quota === undefined ? Infinity : Math.max(1, Math.floor(Number(quota) / Number(period)));
}

/** A GPU is fed from one queue, which more threads than these would only contend for. */
const GPU_FEEDERS = 4;

/**
 * Settings for a machine that was not measured.
 *
 * A supernet is hundreds of small, independent operations: one thread in each and as many at once as there are cores runs it
 * about twice as fast as TensorFlow's own defaults on two cores, and sums in an order that does not depend on the number of
 * cores.
 */
export function defaultSettings({ cores, device }: Pick<EngineMachine, 'cores' | 'device'>): EngineSettings {
  const interOpThreads = device === 'gpu' ? Math.min(cores, GPU_FEEDERS) : cores;
  return { intraOpThreads: 1, interOpThreads, oneDnn: null };
}

/** The variables that TensorFlow reads settings from. */
export const SETTING_VARIABLES = [
  'TF_NUM_INTRAOP_THREADS',
  'TF_NUM_INTEROP_THREADS',
  'TF_ENABLE_ONEDNN_OPTS',
] as const;

/** Settings as environment variables. */
export function settingVariables(
  settings: EngineSettings,
): Partial<Record<(typeof SETTING_VARIABLES)[number], string>> {
  const { intraOpThreads, interOpThreads, oneDnn } = settings;
  return {
    TF_NUM_INTRAOP_THREADS: String(intraOpThreads),
    TF_NUM_INTEROP_THREADS: String(interOpThreads),
    ...(oneDnn === null ? {} : { TF_ENABLE_ONEDNN_OPTS: oneDnn ? '1' : '0' }),
  };
}

/** Puts settings into an environment, where the user has not. Call it before TensorFlow is loaded. */
export function applySettings(settings: EngineSettings, env: NodeJS.ProcessEnv): void {
  for (const [name, value] of Object.entries(settingVariables(settings))) env[name] ??= value;
}

const storedSchema = z.object({
  version: z.literal(1),
  machines: z.array(z.object({ machine: machineSchema, settings: settingsSchema })),
});

type Stored = z.infer<typeof storedSchema>;

function stored(file: string): Stored {
  try {
    return storedSchema.parse(JSON.parse(read(file) ?? ''));
  } catch {
    // Missing, or of another version, or damaged: nothing was measured.
    return { version: 1, machines: [] };
  }
}

const isSame = (a: EngineMachine, b: EngineMachine): boolean =>
  a.processor === b.processor &&
  a.cores === b.cores &&
  a.tensorflow === b.tensorflow &&
  a.device === b.device;

/** The file with measured settings, in the project's folder. */
export function settingsFile(projectRoot: string): string {
  return path.join(projectRoot, '.zarts', 'engine-settings.json');
}

/** The settings that were measured for a machine and kept in the file; undefined where there are none. */
export function keptSettings(file: string, machine: EngineMachine): EngineSettings | undefined {
  return stored(file).machines.find((each) => isSame(each.machine, machine))?.settings;
}

/** Keeps the settings measured for a machine, in the place of older ones; other machines' stay. */
export function keepSettings(file: string, machine: EngineMachine, settings: EngineSettings): void {
  const others = stored(file).machines.filter((each) => !isSame(each.machine, machine));
  const content: Stored = { version: 1, machines: [...others, { machine, settings }] };
  // Under another name first: a reader sees the old content or the new.
  const temporary = `${file}.${process.pid}.tmp`;
  writeFileSync(temporary, `${JSON.stringify(content, null, 2)}\n`);
  renameSync(temporary, file);
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
