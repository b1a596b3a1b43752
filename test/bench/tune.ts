import { setTimeout as rest } from 'node:timers/promises';
import { UsageError } from '../../lib/errors.js';
import {
  SETTING_VARIABLES,
  candidateSettings,
  chooseSettings,
  describeSettings,
  keepSettings,
  settingVariables,
  settingsFile,
} from '../../lib/engine/settings.js';
import type { EngineMachine, EngineSettings } from '../../lib/engine/settings.js';
import { silent } from '../../lib/progress.js';
import type { Progress } from '../../lib/progress.js';
import { projectRoot } from '../../lib/runs/home.js';
import { EngineProcess } from './engine.js';
import { BENCH_SHAPES } from './shapes.js';
import type { BenchShapeName } from './shapes.js';
import { inTurn, timing } from './timing.js';
import type { Timing } from './timing.js';

/** One of the settings that were compared. */
export interface TunedSettings {
  readonly settings: EngineSettings;
  readonly ms: Timing;
  /** Whether the steps gave the same weights as with the default, to the last bit. */
  readonly sameBits: boolean;
}

export interface TuneReport {
  readonly machine: EngineMachine;
  readonly shape: BenchShapeName;
  /** The default first. */
  readonly measured: readonly TunedSettings[];
  readonly chosen: EngineSettings;
  /** Where it was written, for every run on this machine from now on. */
  readonly file: string;
}

export interface TuneOptions {
  readonly shape?: BenchShapeName;
  /** Timed steps with each setting. Default: 15. */
  readonly repeats?: number;
  /** Where the outcome is kept. Default: the project's file. */
  readonly file?: string;
  readonly progress?: Progress;
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * Times the small DARTS-space step under several thread settings, in turn, and keeps the best for this machine.
 *
 * @throws {UsageError} where the user has set one of them, which would win over whatever is found.
 */
export async function tune({
  shape = 'darts-small',
  repeats = 15,
  file = settingsFile(projectRoot()),
  progress = silent,
  env = process.env,
}: TuneOptions = {}): Promise<TuneReport> {
  const set = SETTING_VARIABLES.find((name) => env[name] !== undefined);
  if (set !== undefined) {
    throw new UsageError(`${set} is set, and what is set by hand always wins; unset it to have it chosen.`);
  }
  const machine = await machineHere();
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
      await engine.open(BENCH_SHAPES[shape], 'compiled');
      for (let i = 0; i < 3; i++) await engine.step();
      next(name);
    }
    const turns = engines.map((engine, i) => [String(i), () => rest(30).then(() => engine.step())] as const);
    const timed = turns.map(([name, turn]) => [name, () => turn().then(({ ms }) => ms)] as const);
    const times = await inTurn(Object.fromEntries(timed), repeats, () => {
      next('steps in turn');
    });
    const measured = [];
    for (const [i, settings] of candidates.entries()) {
      const { digest } = await engines[i].digest();
      measured.push({ settings, ms: timing(times[String(i)]), digest });
    }
    const chosen = chooseSettings(measured.map((each) => ({ ...each, ms: each.ms.median })));
    keepSettings(file, machine, chosen);
    const [{ digest: expected }] = measured;
    return {
      machine,
      shape,
      measured: measured.map(({ settings, ms, digest }) => ({ settings, ms, sameBits: digest === expected })),
      chosen,
      file,
    };
  } finally {
    for (const engine of engines) engine.close();
    phase.end();
  }
}

async function machineHere(): Promise<EngineMachine> {
  const engine = new EngineProcess('The engine');
  try {
    return (await engine.hello()).machine;
  } finally {
    engine.close();
  }
}
