import { unknownName } from '../../lib/errors.js';
import { describeSeconds, terminalProgress } from '../../lib/report/progress-terminal.js';
import { BUDGETS, PRESETS } from '../../lib/search/protocol.js';
import { wholeNumber } from './bench.js';
import type { ExperimentOptions } from './experiment.js';
import { registry, runner } from './pending.js';
import type { ReproductionReport } from './pending.js';
import { interruptible } from './signals.js';
import { bulletList, print, printJson, shortPath, textWidth, wrap } from './text.js';

/** Runs `zarts reproduce`. @returns the exit code. */
export async function reproduceCommand(
  id: string,
  {
    budget,
    preset,
    seeds,
    set = [],
    data,
    json,
    quiet,
  }: ExperimentOptions & { readonly preset?: string; readonly seeds?: string },
): Promise<number> {
  // What can be said without TensorFlow is said first.
  if (!BUDGETS.some((each) => each === budget)) throw unknownName('budget', budget, BUDGETS);
  if (preset !== undefined && !PRESETS.some((each) => each === preset))
    throw unknownName('preset', preset, PRESETS);
  const count = seeds === undefined ? undefined : wholeNumber('--seeds', seeds, 1, 1000);
  const { REPRODUCTIONS, reproductionById } = await registry();
  const ids =
    id === 'all'
      ? REPRODUCTIONS.filter(({ built }) => built).map((each) => each.id)
      : [reproductionById(id).id];

  const { reproduce } = await runner();
  const progress = terminalProgress({ quiet: quiet ?? false });
  const reports: ReproductionReport[] = [];
  await interruptible(async (signal) => {
    for (const each of ids) {
      const report = await reproduce(each, {
        budget,
        set,
        progress,
        signal,
        ...(preset === undefined ? {} : { preset }),
        ...(count === undefined ? {} : { seeds: count }),
        ...(data === undefined ? {} : { data }),
      });
      reports.push(report);
      if (!json) print(describeReproduction(report));
    }
  });
  if (json) printJson(id === 'all' ? reports : reports[0]);
  return 0;
}

/** A reproduction as text: table, claims with their verdicts, deviations, where the pictures are. */
export function describeReproduction(report: ReproductionReport): string[] {
  const { id, title, budget, preset, tableText, claims, deviations, pictures, resultFile, seconds } = report;
  return [
    `${id}: ${title}`,
    `budget ${budget}, preset ${preset}, ${describeSeconds(seconds)} of computing`,
    '',
    tableText.trimEnd(),
    '',
    'Claims:',
    ...claims.flatMap(({ text, verdict, detail }) => [
      ...wrap(`  ${verdict.toUpperCase()}: ${text}`, textWidth(), '    '),
      ...wrap(`    ${detail}`, textWidth(), '    '),
    ]),
    '',
    ...bulletList('Deviations from the paper:', deviations),
    '',
    ...pictures.map((path) => `Picture: ${shortPath(path)}`),
    `Result:  ${shortPath(resultFile)}`,
    '',
  ];
}
