/**
 * Whether searches in S2 to S4 end in the operations that R-DARTS' authors made those spaces to tempt DARTS with: skip
 * connections, in S4 noise. Decided without training what is found: by alphas, and by the derived cells against their exact
 * chance and against random search with weight sharing.
 */
import {
  binomialTail,
  leastLabelsP,
  leastPairedP,
  meanDifference,
  pairedTest,
  rankTest,
  smallestEffect,
  stratifiedTest,
} from '../lib/analysis/comparison.js';
import type { Answer } from '../lib/analysis/claims.js';
import { cellStructure, chanceParameterFree, preferenceFor, spreadOf } from '../lib/analysis/genotypes.js';
import { summarize } from '../lib/analysis/statistics.js';
import { intervalText } from '../lib/report/claims.js';
import { alongSearches, sixDigits } from '../lib/report/charts.js';
import { fixed, plusMinus } from '../lib/report/format.js';
import type { Chart } from '../lib/report/spec.js';
import type { Table } from '../lib/report/table.js';
import type { OpFamily } from '../lib/spaces/primitives.js';
import { SPACES } from '../lib/spaces/spaces.js';
import { distinct, groupBy } from './experiment.js';
import type { Row, View } from './experiment.js';
import { searchesMove } from './alphas.js';
import { methodTitle } from './methods.js';
import { counted, label, progressText, spread, summaryTable } from './tables.js';
import { aboveControl, controlsTable, judgeQuestions, powerText } from './together.js';
import type { Control, Tested, TestedQuestion } from './together.js';

/** The spaces in which one kind of operation is the temptation, and which. */
export const TEMPTATIONS = { s2: 'skip', s3: 'skip', s4: 'noise' } as const satisfies Readonly<
  Record<string, OpFamily>
>;

/** A space with a temptation. */
export type TemptingSpace = keyof typeof TEMPTATIONS;

/** Whether a space has a temptation. */
export function isTempting(space: string): space is TemptingSpace {
  return Object.hasOwn(TEMPTATIONS, space);
}

/** What edges of the temptation are called, by space. */
const EDGES: Readonly<Record<TemptingSpace, string>> = {
  s2: 'skip connections',
  s3: 'skip connections',
  s4: 'noise edges',
};

/** Kept edges of a normal cell, and from how many on the same temptation on them is a collapse: by chance 0.035. */
const KEPT = 8;
const COLLAPSED = 7;

/** The methods compared; the paper's idea stands for ZARTS, since the density as printed hardly heeds the losses (Table 1). */
const [DARTS, FLAT, RANDOM] = ['darts-1st', 'mgs-flat', 'random-ws'] as const;

/** DARTS at half and twice the rate that the rule gives: how much hangs on it. */
export const SENSITIVITY = { 'darts-1st-half': 0.5, 'darts-1st-twice': 2 } as const;

/**
 * Searches of as many steps on eight times the images, each seen an eighth as often: whether what comes out hangs on images being
 * learned by heart.
 */
export const MANY_IMAGES = { 'darts-1st-many': DARTS, 'mgs-flat-many': FLAT } as const;
const [DARTS_MANY, FLAT_MANY] = ['darts-1st-many', 'mgs-flat-many'] as const;

/** Whether a method searches with many images. */
export function hasManyImages(method: string): method is keyof typeof MANY_IMAGES {
  return Object.hasOwn(MANY_IMAGES, method);
}

/** What a reader sees for a method. */
export function titleOf(method: string): string {
  if (hasManyImages(method)) return `${methodTitle(MANY_IMAGES[method])}, many images`;
  if (!Object.hasOwn(SENSITIVITY, method)) return methodTitle(method);
  return `${methodTitle(DARTS)}, ${method.endsWith('half') ? 'half' : 'twice'} the rate`;
}

/** A search of these figures. */
export type CollapseRow = Row<'search', { readonly space: string; readonly method: string }>;
type CollapseView = Pick<View<'search', { readonly space: string; readonly method: string }>, 'rows'> &
  Pick<View, 'budget' | 'done' | 'of' | 'missing'>;

