/** What Tables 5 and 6 share: one setting of a search swept, what is found trained; error and cost against the setting. */
import type { Answer } from '../lib/analysis/claims.js';
import { againstNumber, sixDigits } from '../lib/report/charts.js';
import type { Chart } from '../lib/report/spec.js';
import type { Table } from '../lib/report/table.js';
import type { FileDatasetName } from '../lib/datasets/registry.js';
import { canonicalJson } from '../lib/runs/canonical.js';
import { spaceName } from '../lib/search/protocol.js';
import type { SearchProtocol } from '../lib/search/protocol.js';
import type { SpaceId } from '../lib/spaces/spaces.js';
import type { Separation } from './claims.js';
import { distinct, experiment, rowsOfKind } from './experiment.js';
import type { Axes, Cell, Experiment, Row, View } from './experiment.js';
import type { Choices, Grid } from './grid.js';
import { printedNumbers, printedTable, printedText } from './paper.js';
import {
  SEPARATION_SENTENCE,
  controlCells,
  isControl,
  separationTable,
  separationsIn,
  worthTraining,
} from './separation.js';
import { SEEDS } from './sweep.js';
import { label, listTable } from './tables.js';
import { isUntrained, trainedSearch, UNTRAINED, untrained, withBaselines } from './trained.js';
import { trainingSettings } from './training.js';

/** Whose networks are trained. */
const PRESET = 'darts-space';

/** A network that one of the searches found, trained. */
export type SweptRow<A extends Axes> = Row<'training', A>;

/** What is shown: searches, where nothing says that training tells their networks apart; trained ones, and linear classifiers. */
export type SweptView<A extends Axes> = View<'search' | 'training' | 'linear', A>;

/** A number drawn against the setting. */
interface Quantity<R> {
  readonly name: string;
  readonly title: string;
  readonly subtitle: string;
  readonly y: { readonly field: string; readonly title: string };
  /** Nothing where a search has none. */
  readonly of: (row: R) => number | null | undefined;
  /** What the field that tells lines apart is called. */
  readonly group: string;
  readonly format?: string;
  readonly fromZero?: boolean;
}

/** A chart's points are searches whose networks are trained. */
export const OF_SEARCHES = 'line: mean over seeds; points: each search, its network trained';

interface Swept<A extends Axes, C extends Choices> extends Pick<
  Experiment<'search' | 'training' | 'linear', A, C>,
  'id' | 'title' | 'description' | 'claim' | 'choices'
> {
  /** As the paper's table calls it. */
  readonly setting: string;
  readonly searches: (grid: Grid<C>) => readonly SearchProtocol[];
  readonly axes: (search: SearchProtocol) => A;
  readonly deviations: (cells: readonly Cell<'training', A>[]) => readonly string[];
  /** One at least. */
  readonly tables: (rows: readonly SweptRow<A>[], view: SweptView<A>) => readonly [Table, ...Table[]];
  /** The paper's table, beside the title: its columns by the names of their cells, and when it is comparable. */
  readonly printed: {
    readonly title?: string;
    readonly columns: Readonly<Record<string, string>>;
    readonly comparable: string;
  };
  readonly x: { readonly field: string; readonly title: string };
  /** The points drawn: the setting's value, and the title of the line. */
  readonly points: (
    rows: readonly SweptRow<A>[],
  ) => readonly { readonly row: SweptRow<A>; readonly at: number; readonly group: string }[];
  readonly quantities: (view: SweptView<A>) => readonly Quantity<SweptRow<A>>[];
  /** @param separation  What training tells apart, where the searches ran; undefined where nothing was trained. */
  readonly claims: (rows: readonly SweptRow<A>[], separation: Separation | undefined) => readonly Answer[];
}

