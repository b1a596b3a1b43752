/** Runs of experiments on toy functions, through the store as all others. */
import { setImmediate } from 'node:timers/promises';
import { InterruptedError } from '../lib/errors.js';
import { silent } from '../lib/progress.js';
import { thisMachine } from '../lib/runs/environment.js';
import { kept } from '../lib/runs/kept.js';
import type { Kept, KeptOptions } from '../lib/runs/kept.js';
import { toyJobs } from './toy-experiments.js';
import type { ToyRows } from './toy-experiments.js';
import type { Experiment as ToyExperiment, ToyProtocol } from './toy-protocol.js';

export type { ToyProtocol } from './toy-protocol.js';

/** Toy functions read no data: the same for every run. */
export const NO_DATA = 'none';

/** What an experiment measured. Plain JSON. */
export interface ToyResult {
  readonly rows: readonly ToyRows[ToyExperiment][];
}

/** Milliseconds of computing between two looks at the outside world. */
const BREATH_MS = 50;

/**
 * The run that a protocol describes, through the run store. It takes seconds, so that a stopped one begins anew.
 *
 * @throws {InterruptedError} after `signal`.
 */
export function runToy(
  protocol: ToyProtocol,
  { home, progress = silent, signal }: KeptOptions,
): Promise<Kept<ToyProtocol, ToyResult, object>> {
  const compute = async (): Promise<ToyResult> => {
    const jobs = toyJobs(protocol);
    const total = jobs.reduce((sum, { work }) => sum + work, 0);
    const phase = progress.start(`toy ${protocol.experiment}`, Math.ceil(total / 1000));
    const rows: ToyRows[ToyExperiment][] = [];
    let [within, breath] = [0, 0];
    for (const job of jobs) {
      if (performance.now() - breath > BREATH_MS) {
        phase.update(Math.ceil(within / 1000), job.note);
        await setImmediate();
        if (signal?.aborted) throw new InterruptedError('Stopped; finished runs are kept.');
        breath = performance.now();
      }
      rows.push(...job.run().map(shortened));
      within += job.work;
    }
    phase.end();
    return { rows };
  };
  const provenance = (seconds: number) => ({ ...thisMachine(), engine: null, data: null, seconds });
  return kept({ protocol, dataDigest: NO_DATA, compute, provenance }, home);
}

/** Seven digits of every number: more than any of these means is worth, and half the size of the record. */
function shortened<Row extends object>(row: Row): Row {
  const digits = (_: string, value: unknown): unknown =>
    typeof value === 'number' ? Number(value.toPrecision(7)) : value;
  return JSON.parse(JSON.stringify(row, digits)) as Row;
}

/** Seconds for a coordinate drawn or read on one core of the machine of cost.ts, by experiment. */
const SECONDS: Readonly<Record<ToyExperiment, number>> = {
  rs: 7.5e-7,
  mgs: 2.3e-7,
  proposition: 2.3e-7,
  descent: 3.5e-7,
};

/** Seconds that a run takes, an estimate. */
export function toySeconds(protocol: ToyProtocol): number {
  return toyJobs(protocol).reduce((sum, { work }) => sum + work, 0) * SECONDS[protocol.experiment];
}
