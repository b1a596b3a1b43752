import type { CaseResult, ParityReport } from '../../lib/parity/parity.js';
import { silent } from '../../lib/progress.js';
import { terminalProgress } from '../../lib/report/progress-terminal.js';
import { print, printJson, wrap, textWidth } from './text.js';

/** Runs `zarts parity`. @returns the exit code: 1 if a case is out of tolerance. */
export async function parityCommand(
  dir: string,
  { json = false, quiet = false }: { json?: boolean; quiet?: boolean },
): Promise<number> {
  const { runParity } = await import('../../lib/parity/parity.js');
  // The table grows as the cases are run, so it is its own progress; with --json a line now and then stands for it.
  const progress = json ? terminalProgress({ quiet }) : silent;
  const phase = progress.start('parity', 0);
  let done = 0;
  let group: string | undefined;
  const onCase = (result: CaseResult): void => {
    phase.update((done += 1), result.id);
    if (json) return;
    if (group !== (result.group ?? '')) {
      group = result.group ?? '';
      print(['', group, line('case', 'array', 'form', 'error', 'tolerance', '')]);
    }
    print([resultLine(result)]);
  };
  let report: ParityReport;
  try {
    report = runParity(dir, { onCase });
  } finally {
    phase.end();
  }
  if (json) printJson(report);
  else print(['', ...summary(report)]);
  return report.failed > 0 ? 1 : 0;
}

/** Columns are of fixed width, since a line is printed before the next one is known. */
function line(
  id: string,
  array: string,
  form: string,
  error: string,
  tolerance: string,
  verdict: string,
): string {
  const cells = [
    id.padEnd(32),
    array.padEnd(26),
    form.padEnd(9),
    error.padStart(9),
    tolerance.padStart(10),
    verdict,
  ];
  return `  ${cells.join(' ')}`.trimEnd();
}

const scientific = (value: number): string => (value === 0 ? '0' : value.toExponential(1));

function resultLine({ id, array, form, error, tolerance }: CaseResult): string {
  // NaN is out of every tolerance.
  const verdict = error <= tolerance ? 'ok' : 'OUT OF TOLERANCE';
  return line(id, array, form, scientific(error), scientific(tolerance), verdict);
}

function summary({ passed, failed, skipped }: ParityReport): string[] {
  const count = `${passed} of ${passed + failed} within tolerance`;
  if (skipped.length === 0) return [`${count}.`];
  const idsOf = new Map<string, string[]>();
  for (const { id, reason } of skipped) idsOf.set(reason, [...(idsOf.get(reason) ?? []), id]);
  const listed = [...idsOf].map(([reason, ids]) => `${reason}: ${ids.join(', ')}`);
  return wrap(`${count}, ${skipped.length} skipped (${listed.join('; ')}).`, textWidth());
}