/** ZARTS-MGS, with whichever density was searched by. */
const zartsIn = (rows: readonly CollapseRow[]): string =>
  rows.some(({ method }) => method === FLAT) || rows.every(({ method }) => method !== 'mgs') ? FLAT : 'mgs';

const rowsOf = (rows: readonly CollapseRow[], space: string, method: string): CollapseRow[] =>
  rows.filter((row) => row.space === space && row.method === method);

/** Edges of the temptation in a derived normal cell. */
function tempted({ genotype, space }: CollapseRow): number {
  return cellStructure(genotype, 'normal').families[TEMPTATIONS[space as TemptingSpace]];
}

/** Whether searches with many images are there. */
const withMany = (rows: readonly CollapseRow[], space: string): boolean =>
  rows.some((row) => row.space === space && hasManyImages(row.method));

/** Alphas after an epoch, counted from 1; undefined where they were not recorded or nothing moves them. */
function alphaAfter({ epochs, method }: CollapseRow, epoch: number): readonly number[] | undefined {
  return method === RANDOM ? undefined : epochs[epoch - 1]?.alpha;
}

const lastAlpha = (row: CollapseRow) => alphaAfter(row, row.epochs.length);

/** By how much alphas prefer the temptation. */
const preference = (alpha: readonly number[], space: string): number =>
  preferenceFor(TEMPTATIONS[space as TemptingSpace], alpha, SPACES[space as TemptingSpace], 'normal');

const ofLast = (rows: readonly CollapseRow[], of: (alpha: readonly number[], space: string) => number) =>
  rows.flatMap((row) => {
    const alpha = lastAlpha(row);
    return alpha ? [of(alpha, row.space)] : [];
  });

/** The spaces that there are rows in. */
const spacesIn = (rows: readonly CollapseRow[]): TemptingSpace[] =>
  distinct(rows.map(({ space }) => space)).filter(isTempting);

// ---- Controls ----

/** That a method's alphas move. */
const movesControl = (rows: readonly CollapseRow[], space: string, method: string): Control =>
  searchesMove(space, titleOf(method), rowsOf(rows, space, method));

/** That there is something for ZARTS to keep clear of: DARTS goes where a space tempts it. */
const temptedControl = (rows: readonly CollapseRow[], space: TemptingSpace): Control =>
  aboveControl(
    `In ${space.toUpperCase()} the normal cells of ${titleOf(DARTS)} are dominated: more than ${KEPT / 2} of ${KEPT} edges are ${EDGES[space]}`,
    rowsOf(rows, space, DARTS).map(tempted),
    KEPT / 2,
    'no two searches are here',
  );

const controlsOf = (rows: readonly CollapseRow[]): Control[] =>
  spacesIn(rows).flatMap((space) => [
    ...[DARTS, zartsIn(rows), ...(withMany(rows, space) ? [DARTS_MANY, FLAT_MANY] : [])].map((method) =>
      movesControl(rows, space, method),
    ),
    temptedControl(rows, space),
  ]);

// ---- Claims ----

/** A mean against a number, by the signs of the differences. */
function against(values: readonly number[], bound: number, above: boolean, what: string) {
  if (values.length < 2) return undefined;
  const { mean, interval, std } = summarize(values);
  const differences = values.map((value) => value - bound);
  const { p } = pairedTest(differences);
  return {
    value: mean,
    interval,
    n: values.length,
    p,
    agrees: above ? mean > bound : mean < bound,
    detail: (questions) =>
      `${what} ${powerText('searches', leastPairedP(differences), questions, (of) => fixed(smallestEffect(std! / Math.sqrt(values.length), values.length - 1, of), 2))}`,
  } satisfies Tested;
}

/** Edges of the temptation, those of one method less those of another. */
function fewer(a: readonly number[], b: readonly number[]): Tested | undefined {
  if (a.length < 2 || b.length < 2) return undefined;
  const { p, difference: byRanks } = rankTest(a, b, (x, y) => Math.sign(x - y));
  const [one, other] = [summarize(a), summarize(b)];
  const strata = [{ first: a, second: b }];
  const { difference, interval, standardError, df } = meanDifference(strata);
  return {
    value: difference,
    interval,
    n: Math.min(a.length, b.length),
    p,
    agrees: byRanks < 0,
    detail: (questions) =>
      `${plusMinus(one, 1)} against ${plusMinus(other, 1)} of ${KEPT} edges, by ranks. ${powerText('searches', leastLabelsP(strata), questions, (of) => `a difference of ${fixed(smallestEffect(standardError, df, of), 1)}`)}`,
  };
}

