import { describeSeconds } from '../../lib/report/progress-terminal.js';
import { textTable } from '../../lib/report/table.js';
import { BUDGETS } from '../../lib/search/protocol.js';
import { registry, runner } from './pending.js';
import { print, printJson } from './text.js';

/** Runs `zarts list`. @returns the exit code. */
export async function list({ json }: { json: boolean }): Promise<number> {
  const { REPRODUCTIONS } = await registry();
  const { estimate } = await runner();
  const rows = REPRODUCTIONS.map(({ id, title, built }) => ({
    id,
    title,
    built,
    seconds: Object.fromEntries(
      BUDGETS.map((budget) => [budget, (built ? estimate(id, budget) : undefined) ?? null]),
    ),
  }));
  if (json) printJson(rows);
  else {
    const columns = ['id', 'title', ...BUDGETS].map((title) => ({ key: title, title }));
    const time = (seconds: number | null): string => (seconds === null ? '' : describeSeconds(seconds));
    const cells = rows.map(({ id, title, seconds }) => ({
      id,
      title,
      ...Object.fromEntries(BUDGETS.map((budget) => [budget, time(seconds[budget])])),
    }));
    print([textTable({ title: 'Figures and tables', columns, rows: cells })]);
  }
  return 0;
}
