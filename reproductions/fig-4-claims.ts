/** What the paper says of effective samples over a search (A.3), and what it does not say. */
import { decide, unanswered } from '../lib/analysis/claims.js';
import type { Answer } from '../lib/analysis/claims.js';
import type { Table } from '../lib/report/table.js';
import type { MgsDensity } from '../lib/solvers/mgs.js';
import { mean, slopeOver } from './claims.js';
import { groupBy, ofWholeSeeds, perSeed } from './experiment.js';
import type { Row, View } from './experiment.js';
import { absolute, judgeAll, judged } from './statements.js';
import type { Statement } from './statements.js';
import {
  CONVERGED_FROM,
  DENSITY_TITLES,
  densitiesIn,
  HALF_DIGIT,
  NEAR_PAPER_ESR,
  PAPER_ESR,
  weightedEpochs,
} from './sweep.js';
import type { SweepAxes } from './sweep.js';
import { label, summaryTable } from './tables.js';
import { aboveControl } from './together.js';
import type { Control } from './together.js';

export type SearchRow = Row<'search', SweepAxes>;
export type SweepView = View<'search', SweepAxes>;

/** R_e and N_e of a search's last epoch. */
export const last = (row: SearchRow) => weightedEpochs(row).at(-1);
const lastRatio = (row?: SearchRow): number => (row && last(row)?.esr) ?? NaN;

// What is not there is not finite: a seed without it has no say.

/** How much R_e rose from the first epoch with updates to the last. */
function rise(row: SearchRow): number {
  const epochs = weightedEpochs(row);
  return epochs.length < 2 ? NaN : epochs[epochs.length - 1].esr - epochs[0].esr;
}

/** R_e at the largest N less R_e at the N where the paper calls it converged. */
function ratioChange(rows: readonly SearchRow[]): number {
  const largest = Math.max(...rows.map(({ N }) => N));
  const [from, to] = [CONVERGED_FROM, largest].map((N) => lastRatio(rows.find((row) => row.N === N)));
  return largest === CONVERGED_FROM ? NaN : to - from;
}

/** Half the rise under the schedule less the rise under constant σ, over the N that the seed has both for. */
function excessRise(rows: readonly SearchRow[]): number {
  const both = groupBy(rows, 'N').filter((group) => groupBy(group.rows, 'schedule').length === 2);
  const [scheduled, held] = ['cosine', 'constant'].map((schedule) =>
    mean(both.flatMap((group) => group.rows.filter((row) => row.schedule === schedule).map(rise))),
  );
  return scheduled / 2 - held;
}

const RISES = 'esr-rises-over-epochs';

const among = ({ schedule }: SearchRow): boolean => schedule === 'cosine';

/** 1 − R_e. */
const unevenness = (epoch?: { readonly esr: number }): number => 1 - (epoch?.esr ?? NaN);

/**
 * That the weights of candidates differ: where they are alike N_e is N, which rises with N whatever the losses are, and can
 * approach it no more.
 *
 * @param when   In which epoch.
 * @param value  Of a search.
 */
const weightsDiffer = (
  density: MgsDensity,
  rows: readonly SearchRow[],
  when: string,
  value: (row: SearchRow) => number,
): Control =>
  aboveControl(
    `With the ${DENSITY_TITLES[density]} the weights of candidates differ: R_e ${when}, mean over N, lies below 1, by more than ${HALF_DIGIT}`,
    perSeed(rows.filter(among), (own) => mean(own.map(value))),
    HALF_DIGIT,
    'no two seeds have all that it takes',
    'seeds',
  );