/** Edges of the temptation against their chance, by the signs of the searches' differences: a cell's edges go together. */
function moreThanChance(values: readonly number[], chance: number): Tested | undefined {
  if (values.length < 2) return undefined;
  const { mean, interval, std } = summarize(values, undefined, 1);
  const differences = values.map((value) => value - KEPT * chance);
  const collapses = values.filter((value) => value >= COLLAPSED).length;
  const many = binomialTail(COLLAPSED, KEPT, chance);
  return {
    value: mean,
    interval,
    n: values.length,
    p: pairedTest(differences).p,
    agrees: mean > KEPT * chance,
    detail: (questions) =>
      `By chance ${fixed(KEPT * chance, 1)} of ${KEPT}, exactly. ${collapses} of ${values.length} cells have ${COLLAPSED} or more, a collapse; of a cell drawn at random one in ${fixed(1 / many, 0)} has (p = ${binomialTail(collapses, values.length, many).toPrecision(2)} for so many). ${powerText('searches', leastPairedP(differences), questions, (of) => `a mean ${fixed(smallestEffect(std! / Math.sqrt(values.length), values.length - 1, of), 1)} off`)}`,
  };
}

/** What the difference of a method from DARTS would be had DARTS moved at half or twice its rate; nothing where that was not run. */
function sensitivity(
  counts: (method: string) => readonly number[],
  method: string,
): Pick<TestedQuestion, 'remark'> {
  const told = Object.keys(SENSITIVITY).flatMap((other) => {
    const [own, others] = [counts(method), counts(other)];
    if (own.length < 2 || others.length < 2) return [];
    const { difference, interval } = meanDifference([{ first: own, second: others }]);
    return [
      `from ${titleOf(other)}, is ${fixed(difference, 1)} ${intervalText(interval, 1)}, ${others.length} searches`,
    ];
  });
  return told.length === 0 ? {} : { remark: `The difference ${told.join('; ')}.` };
}

