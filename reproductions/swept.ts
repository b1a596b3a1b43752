/**
 * What Tables 5 and 6 share: one setting of a search swept, what is found trained; error, loss and cost against the setting, beside
 * searches of the same length by others.
 */
import type { Answer, Gate } from '../lib/analysis/claims.js';
import { leastStep } from '../lib/analysis/statistics.js';
import { UsageError } from '../lib/errors.js';
import { againstNumber, sixDigits } from '../lib/report/charts.js';
import type { Chart } from '../lib/report/spec.js';
import type { Table } from '../lib/report/table.js';
import type { FileDatasetName } from '../lib/datasets/registry.js';
import { canonicalJson } from '../lib/runs/canonical.js';
import { solverSearch } from '../lib/search/presets.js';
import { applySet, spaceName } from '../lib/search/protocol.js';
import type { Budget, SearchProtocol } from '../lib/search/protocol.js';
import type { SolverId } from '../lib/search/solvers.js';
import type { SpaceId } from '../lib/spaces/spaces.js';
import { mean, slope } from './claims.js';
import type { MethodAxes, Separation } from './claims.js';
import { searchDeviations, sentences } from './deviations.js';
import { cross, distinct, experiment, perSeed, rowsOfKind } from './experiment.js';
import type { Axes, Cell, Experiment, Row, View } from './experiment.js';
import type { Choices, Grid } from './grid.js';
import type { RowOf } from './kinds.js';
import { searchesMove } from './alphas.js';
import { methodTitle } from './methods.js';
import { printedNumbers, printedTable, printedText } from './paper.js';
import {
  controlCells,
  isControl,
  separationSentence,
  separationTable,
  separationsIn,
  worthTraining,
} from './separation.js';
import { SEEDS } from './sweep.js';
import { counted, label, listTable, SKIPS, spread, stateText, summaryTable } from './tables.js';
import type { SummaryColumn } from './tables.js';
import { aboveControl, gatedBy } from './together.js';
import type { Control } from './together.js';
import { isUntrained, NOT_TRAINED, trainedSearch, UNTRAINED, untrained, withBaselines } from './trained.js';
import { trainingSettings } from './training.js';

/** Whose networks are trained. */
const PRESET = 'darts-space';

/** Whose searches of the same length stand beside. */
const PEERS = ['darts-1st', 'random-ws'] as const satisfies readonly SolverId[];

type SweptKind = 'search' | 'validation' | 'training' | 'linear';

/** What a search ended with by its own objective; not finite where it was not read. */
interface Losses {
  readonly loss: number;
  readonly uniform: number;
}

/** A network that one of the searches found, trained, with the losses of that search. */
export type SweptRow<A extends Axes> = Row<'training', A> & { readonly validation: Losses };

/** What is shown: searches and their losses; trained networks, and linear classifiers. */
export type SweptView<A extends Axes> = View<SweptKind, A>;

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
  Experiment<SweptKind, A, C>,
  'id' | 'title' | 'description' | 'claim' | 'choices'
> {
  /** As the paper's table calls it. */
  readonly setting: string;
  readonly searches: (grid: Grid<C>) => readonly SearchProtocol[];
  readonly axes: (search: SearchProtocol) => A;
  readonly deviations: (cells: readonly Cell<'training', A>[]) => readonly string[];
  /** Whose search a row is of, in a sentence; what those of one find is judged together. */
  readonly whose: (row: SweptRow<A>) => string;
  /** Controls of the setting that is swept; none when left out. */
  readonly controls?: (rows: readonly SweptRow<A>[]) => readonly Control[];
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
  readonly claims: (
    rows: readonly SweptRow<A>[],
    separation: Separation | undefined,
    /** undefined where the budget has none. */
    peers: readonly Peer[] | undefined,
  ) => readonly Answer[];
}

/** A search of another method, of the same length, in the form of a network that was not trained. */
export type Peer = SweptRow<MethodAxes>;

const hasPeers = ({ budget }: { readonly budget: Budget }): boolean => budget !== 'smoke';