/** What the paper says of Fig. 4 (A.3), with what the rows of a density must show first. */
const statements = (
  budget: string,
  density: MgsDensity,
  rows: readonly SearchRow[],
): readonly Statement<SearchRow>[] => [
  {
    id: 'ess-rises-with-samples',
    text: 'N_e rises with N',
    statistic: 'slope of N_e over N in the last epoch',
    region: { above: 0 },
    among,
    control: weightsDiffer(density, rows, 'in the last epoch', (row) => unevenness(last(row))),
    value: (own) =>
      slopeOver(
        own,
        ({ N }) => N,
        (row) => last(row)?.ess ?? NaN,
      ),
    detail: 'A slope of 1 would mean that every candidate added counts in full.',
  },
  {
    id: 'esr-near-paper',
    text: `R_e is about ${PAPER_ESR} at the end for N ≥ ${CONVERGED_FROM}`,
    statistic: `mean R_e over N ≥ ${CONVERGED_FROM} in the last epoch`,
    region: NEAR_PAPER_ESR,
    among: (row) => among(row) && row.N >= CONVERGED_FROM,
    value: (own) => mean(own.map(lastRatio)),
    ...absolute(budget),
    detail: 'The paper gives one decimal, so "about" is what rounds to it.',
  },
  {
    id: 'esr-converged',
    text: `R_e no longer changes with N from N = ${CONVERGED_FROM} on`,
    statistic: `R_e at the largest N less R_e at N = ${CONVERGED_FROM}, last epoch`,
    region: { between: [-HALF_DIGIT, HALF_DIGIT] },
    among,
    value: ratioChange,
    detail: 'Half of the last digit that the paper gives is the largest change that "converged" can hide.',
  },
  {
    id: RISES,
    text: 'N_e approaches N over the epochs',
    statistic: 'R_e in the last epoch less R_e in the first with updates, mean over N',
    region: { above: 0 },
    among,
    control: weightsDiffer(density, rows, 'in the first epoch with updates or the last', (row) =>
      Math.max(unevenness(weightedEpochs(row).at(0)), unevenness(last(row))),
    ),
    value: (own) => mean(own.map(rise)),
  },
];

/** Not the paper's: what its rise over the epochs is made of. It needs a rise, and the control with constant σ. */
const SCHEDULE_STATEMENT: Statement<SearchRow> = {
  id: 'rise-is-the-schedule',
  secondary: true,
  text: 'Most of the rise over the epochs comes from the schedule of σ (our reading)',
  statistic: 'half the rise of R_e with cosine σ less the rise with constant σ, mean over N',
  region: { above: 0 },
  value: excessRise,
  detail: 'Above 0, less than half of the rise is left once σ stays constant.',
};

/** What is found of the statements for each density that was run. */
function found({ rows, budget }: Pick<SweepView, 'rows' | 'budget'>) {
  const whole = ofWholeSeeds(rows, 'density', 'schedule', 'N');
  return densitiesIn(rows).map((density) => {
    const named = ({ id, text, ...rest }: Statement<SearchRow>) => ({
      ...rest,
      id: `${id}/${density}`,
      text: `${text}: ${DENSITY_TITLES[density]}.`,
    });
    const own = whole.filter((row) => row.density === density);
    const { answers, controls } = judged(own, statements(budget, density, own).map(named));
    return { own, answers, controls, schedule: named(SCHEDULE_STATEMENT) };
  });
}

/** What the searches must show before they decide anything. */
export const controlsOf = (view: SweepView): Control[] => found(view).flatMap(({ controls }) => controls);

export function claims(view: SweepView): Answer[] {
  const all = found(view);
  if (view.rows.every(among)) return all.flatMap(({ answers }) => answers);
  // Together, as the verdicts are: the level of a rise hangs on how many questions there are.
  const verdicts = new Map(
    decide(all.flatMap(({ answers }) => answers)).map(({ id, verdict }) => [id, verdict]),
  );
  const detail = 'No rise is established here that a schedule could explain.';
  return all.flatMap(({ own, answers, schedule }) => {
    const rises = verdicts.get(schedule.id.replace(SCHEDULE_STATEMENT.id, RISES));
    const unseen = rises === 'cannot be seen here' ? rises : 'undecided';
    return [
      ...answers,
      ...(rises === 'supported' ? judgeAll(own, [schedule]) : [unanswered({ ...schedule, detail }, unseen)]),
    ];
  });
}

/** The verdicts at a glance: a row a statement, a column a density. */
export function verdictTable(view: SweepView): Table {
  const verdicts = new Map(decide(claims(view)).map(({ id, verdict }) => [id, verdict]));
  const densities = densitiesIn(view.rows);
  return summaryTable<Statement<SearchRow>>(
    'Verdicts by density',
    [...statements(view.budget, densities[0], []), SCHEDULE_STATEMENT]
      .filter(({ id }) => densities.some((density) => verdicts.has(`${id}/${density}`)))
      .map((statement) => ({ rows: [statement] })),
    [
      label('claim', ({ text }) => text),
      ...densities.map((density) =>
        label<Statement<SearchRow>>(density, ({ id }) => verdicts.get(`${id}/${density}`) ?? null),
      ),
    ],
  );
}
