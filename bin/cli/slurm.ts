import { dirname, resolve } from 'node:path';
import { UsageError } from '../../lib/errors.js';
import { projectRoot, runsHome } from '../../lib/runs/home.js';
import type { AnyCell } from '../../reproductions/experiment.js';
import { estimate } from '../../reproductions/measure.js';
import { memoryBytes } from '../../reproductions/needs.js';
import { groupsOf } from '../../reproductions/shares.js';

/** Tasks of an array job that Slurm takes unless it is set up otherwise (MaxArraySize). */
const MOST_TASKS = 1_000;

/** Cores of a task: what times are estimated for. */
const CORES = 2;

/** Another machine is slower by a factor, and a task that runs out of time goes on in the next. */
const TIME_MARGIN = 3;
const LEAST_MINUTES = 30;
const MOST_MINUTES = 7 * 24 * 60;

/** A share of several: "3/40". @throws {UsageError} for anything else. */
export function parsedShare(text: string): { readonly share: number; readonly shares: number } {
  const [, share, shares] = (/^(\d{1,7})\/(\d{1,7})$/.exec(text) ?? []).map(Number);
  if (share !== undefined && shares !== undefined && share >= 1 && share <= shares) return { share, shares };
  throw new UsageError(
    `--share is ${JSON.stringify(text)}; it must be e.g. 3/40, the third of forty shares.`,
  );
}

/** What `--data` or `$ZARTS_DATA` names, as it is to be named in any folder. */
export const dataAnywhere = (data: string): string => (data === 'synthetic' ? data : resolve(data));

/** Text as the shell takes it for one word. */
const quoted = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;

/** Slurm's way to write a time. */
function timeText(seconds: number): string {
  const minutes = Math.min(MOST_MINUTES, Math.max(LEAST_MINUTES, Math.ceil((TIME_MARGIN * seconds) / 60)));
  const [days, hours] = [Math.floor(minutes / 1440), Math.floor(minutes / 60) % 24];
  return `${days}-${String(hours).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}:00`;
}

/**
 * A batch script for Slurm: an array job with a task for every share of the runs. A task that is stopped, by its time limit or
 * otherwise, keeps its state and is put into the queue again; one whose runs are there ends at once.
 *
 * @param command  The command that makes the table, as arguments after "zarts".
 * @param name     The job's, of letters, digits and hyphens.
 */
export function slurmScript(
  cells: readonly AnyCell[],
  command: readonly string[],
  name: string,
  env: NodeJS.ProcessEnv = process.env,
): string {
  const groups = groupsOf(cells);
  const shares = Math.min(groups.length, MOST_TASKS);
  const perShare = Math.ceil(groups.length / shares);
  const seconds = perShare * Math.max(...groups.map((group) => estimate(group)));
  const gigabytes = Math.ceil((1.5 * Math.max(...cells.map(({ run }) => memoryBytes(run)))) / 2 ** 30);
  const zarts = ['node', resolve(projectRoot(), 'bin', 'zarts.mjs'), ...command].map(quoted).join(' ');
  const data = env.ZARTS_DATA ? [`export ZARTS_DATA=${quoted(dataAnywhere(env.ZARTS_DATA))}`] : [];
  return [
    '#!/bin/bash',
    `#SBATCH --job-name=zarts-${name}`,
    `#SBATCH --array=1-${shares}`,
    `#SBATCH --cpus-per-task=${CORES}`,
    `#SBATCH --mem=${gigabytes}G`,
    `#SBATCH --time=${timeText(seconds)}`,
    '#SBATCH --requeue',
    '#SBATCH --open-mode=append',
    '#SBATCH --signal=B:TERM@120',
    `#SBATCH --output=zarts-${name}-%a.log`,
    '#',
    `# ${shares} task${shares === 1 ? '' : 's'} for ${cells.length} runs. Time and memory are estimates with room; a task that runs out of time`,
    '# keeps its state and goes on in the next. Submitted again, only what is missing is computed.',
    `# When all tasks are done, this makes the table: ${zarts}`,
    'set -u',
    `export ZARTS_HOME=${quoted(dirname(runsHome(env)))}`,
    ...data,
    `export TF_FORCE_GPU_ALLOW_GROWTH=true`,
    `${zarts} --share "\${SLURM_ARRAY_TASK_ID}/${shares}" --quiet &`,
    'work=$!',
    'trap \'kill -TERM "$work"\' TERM',
    'wait "$work"',
    'code=$?',
    '# The first wait ends with the signal; the second one with the work, whose state is kept then.',
    'if [ "$code" -gt 128 ] && kill -0 "$work" 2>/dev/null; then',
    '  wait "$work"',
    '  code=$?',
    'fi',
    'if [ "$code" -eq 130 ]; then',
    '  scontrol requeue "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}"',
    '  exit 0',
    'fi',
    'exit "$code"',
  ].join('\n');
}
