/** The descents of Table 1: what each solver makes of the loss along a whole path. */
import { chart, inColumns, sixDigits } from '../lib/report/charts.js';
import { axisOf, colorOf } from '../lib/report/means-chart.js';
import type { Chart } from '../lib/report/spec.js';
import type { Table } from '../lib/report/table.js';
import { PALETTE, REFERENCE_COLOR } from '../lib/report/theme.js';
import { mean } from './claims.js';
import { distinct, groupBy, perSeed } from './experiment.js';
import { judged } from './statements.js';
import type { Judged } from './statements.js';
import type { Seeded } from './table-1-rows.js';
import { label, spread, summaryTable } from './tables.js';
import { aboveControl } from './together.js';
import type { ToySettings } from './toy-protocol.js';
import { DESCENT_FUNCTIONS, GLD_NAMES, GRADIENT_DESCENT } from './toy.js';

type Row = Seeded<'descent'>;

/** What the paper says of GLD, and does not say. */
export function descentClaims(rows: readonly Row[]): Judged {
  const updates = Math.max(...rows.map((row) => (row.solver === GLD_NAMES.paper ? row.updates : 1)));
  const statistic = 'share of updates that raise the loss on their own batch, mean over the functions';
  const rises = (own: readonly Row[]) => mean(own.map((row) => row.rises));
  const moreThanOnce = {
    region: { above: 1 / updates },
    resolution: 1 / updates,
    detail: `It does: more than once in the ${updates} updates of a descent.`,
  };
  return judged(rows, [
    {
      id: 'gld-monotone',
      text: 'GLD never raises the loss that it measures.',
      statistic,
      region: { below: 1 / updates },
      resolution: 1 / updates,
      among: ({ solver }) => solver === GLD_NAMES.paper,
      value: rises,
      control: aboveControl(
        `A rise is counted where there is one: the solver that raises the loss most often does so more than once in ${updates} updates`,
        perSeed(rows, (own) => Math.max(...groupBy(own, 'solver').map((each) => rises(each.rows)))),
        1 / updates,
        'no two seeds are here',
        'seeds',
        3,
      ),
      detail: `Never: less than once in the ${updates} updates of a descent.`,
    },
    {
      id: 'gld-released',
      secondary: true,
      text: `As released, with a base that is not fine-tuned where its candidates are, it does (our reading).`,
      statistic,
      ...moreThanOnce,
      among: ({ solver }) => solver === GLD_NAMES.released,
      value: rises,
    },
    {
      id: 'gld-other-batches',
      secondary: true,
      text: `The loss over all batches may rise all the same (our reading).`,
      statistic: 'share of updates that raise it, where every update sees another batch',
      ...moreThanOnce,
      among: (row) => row.solver === GLD_NAMES.paper && row.function === 'batches',
      value: ([row]) => row.trueRises,
    },
  ]);
}

/** How often updates raise the loss. */
export function descentTable(rows: readonly Row[], { batchNoise, untuned }: ToySettings['descent']): Table {
  const share = (name: string, of: 'rises' | 'trueRises') => (row: Row) =>
    row.function === name ? 100 * row[of] : null;
  return summaryTable<Row>(
    `Updates that raise the loss, in per cent, mean ± standard deviation over seeds`,
    groupBy(rows, 'solver'),
    [
      label('solver', ({ solver }) => solver),
      ...DESCENT_FUNCTIONS.map((name) => spread(name, share(name, 'rises'), 1)),
      spread('batches: loss over all of them', share('batches', 'trueRises'), 1),
    ],
    [
      `The loss of the batch that the update itself has seen. "batches": a quadratic with another tilt of ${batchNoise} a coordinate each update.`,
      `"Base not tuned": the base’s loss is ${untuned} nats too high, as without the fine-tuning that candidates have.`,
    ],
  );
}

/** Losses below this are drawn at it: the exact minimum has no place on a logarithmic axis. */
const FLOOR = 1e-6;

/** The loss along the descents. */
export function descentChart(
  measured: readonly Row[],
  { dimension, evaluations, batchNoise }: ToySettings['descent'],
): Chart {
  const titles = {
    quadratic: `quadratic, d = ${dimension}`,
    batches: `the same, a new batch every update`,
    Rosenbrock: 'Rosenbrock’s valley',
  };
  const shown = measured.filter(({ solver }) => solver !== GLD_NAMES.released);
  const rows = groupBy(shown, 'function', 'solver').flatMap(({ key, rows: own }) =>
    own[0].path.map(({ evaluations: spent }, i) => {
      // Losses along a descent spread over decades: the mean of their logarithms.
      const logs = own.map(({ path }) => Math.log(Math.max(FLOOR, path[i].loss)));
      const loss = sixDigits(Math.exp(mean(logs)));
      return { function: titles[key.function], solver: key.solver, evaluations: spent, loss };
    }),
  );
  const names = distinct(shown.map(({ solver }) => solver));
  const others = names.filter((name) => name !== GRADIENT_DESCENT);
  const colors = names.map((name) => PALETTE[others.indexOf(name)] ?? REFERENCE_COLOR);
  const spent = { field: 'evaluations', title: 'evaluations', log: true, values: [10, 100, 1000, 10_000] };
  const decades = [1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 0.3, 1, 3, 10];
  const tooltip = [
    { field: 'solver', title: 'solver' },
    { field: 'evaluations', title: 'evaluations' },
    { field: 'loss', title: 'loss', format: '.3~g' },
  ];
  const line = {
    mark: { type: 'line', strokeWidth: 2, clip: true },
    encoding: {
      x: axisOf(spent),
      y: axisOf({ field: 'loss', title: 'L(α)', log: true, values: decades }),
      color: colorOf({ field: 'solver', title: 'solver', names, colors }),
      tooltip,
    },
  };
  const subtitle = [
    `geometric mean over seeds of the loss itself; losses below ${FLOOR.toExponential()} are drawn there`,
    `${evaluations} evaluations of the loss, of which a gradient counts as one`,
    `batches tilt the loss by ${batchNoise} a coordinate; in the valley MGS is run without the gradient`,
  ];
  const panels = { field: 'function', names: DESCENT_FUNCTIONS.map((name) => titles[name]) };
  return chart(
    { name: 'descent', title: 'Down three functions', subtitle },
    rows,
    inColumns(panels, { width: 230, height: 210, layer: [line] }, true),
  );
}