/** The table as an experiment. */
export function swept<A extends Axes, C extends Choices>(table: Swept<A, C>) {
  const { id, title, description, claim, choices, setting, x } = table;
  const printed = printedTable(id.slice(-1), setting);
  /** Every network that a search found; one that was not trained has no error. */
  const networksIn = ({ rows }: SweptView<A>): SweptRow<A>[] => {
    const all = rows as unknown as Row<'search' | 'training' | 'linear', Axes>[];
    const trained = rowsOfKind(all, 'training').filter((row) => !isControl(row));
    const known = new Set(trained.map(({ search }) => canonicalJson(search)));
    const others = rowsOfKind(all, 'search').filter(({ search }) => !known.has(canonicalJson(search)));
    return [
      ...trained,
      ...others.map((row) => untrained(row, { genotype: row.genotype, preset: PRESET })),
    ] as unknown as SweptRow<A>[];
  };

  function printedBlock({ budget }: SweptView<A>): Table {
    const { title: more = '', columns, comparable } = table.printed;
    return listTable(
      `Printed in the paper's Table ${id.slice(-1)}${more}`,
      printed,
      [
        label(setting, ({ key }) => key, 'right'),
        ...Object.entries(columns).map(([name, head]) =>
          label<(typeof printed)[number]>(head, ({ cells }) => printedText(cells[name]), 'right'),
        ),
      ],
      [budget === 'full' ? comparable : `Not comparable with numbers made at budget ${budget}.`],
    );
  }

  function charts(view: SweptView<A>): Chart[] {
    const points = table.points(networksIn(view));
    const groups = distinct(points.map((point) => point.group));
    return table.quantities(view).flatMap(({ y, of, group, format = '.2f', fromZero = false, ...words }) => {
      const values = points.flatMap(({ row, at, group: line }) => {
        const value = of(row);
        if (typeof value !== 'number' || !Number.isFinite(value)) return [];
        return [{ [group]: line, [x.field]: at, seed: row.seed, [y.field]: sixDigits(value) }];
      });
      if (values.length === 0) return [];
      return [againstNumber(words, values, { x, y, group, groups, format, fromZero })];
    });
  }

  return experiment<'search' | 'training' | 'linear', A, C>({
    ...{ id, title, description, claim, choices },
    paper: printedNumbers(printed, ({ key }) => `${setting}=${key}`),
    seeds: SEEDS,
    runs(grid) {
      const searches = table.searches(grid);
      const [{ dataset }] = searches;
      const where = { dataset: dataset.name as FileDatasetName, space: spaceName(searches[0]) as SpaceId };
      const controls = controlCells([where], grid, (at) =>
        grid.training(trainingSettings({ preset: PRESET, ...at }, grid.budget)),
      );
      const worth = worthTraining(controls, where);
      const found = searches.map((search) => ({ axes: table.axes(search), search }));
      return [
        // What the control says nothing of.
        ...(worth
          ? found.map(({ axes, search }): Cell<'search', A> => ({ axes, run: { kind: 'search', search } }))
          : []),
        ...withBaselines([
          ...(controls as unknown as Cell<'training', A>[]),
          ...found.map(({ axes, search }): Cell<'training', A> => ({
            axes,
            run: trainedSearch(grid, search, { preset: PRESET }),
            ...(worth ? { worth } : {}),
          })),
        ]),
      ];
    },
    deviations: (cells) => [
      ...table.deviations(
        cells.filter(({ run }) => run.kind === 'training' && run.search) as Cell<'training', A>[],
      ),
      ...(cells.some(({ axes }) => isControl(axes)) ? [SEPARATION_SENTENCE] : []),
    ],
    tables(view) {
      const networks = networksIn(view);
      const [first, ...others] = table.tables(networks, view);
      const notes = [...(networks.some(isUntrained) ? [UNTRAINED] : []), ...(first.notes ?? [])];
      return [...separationTable(view), { ...first, notes }, ...others, printedBlock(view)];
    },
    charts,
    claims: (view) => table.claims(networksIn(view), [...separationsIn(view).values()].at(0)),
  });
}