function questionsIn(rows: readonly CollapseRow[], space: TemptingSpace): TestedQuestion[] {
  const name = space.toUpperCase();
  const edges = EDGES[space];
  const of = (method: string) => rowsOf(rows, space, method);
  const counts = (method: string) => of(method).map(tempted);
  const chance = chanceParameterFree(SPACES[space], 'normal');
  const ZARTS = zartsIn(rows);
  const [darts, zarts, dartsMany, zartsMany] = [DARTS, ZARTS, DARTS_MANY, FLAT_MANY].map((method) =>
    movesControl(rows, space, method),
  );
  const zartsName = titleOf(ZARTS);
  const alphaPrefers = (id: string, method: string, why = ''): TestedQuestion => ({
    id: `${id}/${space}`,
    text: `In ${name}, the alphas of ${titleOf(method)} come to prefer ${edges}${why}.`,
    statistic: `alpha of ${edges} less that of the other operation, mean over the normal cell’s edges, at the end`,
    controls: [movesControl(rows, space, method)],
    test: () => against(ofLast(of(method), preference), 0, true, 'Above 0: they are preferred.'),
  });
  const cellPrefers = (id: string, method: string): TestedQuestion => ({
    id: `${id}/${space}`,
    text: `In ${name}, ${titleOf(method)} finds normal cells with more ${edges} than chance.`,
    statistic: `${edges} in the normal cell of ${titleOf(method)}, by chance ${fixed(KEPT * chance, 0)} of ${KEPT}`,
    controls: [movesControl(rows, space, method)],
    test: () => moreThanChance(counts(method), chance),
  });
  const contest = (
    id: string,
    first: string,
    second: string,
    controls: readonly Control[],
    more: Pick<TestedQuestion, 'secondary' | 'remark'> = {},
  ): TestedQuestion => ({
    id: `${id}/${space}`,
    text: `In ${name}, ${titleOf(first)} finds normal cells with fewer ${edges} than ${titleOf(second)} does.`,
    statistic: `${edges} in the normal cell, ${titleOf(first)} less ${titleOf(second)}`,
    controls,
    ...more,
    test: () => fewer(counts(first), counts(second)),
  });
  const beside = { secondary: true };
  return [
    alphaPrefers('alpha-prefers', DARTS, ' (the failure that the paper sets out from)'),
    cellPrefers('cell-prefers', DARTS),
    contest('fewer', ZARTS, DARTS, [darts, zarts], sensitivity(counts, ZARTS)),
    {
      id: `not-dominated/${space}`,
      text: `The normal cells that ZARTS finds in ${name} are not dominated by ${edges}.`,
      statistic: `${edges} in the normal cell of ${zartsName}, dominated above ${KEPT / 2} of ${KEPT}`,
      controls: [zarts, temptedControl(rows, space)],
      test: () =>
        against(
          counts(ZARTS),
          KEPT / 2,
          false,
          `The paper gives no number; more than half of ${KEPT} edges counts as dominated. By chance ${fixed(KEPT * chance, 1)}.`,
        ),
    },
    contest('fewer-than-random', ZARTS, RANDOM, [zarts]),
    contest('darts-fewer-than-random', DARTS, RANDOM, [darts]),
    ...(withMany(rows, space)
      ? [
          { ...cellPrefers('cell-prefers-many', DARTS_MANY), secondary: true },
          contest('many-fewer', DARTS_MANY, DARTS, [darts, dartsMany], beside),
          contest('fewer-many', FLAT_MANY, DARTS_MANY, [dartsMany, zartsMany], beside),
        ]
      : []),
  ];
}

/** The claims, fixed before the runs: six primary ones a space (of which four were at first, PILOTS.md), the others secondary. */
export function collapseClaims(view: CollapseView, spaces: readonly string[]): Answer[] {
  const { rows, missing } = view;
  const there = rows.length === 0 ? spaces.filter(isTempting) : spacesIn(rows);
  const ZARTS = zartsIn(rows);
  const over = there.map((space) => ({
    first: rowsOf(rows, space, ZARTS).map(tempted),
    second: rowsOf(rows, space, DARTS).map(tempted),
  }));
  const stratified: TestedQuestion = {
    id: 'fewer/all',
    text: 'Over these spaces together, ZARTS finds normal cells with fewer tempting edges than DARTS does.',
    statistic: `skip connections (in S4 noise edges) in the normal cell, ${titleOf(ZARTS)} less ${titleOf(DARTS)}, mean over spaces`,
    secondary: true,
    controls: there.flatMap((space) =>
      [DARTS, zartsIn(rows)].map((method) => movesControl(rows, space, method)),
    ),
    test: () => {
      if (over.some(({ first, second }) => first.length < 2 || second.length < 2)) return undefined;
      const { p } = stratifiedTest(over);
      const { difference, interval, standardError, df } = meanDifference(over);
      const n = Math.min(...over.flatMap(({ first, second }) => [first.length, second.length]));
      return {
        value: difference,
        interval,
        n,
        p,
        agrees: difference < 0,
        detail: `Labels permuted within spaces. ${powerText('searches', leastLabelsP(over), 1, (of) => `a difference of ${fixed(smallestEffect(standardError, df, of), 1)}`)}`,
      };
    },
  };
  return judgeQuestions(
    [...there.flatMap((space) => questionsIn(rows, space)), ...(there.length > 1 ? [stratified] : [])],
    rows.length === 0 ? missing.at(0) : undefined,
  );
}

// ---- Tables and charts ----

