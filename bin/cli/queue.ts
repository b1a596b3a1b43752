import { about } from '../../lib/report/format.js';
import { knownName, UsageError } from '../../lib/errors.js';
import { RunQueue } from '../../lib/runs/queue.js';
import type { Queued } from '../../lib/runs/queue.js';
import { servePage } from './queue-page.js';
import type { PageOptions } from './queue-page.js';
import { fitted, print, printJson } from './text.js';

/** The options of `zarts queue`. */
export interface QueueOptions extends PageOptions {
  readonly queue: string;
  readonly runs?: boolean;
  readonly json?: boolean;
}

const ACTIONS = ['status', 'retry', 'cancel', 'drain', 'page'] as const;

/** Runs `zarts queue`. @returns the exit code. */
export async function queueCommand(
  [name, ...rest]: readonly string[],
  options: QueueOptions,
): Promise<number> {
  const action = knownName('action of zarts queue', name, ACTIONS);
  if (action === 'cancel' ? rest.length !== 1 : action !== 'retry' && rest.length > 0) {
    throw new UsageError(
      action === 'cancel'
        ? 'zarts queue cancel takes the name of one table, as zarts queue status has it.'
        : `zarts queue ${action} takes no further argument, so "${rest[0]}" cannot be one.`,
    );
  }
  const queue = await RunQueue.open(options.queue);
  try {
    switch (action) {
      case 'status':
        return await status(queue, options);
      case 'page':
        return await servePage(queue, options);
      default:
        return say(options, await change(queue, action, rest));
    }
  } finally {
    await queue.close();
  }
}

/** Does what an action says. @returns the sentence for it, with its number. */
async function change(
  queue: RunQueue,
  action: 'retry' | 'cancel' | 'drain',
  rest: readonly string[],
): Promise<{ readonly runs: number; readonly sentence: string }> {
  const count = (runs: number): string => `${runs} run${runs === 1 ? '' : 's'}`;
  if (action === 'retry') {
    const runs = await queue.retry(rest.length === 0 ? undefined : rest);
    return { runs, sentence: `${count(runs)} get another chance.` };
  }
  const runs = action === 'cancel' ? await queue.cancel(rest[0]) : await queue.drain();
  return { runs, sentence: `${count(runs)} taken out; those under way end.` };
}

function say({ json = false }: QueueOptions, { runs, sentence }: { runs: number; sentence: string }): number {
  if (json) printJson({ runs });
  else print([sentence]);
  return 0;
}

async function status(queue: RunQueue, { json = false, runs: all = false }: QueueOptions): Promise<number> {
  const [counts, tables, workers] = await Promise.all([queue.counts(), queue.tables(), queue.workers()]);
  const listed: Queued[] = [];
  for await (const run of queue.runs(all ? undefined : ['active', 'failed'])) listed.push(run);
  if (json) {
    printJson({ queue: queue.address.shown, ...counts, workers, tables, runs: listed });
    return 0;
  }
  const { waiting, active, delayed, failed } = counts;
  const total = waiting + active + delayed + failed;
  print([
    `${queue.address.shown}: ${active} under way, ${waiting} wait, ${delayed} wait for others or the next try, ${failed} failed; ${workers.length} workers`,
    ...(tables.length === 0
      ? []
      : [
          '',
          fitted({
            title: 'Tables',
            columns: [
              { key: 'name', title: 'table' },
              { key: 'finished', title: 'finished', align: 'right' },
              { key: 'active', title: 'under way', align: 'right' },
              { key: 'waiting', title: 'wait', align: 'right' },
              { key: 'failed', title: 'failed', align: 'right' },
              { key: 'since', title: 'asked for' },
            ],
            rows: tables.map((table) => ({
              name: table.name,
              finished: `${table.of - table.waiting - table.active - table.delayed - table.failed} of ${table.of}`,
              active: table.active,
              waiting: table.waiting + table.delayed,
              failed: table.failed,
              since: `${about((Date.now() - Date.parse(table.enqueued)) / 1000)} ago`,
            })),
            notes: [],
          }),
        ]),
    ...(listed.length === 0 ? [] : ['', runsTable(listed)]),
    ...(total > 0 && workers.length === 0
      ? ['', 'No worker is connected: npx zarts worker --queue … on a machine that shares the run store.']
      : []),
  ]);
  return 0;
}

const STATE_TEXT = { active: 'under way', failed: 'failed', waiting: 'waits', delayed: 'waits' } as const;

function runsTable(runs: readonly Queued[]): string {
  return fitted({
    title: 'Runs',
    columns: [
      { key: 'id', title: 'id' },
      { key: 'title', title: 'run' },
      { key: 'state', title: 'state' },
      { key: 'note', title: '' },
    ],
    rows: runs.map(({ id, title, state, worker, share = 0, error }) => ({
      id: id.slice(0, 12),
      title,
      state: STATE_TEXT[state],
      note: state === 'active' ? `${Math.round(100 * share)} % by ${worker}` : (error ?? ''),
    })),
    notes: [],
  });
}