/** Nothing where a setting that was changed by hand is none of the method's: then it does not stand beside. */
function unlessRefused<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch (error) {
    if (error instanceof UsageError) return undefined;
    throw error;
  }
}

const isPeer = (row: object): boolean =>
  'method' in row && (PEERS as readonly string[]).includes(row.method as string);

// ---- Losses ----

/** The loss that a search ends with on the whole validation half. */
export const LOSS: SummaryColumn<{ readonly validation: Losses }> = spread(
  'validation loss',
  ({ validation }) => finite(validation.loss),
  3,
);

/** The same with all operations weighed alike. */
export const UNIFORM_LOSS: SummaryColumn<{ readonly validation: Losses }> = spread(
  'α = 0',
  ({ validation }) => finite(validation.uniform),
  3,
);

/** What {@link LOSS} and {@link UNIFORM_LOSS} are. */
export const LOSS_NOTE =
  'Validation loss: L_val(ω, α) at the end of the search, in nats, mean over the whole batches of the validation half, not augmented, each normalized by its own statistics; α = 0: at the same ω with all operations of an edge weighed alike.';

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

/** A search with its losses. */
type Ended = { readonly seed: number; readonly validation: Losses };

/** That the loss sees α at all: by how much it is lower than with all operations weighed alike, a number a seed. */
function lossControl(rows: readonly Ended[]): Control {
  const text =
    'With all operations weighed alike the validation loss is higher than at the α that was found, which ω was trained with';
  const gains = rows.filter(({ validation: { loss, uniform } }) => Number.isFinite(uniform - loss));
  const means = perSeed(gains, (own) => mean(own.map(({ validation: { loss, uniform } }) => uniform - loss)));
  return aboveControl(text, means, 0, 'no two losses are here', 'seeds, nats');
}

/** What statements on losses are told of their controls. @param others  Of the setting that is swept. */
export const gatedByLoss = (rows: readonly Ended[], others: readonly Control[] = []): Gate =>
  gatedBy([...others, lossControl(rows)]);

/**
 * What a claim that sizes grow with a setting is decided on: the slope of a line, in steps of the least that two sizes differ by.
 *
 * @param whose  Whose searches the rows are of.
 */
export function sizeSlope<X extends string, R extends Row<'training', Readonly<Record<X, number>>>>(
  x: X,
  whose: string,
  rows: readonly R[],
) {
  const sizeOf = ({ fullParameters }: R): number => fullParameters / 1e6;
  const xs = rows.map((row) => row[x]);
  const range = Math.max(...xs) - Math.min(...xs);
  return {
    statistic: `full-size parameters (M) for each unit of ${x} more (slope of a line)`,
    value: slope<X, R>(x, sizeOf),
    region: { above: 0 },
    resolution: range > 0 ? leastStep(rows.map(sizeOf)) / range : 0,
    ...gatedBy([searchesMove(rows[0].space, whose, rows)]),
  };
}

