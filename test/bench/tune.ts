import { setTimeout as rest } from 'node:timers/promises';
import { UsageError } from '../../lib/errors.js';
import {
  SETTING_VARIABLES,
  defaultSettings,
  keepSettings,
  settingVariables,
  settingsFile,
} from '../../lib/engine/settings.js';
import type { EngineMachine, EngineSettings } from '../../lib/engine/settings.js';
import { silent } from '../../lib/progress.js';
import type { Progress } from '../../lib/progress.js';
import { projectRoot } from '../../lib/runs/home.js';
import { EngineProcess } from './processes.js';
import { BENCH_SHAPES } from './shapes.js';
import { inTurn, timing } from './timing.js';
import type { Timing } from './timing.js';

/** The settings that tuning compares, the default first: other splits of the cores, and the default without oneDNN. */
export function candidateSettings(
  machine: Pick<EngineMachine, 'cores' | 'device'>,
): readonly EngineSettings[] {
  const { cores } = machine;
  const base = defaultSettings(machine);
  const splits: EngineSettings[] = [];
  for (let intraOpThreads = 1; intraOpThreads <= Math.min(cores, 8); intraOpThreads *= 2) {
    splits.push({ ...base, intraOpThreads, interOpThreads: Math.ceil(cores / intraOpThreads) });
  }
  const more = { ...base, interOpThreads: 2 * base.interOpThreads };
  const fewer = { ...base, interOpThreads: Math.ceil(base.interOpThreads / 2) };
  const all = [base, ...splits, more, fewer, { ...base, oneDnn: false }];
  return all.filter((each, i) => all.findIndex((earlier) => sameSettings(earlier, each)) === i);
}

export function sameSettings(a: EngineSettings, b: EngineSettings): boolean {
  return describeSettings(a) === describeSettings(b);
}

/** "1 intra-op and 2 inter-op threads, without oneDNN". */
export function describeSettings({ intraOpThreads, interOpThreads, oneDnn }: EngineSettings): string {
  const kernels = oneDnn === null ? '' : oneDnn ? ', with oneDNN' : ', without oneDNN';
  return `${intraOpThreads} intra-op and ${interOpThreads} inter-op threads${kernels}`;
}

/** What was measured with some settings. */
export interface MeasuredSettings {
  readonly settings: EngineSettings;
  /** Median of the step in ms. */
  readonly ms: number;
  /** Digest of what the steps computed. */
  readonly digest: string;
}

/** By how much settings must beat the default to replace it: less could be noise. */
const LEAST_GAIN = 0.1;

/**
 * The settings to keep: the fastest of those that compute the same as the default to the last bit, if they save more than a
 * tenth of its time; else the default. Others would give a search that is repeated other numbers than before.
 *
 * @param measured  One or more, the default first.
 */
export function chooseSettings(measured: readonly MeasuredSettings[]): EngineSettings {
  const [base] = measured;
  const best = measured
    .filter(({ digest }) => digest === base.digest)
    .reduce((fastest, each) => (each.ms < fastest.ms ? each : fastest));
  return best.ms < (1 - LEAST_GAIN) * base.ms ? best.settings : base.settings;
}

/** One of the settings that were compared. */
export interface TunedSettings {
  readonly settings: EngineSettings;
  readonly ms: Timing;
  /** Whether the steps gave the same weights as with the default, to the last bit. */
  readonly sameBits: boolean;
}

export interface TuneReport {
  readonly machine: EngineMachine;
  readonly shape: string;
  /** The default first. */
  readonly measured: readonly TunedSettings[];
  readonly chosen: EngineSettings;
  /** Where it was written, for every run on this machine from now on. */
  readonly file: string;
}

/** The small DARTS-space step. */
const SHAPE = 'darts-small';

/**
 * Times {@link SHAPE} under several thread settings, in turn, and keeps the best for this machine.
 *
 * @param repeats  Timed steps with each setting.
 * @throws {UsageError} where the user has set one of them, which would win over whatever is found.
 */
export async function tune({
  repeats = 15,
  progress = silent,
}: { readonly repeats?: number; readonly progress?: Progress } = {}): Promise<TuneReport> {
  const set = SETTING_VARIABLES.find((name) => process.env[name] !== undefined);
  if (set !== undefined) {
    throw new UsageError(`${set} is set, and what is set by hand always wins; unset it to have it chosen.`);
  }
  const { machine } = await new EngineProcess('The engine').during((engine) => engine.ask('hello'));
  const candidates = candidateSettings(machine);
  const phase = progress.start('tuning', candidates.length * (repeats + 1));
  let done = 0;
  const next = (note: string) => {
    phase.update(++done, note);
  };
  // A process each, since TensorFlow reads its settings once; those that are not asked for a step wait without working.
  const engines: EngineProcess[] = [];
  try {
    for (const settings of candidates) {
      const name = describeSettings(settings);
      const engine = new EngineProcess(`The engine with ${name}`, settingVariables(settings));
      engines.push(engine);
      await engine.ask('open', { shape: BENCH_SHAPES[SHAPE], engine: 'compiled' });
      for (let i = 0; i < 3; i++) await engine.ask('step');
      next(name);
    }
    const turns = engines.map((engine) => async () => {
      await rest(30);
      return (await engine.ask('step')).ms;
    });
    const times = await inTurn(Object.fromEntries(turns.entries()), repeats, () => {
      next('steps in turn');
    });
    const measured = [];
    for (const [i, settings] of candidates.entries()) {
      const { digest } = await engines[i].ask('digest');
      measured.push({ settings, ms: timing(times[String(i)]), digest });
    }
    const chosen = chooseSettings(measured.map((each) => ({ ...each, ms: each.ms.median })));
    const file = settingsFile(projectRoot());
    keepSettings(file, machine, chosen);
    const [{ digest: expected }] = measured;
    return {
      machine,
      shape: SHAPE,
      measured: measured.map(({ settings, ms, digest }) => ({ settings, ms, sameBits: digest === expected })),
      chosen,
      file,
    };
  } finally {
    for (const engine of engines) engine.close();
    phase.end();
  }
}
