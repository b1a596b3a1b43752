import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { writeWhole } from '../../lib/runs/files.js';
import { projectRoot } from '../../lib/runs/home.js';
import { about } from '../../lib/report/format.js';
import { textTable } from '../../lib/report/table.js';
import { BUDGETS } from '../../lib/search/protocol.js';
import type { Budget } from '../../lib/search/protocol.js';
import { cellsOf } from '../../reproductions/experiment.js';
import { estimate } from '../../reproductions/measure.js';
import { budgetOf, committedResults, ownResults, recordFiles } from '../../reproductions/records.js';
import { EXPERIMENTS } from '../../reproductions/registry.js';
import { print, printJson, shortPath } from './text.js';

/** A figure or table as `zarts list` shows it. */
interface Listed {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  /** Seconds that each budget takes on two cores with nothing computed yet. */
  readonly seconds: Readonly<Record<Budget, number>>;
  /** Records of results that are there: those made here, and those that came with the project. */
  readonly results: readonly string[];
}

/** Runs `zarts list`. @returns the exit code. */
export function list({ json }: { json: boolean }): number {
  const files = [ownResults(), committedResults()].flatMap(recordFiles);
  const estimates = keptEstimates();
  const listed = EXPERIMENTS.map(({ id, title, description }): Listed => {
    return {
      id,
      title,
      description,
      seconds: estimates[id],
      results: files.filter((file) => budgetOf(file, id) !== undefined),
    };
  });
  if (json) printJson(listed);
  else print(describeList(listed));
  return 0;
}

type Estimates = Readonly<Record<string, Listed['seconds']>>;

/** What every figure and table takes: thousands of runs are reckoned up, so it is kept until the sources are compiled anew. */
function keptEstimates(): Estimates {
  const file = join(projectRoot(), '.zarts', 'estimates.json');
  const { mtimeMs: build } = statSync(join(projectRoot(), 'dist', '.tsbuildinfo'));
  try {
    const kept = JSON.parse(readFileSync(file, 'utf8')) as { build: number; estimates: Estimates };
    if (kept.build === build) return kept.estimates;
  } catch {
    // Not reckoned up yet.
  }
  const estimates = Object.fromEntries(
    EXPERIMENTS.map((experiment) => {
      const seconds = (budget: Budget): number => estimate(cellsOf(experiment, { budget }));
      return [
        experiment.id,
        { smoke: seconds('smoke'), laptop: seconds('laptop'), full: seconds('full') },
      ] as const;
    }),
  );
  try {
    writeWhole(file, [JSON.stringify({ build, estimates })]);
  } catch {
    // A folder that cannot be written to is no reason not to say it.
  }
  return estimates;
}

function describeList(listed: readonly Listed[]): string[] {
  const table = textTable({
    title: 'Figures and tables of the paper',
    columns: [
      { key: 'id', title: 'id' },
      { key: 'title', title: 'what it shows' },
      ...BUDGETS.map((key) => ({ key, title: key, align: 'right' as const })),
      { key: 'results', title: 'results here' },
    ],
    rows: listed.map(({ id, title, seconds, results }) => {
      const budgets = BUDGETS.filter((budget) => results.some((file) => budgetOf(file, id) === budget));
      return {
        id,
        title: title.replace(/^(Fig\.|Table) \d+: /, ''),
        smoke: about(seconds.smoke),
        laptop: about(seconds.laptop),
        full: about(seconds.full),
        results: budgets.join(', '),
      };
    }),
    notes: ['Times are estimates for two cores, with nothing computed before.'],
  });
  const results = listed.flatMap((each) => each.results);
  return [
    table,
    ...(results.length === 0 ? [] : ['', 'Results:', ...results.map((file) => `  ${shortPath(file)}`)]),
    '',
    'npx zarts reproduce ID --budget smoke|laptop|full runs one; what was computed before is not computed again.',
  ];
}
