import { loadFixtures } from '../../test/parity/fixtures.js';
import type { CaseResult, ParityReport } from '../../test/parity/parity.js';
import { terminalProgress } from '../../lib/report/progress-terminal.js';
import { print, printJson, tableOf, textWidth, wrap } from './text.js';

/** Runs `zarts parity`. @returns the exit code: 1 if a case is out of tolerance. */
export async function parityCommand(
  dir: string,
  { json = false, quiet = false }: { json?: boolean; quiet?: boolean },
): Promise<number> {
  const { cases } = loadFixtures(dir);
  const { runParity } = await import('../../test/parity/parity.js');
  const phase = terminalProgress({ quiet }).start('parity', cases.length);
  const order = new Map(cases.map(({ id }, i) => [id, i]));
  let report: ParityReport;
  try {
    report = runParity(dir, {
      onCase: ({ id }) => {
        phase.update(order.get(id) ?? 0, id);
      },
    });
  } finally {
    phase.end();
  }
  if (json) printJson(report);
  else print(describeParity(report));
  return report.failed > 0 ? 1 : 0;
}

function describeParity(report: ParityReport): string[] {
  const groups = new Map<string, CaseResult[]>();
  for (const result of report.cases) groups.set(result.group, [...(groups.get(result.group) ?? []), result]);
  return [...[...groups].flatMap(([group, results]) => [groupTable(group, results), '']), ...summary(report)];
}

const scientific = (value: number): string => (value === 0 ? '0' : value.toExponential(1));

function groupTable(group: string, results: readonly CaseResult[]): string {
  const title = `Group ${group}: largest error of each array against the reference`;
  const columns = {
    case: ({ id }: CaseResult) => id,
    array: ({ array }: CaseResult) => array,
    form: ({ form }: CaseResult) => form,
    error: ({ error }: CaseResult) => scientific(error),
    tolerance: ({ tolerance }: CaseResult) => scientific(tolerance),
    '': ({ ok, reason }: CaseResult) =>
      ok ? 'ok' : `OUT OF TOLERANCE${reason === undefined ? '' : `: ${reason}`}`,
  };
  return tableOf(title, results, columns, { left: ['case', 'array', 'form', ''] });
}

function summary({ cases, passed, failed, skipped }: ParityReport): string[] {
  const out = new Set(cases.filter(({ ok }) => !ok).map(({ id }) => id));
  const idsOf = new Map<string, string[]>();
  for (const { id, reason } of skipped) idsOf.set(reason, [...(idsOf.get(reason) ?? []), id]);
  const reasons = [...idsOf].map(([reason, ids]) => `${reason}: ${ids.join(', ')}`);
  const left = reasons.length === 0 ? '' : `, ${skipped.length} skipped (${reasons.join('; ')})`;
  return [
    ...(out.size === 0 ? [] : wrap(`Out of tolerance: ${[...out].join(', ')}.`, textWidth())),
    ...wrap(`${passed} of ${passed + failed} within tolerance${left}.`, textWidth()),
  ];
}
