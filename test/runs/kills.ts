import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, watch } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { openRun } from '../../lib/runs/store.js';
import { checkpointAt, metricsAt, metricsOf, PROTOCOL } from './writer-state.js';

export const WRITER = join(__dirname, 'writer.js');

/** Starts a writer; resolves when it has taken the lock, with the step it goes on from. */
export async function start(
  home: string,
  last: number,
  env = {},
): Promise<{ child: ChildProcess; from: number; output: () => string }> {
  const child = spawn(process.execPath, [WRITER, home, String(last)], { env: { ...process.env, ...env } });
  let text = '';
  child.stdout.on('data', (piece: Buffer) => (text += piece.toString()));
  child.stderr.on('data', (piece: Buffer) => (text += piece.toString()));
  while (!text.includes('from ')) {
    if (child.exitCode !== null) throw new Error(`the writer ended: ${text}`);
    await delay(2);
  }
  return { child, from: Number(/from (\d+)/.exec(text)![1]), output: () => text };
}

export async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

/** Resolves at the next creation, renaming or removal of a file in a folder. */
async function nextChange(folder: string): Promise<void> {
  const watcher = watch(folder);
  try {
    let event = '';
    while (event !== 'rename') [event] = (await once(watcher, 'change')) as [string];
  } finally {
    watcher.close();
  }
}

/** Steps that the newest checkpoint in a run's folder has; 0 without one. */
const newest = (folder: string): number =>
  Math.max(
    0,
    ...readdirSync(join(folder, 'checkpoint'))
      .filter((name) => name.endsWith('.ckpt'))
      .map((name) => parseInt(name)),
  );

/**
 * Kills a writer so many times and checks that each time a whole checkpoint is left with its metrics, and that it ends as if
 * it had never been killed.
 *
 * @returns how many kills came in the middle of a checkpoint.
 */
export async function checkKills(home: string, kills: number): Promise<number> {
  const warnings: string[] = [];
  const open = () => openRun({ home: home, ...PROTOCOL, onWarning: (message) => warnings.push(message) });
  const { folder } = open();
  const leftovers = new Set<string>();
  let reached = 0;
  for (let i = 0; i < kills; i++) {
    const { child, from } = await start(home, 1e9);
    expect(from, 'goes on from the newest whole checkpoint').to.equal(reached);
    // Half of the kills at random moments, half as soon as a file is begun (or renamed) among the checkpoints.
    if (i % 2 === 0) {
      // A slow machine writes none within the time.
      while (newest(folder) <= reached) await delay(2);
      await delay(Math.random() * 150);
    } else await nextChange(join(folder, 'checkpoint'));
    await kill(child);
    for (const name of readdirSync(join(folder, 'checkpoint')))
      if (name.endsWith('.tmp')) leftovers.add(name);

    const run = open();
    expect(run.record()?.result).to.equal(undefined);
    const found = run.latestCheckpoint();
    const step = found?.step ?? 0;
    expect(step, 'never goes back').to.be.at.least(reached);
    reached = step;
    if (found) {
      const expected = checkpointAt(step);
      expect(found.meta).to.deep.equal(expected.meta);
      expect(Object.keys(found.tensors)).to.deep.equal(Object.keys(expected.tensors));
      for (const [name, { buffer }] of Object.entries(found.tensors)) {
        expect(Buffer.compare(Buffer.from(buffer), Buffer.from(expected.tensors[name].buffer))).to.equal(0);
      }
    }
    const lines = metricsOf(run);
    expect(lines.length).to.be.at.least(step);
    for (const [k, line] of lines.entries()) expect(line).to.deep.equal(metricsAt(k + 1));
  }
  expect(warnings).to.deep.equal([]);
  expect(reached, 'the kills came late enough for work to be done').to.be.above(0);

  const last = reached + 4;
  const { child, output } = await start(home, last);
  await once(child, 'exit');
  expect(output()).to.include('done');
  expect(open().record()?.result).to.deep.equal({ steps: last });
  const uninterrupted = Array.from({ length: last }, (_, k) => JSON.stringify(metricsAt(k + 1)) + '\n').join(
    '',
  );
  expect(readFileSync(join(folder, 'metrics.jsonl'), 'utf8')).to.equal(uninterrupted);
  expect(readdirSync(join(folder, 'checkpoint')).filter((name) => name.endsWith('.tmp'))).to.deep.equal([]);
  expect(readdirSync(join(folder, 'checkpoint')).length).to.be.at.most(2);
  return leftovers.size;
}
