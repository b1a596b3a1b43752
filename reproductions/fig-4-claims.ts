/** What the paper says of effective samples over a search (A.3), and what it does not say. */
import { decide, unanswered } from '../lib/analysis/claims.js';
import type { Answer } from '../lib/analysis/claims.js';
import type { Table } from '../lib/report/table.js';
import { mean, slopeOver } from './claims.js';
import { groupBy, ofWholeSeeds, perSeed } from './experiment.js';
import type { Row, View } from './experiment.js';
import { absolute, judgeAll } from './statements.js';
import type { Statement } from './statements.js';
import {
  CONVERGED_FROM,
  DENSITY_TITLES,
  densitiesIn,
  HALF_DIGIT,
  NEAR_PAPER_ESR,
  PAPER_ESR,
  SAMPLES,
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

const ratioAt = (rows: readonly SearchRow[], at: number): number => lastRatio(rows.find(({ N }) => N === at));

/** R_e at the largest N less R_e at the N where the paper calls it converged. */
function ratioChange(rows: readonly SearchRow[]): number {
  const largest = Math.max(...rows.map(({ N }) => N));
  return largest === CONVERGED_FROM ? NaN : ratioAt(rows, largest) - ratioAt(rows, CONVERGED_FROM);
}

/** Half the rise under the schedule less the rise under constant σ, over the N that the seed has both for. */
function excessRise(rows: readonly SearchRow[]): number {
  const both = groupBy(rows, 'N').filter((group) => groupBy(group.rows, 'schedule').length === 2);
  const [scheduled, held] = ['cosine', 'constant'].map((schedule) =>
    mean(both.flatMap((group) => group.rows.filter((row) => row.schedule === schedule).map(rise))),
  );
  return scheduled / 2 - held;
}

const among = ({ schedule }: SearchRow): boolean => schedule === 'cosine';

/** "With the flat density", which all of these rows have. */
const withDensity = (rows: readonly SearchRow[]): string =>
  `With the ${densitiesIn(rows)
    .map((density) => DENSITY_TITLES[density])
    .join(', ')}`;

const NONE = 'no two seeds have what it takes';

/** That N_e could be otherwise: where all weights are alike it is N, which rises with N and is approached from the start. */
const weightsDiffer = (rows: readonly SearchRow[]): Control =>
  aboveControl(
    `${withDensity(rows)} the weights of candidates differ at first: R_e of the first epoch with updates lies below 1, by more than ${HALF_DIGIT}`,
    perSeed(rows.filter(among), (own) => mean(own.map((row) => 1 - (weightedEpochs(row).at(0)?.esr ?? NaN)))),
    HALF_DIGIT,
    NONE,
    'seeds',
  );

/** That R_e changes with N where it has not converged yet: where it never does, that it no longer does says nothing. */
function ratioFalls(rows: readonly SearchRow[]): Control {
  const least = Math.min(...SAMPLES);
  return aboveControl(
    `${withDensity(rows)} R_e falls before it has converged: from N = ${least} to ${CONVERGED_FROM}, by more than ${HALF_DIGIT} in the last epoch`,
    perSeed(rows.filter(among), (own) => ratioAt(own, least) - ratioAt(own, CONVERGED_FROM)),
    HALF_DIGIT,
    NONE,
    'seeds',
  );
}

/** What the paper says of Fig. 4 (A.3), with what the rows must show first. */
const statements = (budget: string, rows: readonly SearchRow[]): readonly Statement<SearchRow>[] => [
  {
    id: 'ess-rises-with-samples',
    text: 'N_e rises with N',
    statistic: 'slope of N_e over N in the last epoch',
    region: { above: 0 },
    among,
    control: weightsDiffer(rows),
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
    control: ratioFalls(rows),
    value: ratioChange,
    detail: 'Half of the last digit that the paper gives is the largest change that "converged" can hide.',
  },
  {
    id: 'esr-rises-over-epochs',
    text: 'N_e approaches N over the epochs',
    statistic: 'R_e in the last epoch less R_e in the first with updates, mean over N',
    region: { above: 0 },
    among,
    control: weightsDiffer(rows),
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

export function claims({ rows, budget }: SweepView): Answer[] {
  const whole = ofWholeSeeds(rows, 'density', 'schedule', 'N');
  const found = densitiesIn(rows).map((density) => {
    const named = ({ id, text, ...rest }: Statement<SearchRow>) => ({
      ...rest,
      id: `${id}/${density}`,
      text: `${text}: ${DENSITY_TITLES[density]}.`,
    });
    const own = whole.filter((row) => row.density === density);
    const answers = judgeAll(own, statements(budget, own).map(named));
    return {
      own,
      answers,
      schedule: { ...named(SCHEDULE_STATEMENT), control: weightsDiffer(own) },
      rise: `esr-rises-over-epochs/${density}`,
    };
  });
  if (rows.every(among)) return found.flatMap(({ answers }) => answers);
  // Together, as the verdicts are: the level of a rise hangs on how many questions there are.
  const supported = decide(found.flatMap(({ answers }) => answers)).filter(
    ({ verdict }) => verdict === 'supported',
  );
  const detail = 'No rise is established here that a schedule could explain.';
  return found.flatMap(({ own, answers, schedule, rise }) => [
    ...answers,
    ...(supported.some(({ id }) => id === rise)
      ? judgeAll(own, [schedule])
      : [unanswered({ ...schedule, detail }, 'undecided')]),
  ]);
}

/** The controls, each once. */
export const controlsOf = ({ rows }: Pick<SweepView, 'rows'>): Control[] => {
  const whole = ofWholeSeeds(rows, 'density', 'schedule', 'N');
  return densitiesIn(rows).flatMap((density) => {
    const own = whole.filter((row) => row.density === density);
    return [weightsDiffer(own), ratioFalls(own)];
  });
};

/** The verdicts at a glance: a row a statement, a column a density. */
export function verdictTable(view: SweepView): Table {
  const verdicts = new Map(decide(claims(view)).map(({ id, verdict }) => [id, verdict]));
  const densities = densitiesIn(view.rows);
  return summaryTable<Statement<SearchRow>>(
    'Verdicts by density',
    [...statements(view.budget, []), SCHEDULE_STATEMENT]
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