export function collapseTables(view: CollapseView): Table[] {
  const rows = view.rows.filter(({ space }) => isTempting(space));
  if (rows.length === 0) return [];
  const groups = spacesIn(rows).flatMap((space) =>
    groupBy(
      rows.filter((row) => row.space === space),
      'method',
    ),
  );
  const ofAlpha = (title: string, of: (alpha: readonly number[], space: string) => number) =>
    spread<CollapseRow>(title, (row) => ofLast([row], of).at(0), 2);
  return [
    controlsTable(controlsOf(rows)),
    summaryTable(
      `What tempts: skip connections, in S4 noise (${progressText(view)}), mean ± standard deviation over seeds`,
      groups,
      [
        label('space', ({ space }) => space.toUpperCase()),
        label('search', ({ method }) => titleOf(method)),
        counted('seeds'),
        spread(`of ${KEPT} edges`, tempted, 1),
        {
          title: `${COLLAPSED} or more`,
          cell: (own) => `${own.filter((row) => tempted(row) >= COLLAPSED).length} of ${own.length}`,
        },
        ofAlpha('alpha’s preference', preference),
        ofAlpha('alpha’s spread', (alpha, space) =>
          spreadOf(alpha, SPACES[space as TemptingSpace], 'normal'),
        ),
        label(
          'images × epochs',
          ({ search: { dataset, epochs } }) => `${dataset.trainSize.toLocaleString('en-US')} × ${epochs}`,
        ),
        spread('loss', ({ epochs }) => epochs.at(-1)?.trainLoss, 2),
        spread('on the other half', ({ epochs }) => epochs.at(-1)?.candidateLoss, 2),
        spread('search (s)', ({ searchSeconds }) => searchSeconds, 0),
      ],
      [
        `By chance ${fixed(KEPT * chanceParameterFree(SPACES.s2, 'normal'), 0)} of ${KEPT}; ${COLLAPSED} or more in one cell of ${fixed(1 / binomialTail(COLLAPSED, KEPT, chanceParameterFree(SPACES.s2, 'normal')), 0)}.`,
        'Preference: alpha of what tempts less that of the other operations, mean over the normal cell’s edges; spread: largest less smallest alpha of an edge, mean over edges. Both at the end; random-ws has no alphas that move. Loss: on training batches in the last epoch, and where alphas were scored.',
      ],
    ),
  ];
}

/** Alpha's preference by epoch: of the searches compared, and of those with many images. */
export function collapseCharts(view: CollapseView): Chart[] {
  const rows = view.rows.filter(({ space, method }) => isTempting(space) && method !== RANDOM);
  const [many, compared] = [true, false].map((wanted) =>
    rows.filter(({ method }) => hasManyImages(method) === wanted),
  );
  return [...preferenceChart(view, compared, 'preference'), ...preferenceChart(view, many, 'preferencemany')];
}

function preferenceChart(view: CollapseView, rows: readonly CollapseRow[], name: string): Chart[] {
  const values = rows.flatMap((row) =>
    row.epochs.flatMap(({ epoch }) => {
      const alpha = alphaAfter(row, epoch + 1);
      const space = row.space.toUpperCase();
      return alpha
        ? [
            {
              space: row.space === 's4' ? `${space} (noise)` : `${space} (skips)`,
              method: titleOf(row.method),
              seed: row.seed,
              epoch: epoch + 1,
              y: sixDigits(preference(alpha, row.space)),
            },
          ]
        : [];
    }),
  );
  if (values.length === 0) return [];
  const [{ method, search }] = rows;
  const { epochs, dataset } = search;
  const many = hasManyImages(method) ? `, with ${dataset.trainSize.toLocaleString('en-US')} images` : '';
  return [
    alongSearches(
      {
        name,
        title: `How much alphas prefer what tempts${many} (${progressText(view)})`,
        subtitle: [
          'alpha of skip connections, in S4 of noise, less that of the other operations; mean over the normal cell’s edges',
          'line: mean over seeds; band: all seeds; dots: neither preferred; dashes: where zero-order solvers’ alphas begin to move',
        ],
      },
      values,
      {
        title: 'preference',
        methods: distinct(values.map(({ method }) => method)),
        epochs,
        panels: { field: 'space', names: distinct(values.map(({ space }) => space)) },
        dashes: Math.max(...rows.map(({ search }) => search.warmupEpochs)),
        dots: 0,
      },
    ),
  ];
}