/** The table as an experiment. */
export function swept<A extends Axes, C extends Choices>(table: Swept<A, C>) {
  const { id, title, description, claim, choices, setting, x } = table;
  const printed = printedTable(id.slice(-1), setting);
  /**
   * Every network that a search found, of others than ours too. One that was not trained has no error, nor has one that was before its
   * control failed: a mean of the few that there are would stand among those of all.
   */
  const everyNetwork = ({ rows }: SweptView<A>): (SweptRow<A> | Peer)[] => {
    const all = rows as unknown as Row<SweptKind, Axes>[];
    const failed = [...separationsIn({ rows }).values()].some(({ passed }) => passed === false);
    const trained = rowsOfKind(all, 'training')
      .filter((row) => !isControl(row))
      .map((row) => (failed ? { ...row, ...NOT_TRAINED } : row));
    const known = new Set(trained.map(({ search }) => canonicalJson(search)));
    const others = rowsOfKind(all, 'search').filter(({ search }) => !known.has(canonicalJson(search)));
    const losses = new Map<string, RowOf<'validation'>>(
      rowsOfKind(all, 'validation').map((row) => [canonicalJson(row.search), row]),
    );
    return [
      ...trained,
      ...others.map((row) => untrained(row, { genotype: row.genotype, preset: PRESET })),
    ].map((row) => {
      const { loss = NaN, uniform = NaN } = losses.get(canonicalJson(row.search)) ?? {};
      return { ...row, validation: { loss, uniform } };
    }) as unknown as (SweptRow<A> | Peer)[];
  };
  /** What our searches found, and what searches by other methods did. */
  const split = (view: SweptView<A>) => {
    const all = everyNetwork(view);
    return {
      networks: all.filter((row): row is SweptRow<A> => !isPeer(row)),
      peers: all.filter((row): row is Peer => isPeer(row)),
    };
  };

  function peersBlock(peers: readonly Peer[], view: SweptView<A>): Table[] {
    if (peers.length === 0) return [];
    return [
      summaryTable<Peer>(
        `Beside: searches of as many weight steps by other methods (${stateText({ ...view, of: view.done })})`,
        PEERS.map((method) => ({ rows: peers.filter((row) => row.method === method) })).filter(
          (group) => group.rows.length > 0,
        ),
        [
          label('method', ({ method }) => methodTitle(method)),
          counted('n'),
          LOSS,
          UNIFORM_LOSS,
          spread('full size (M)', ({ fullParameters }) => fullParameters / 1e6, 2),
          SKIPS,
          spread('search (s)', ({ searchSeconds }) => searchSeconds, 1),
        ],
        [
          LOSS_NOTE,
          'Random search with weight sharing has single architectures, no mixture that such a loss would be of. Their networks are not trained here.',
        ],
      ),
    ];
  }

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
    const points = table.points(split(view).networks);
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

  return experiment<SweptKind, A, C>({
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
      const ended = (axes: A, search: SearchProtocol): Cell<'validation', A> => {
        const { budget, seed } = search;
        const validation = { version: 1, kind: 'validation', budget, seed, supernet: search } as const;
        return { axes, run: { kind: 'validation', validation } };
      };
      const beside = hasPeers(grid) ? grid.seeds : [];
      const peers = cross({ seed: beside, method: PEERS }).flatMap(({ seed, method }) => {
        const axes = { method } as unknown as A;
        const short = solverSearch(method, where.space, where.dataset, grid.budget);
        const search = unlessRefused(() => grid.search(applySet(short, `seed=${seed}`)));
        if (!search) return [];
        const cell: Cell<'search', A> = { axes, run: { kind: 'search', search } };
        return method === 'random-ws' ? [cell] : [cell, ended(axes, search)];
      });
      return [
        // What the control of training says nothing of.
        ...found.flatMap(({ axes, search }): Cell<'search' | 'validation', A>[] => [
          ...(worth ? [{ axes, run: { kind: 'search', search } } as const] : []),
          ended(axes, search),
        ]),
        ...peers,
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
    deviations: (cells) =>
      sentences(
        table.deviations(
          cells.filter(({ run }) => run.kind === 'training' && run.search) as Cell<'training', A>[],
        ),
        searchDeviations(
          cells.filter(({ axes, run }) => run.kind === 'search' && isPeer(axes)),
          ({ axes }) => methodTitle(String(axes.method)),
        ),
        separationSentence(cells),
      ),
    tables(view) {
      const { networks, peers } = split(view);
      const [first, ...others] = table.tables(networks, view);
      const notes = [...(networks.some(isUntrained) ? [UNTRAINED] : []), ...(first.notes ?? [])];
      const moving = distinct(networks.map(table.whose)).map((whose) =>
        searchesMove(
          networks[0].space,
          whose,
          networks.filter((row) => table.whose(row) === whose),
        ),
      );
      const controls = separationTable(view, [
        ...moving,
        ...(table.controls?.(networks) ?? []),
        lossControl(networks),
      ]);
      return [...controls, { ...first, notes }, ...others, ...peersBlock(peers, view), printedBlock(view)];
    },
    charts,
    claims(view) {
      const { networks, peers } = split(view);
      return table.claims(
        networks,
        [...separationsIn(view).values()].at(0),
        hasPeers(view) ? peers : undefined,
      );
    },
  });
}
