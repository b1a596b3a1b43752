/** Networks for ImageNet of cells found on CIFAR-10, counted exactly: the part of Table 4 that needs no photographs. */
import { judge } from '../lib/analysis/claims.js';
import type { Answer } from '../lib/analysis/claims.js';
import { cellStructure } from '../lib/analysis/genotypes.js';
import { leastStep } from '../lib/analysis/statistics.js';
import { IMAGENET } from '../lib/datasets/registry.js';
import { labelledPoints } from '../lib/report/charts.js';
import { fixed } from '../lib/report/format.js';
import type { Chart } from '../lib/report/spec.js';
import type { Table } from '../lib/report/table.js';
import { KNOWN_GENOTYPES } from '../lib/spaces/genotype.js';
import type { Genotype } from '../lib/spaces/genotype.js';
import { CELLS, spaceById } from '../lib/spaces/spaces.js';
import type { MethodAxes } from './claims.js';
import { methodsIn, rowsBy } from './comparison.js';
import { distinct, rowsOfKind } from './experiment.js';
import type { View } from './experiment.js';
import { countsOf } from './kinds.js';
import { familyColors, familyOf, methodTitle } from './methods.js';
import { printedInterval, printedRows } from './paper.js';
import type { PrintedCell } from './paper.js';
import { searchesMove } from './alphas.js';
import { absolute } from './statements.js';
import { gatedBy } from './together.js';
import { label, listTable } from './tables.js';
import { trainingOf, trainingSettings } from './training.js';

/** Searches beside trainings: what they find is counted even where nothing can be trained. */
export type Kinds = 'search' | 'training' | 'linear';
export type TransferView = View<Kinds, MethodAxes>;

/** Published genotypes that are counted; the paper's table has all but DARTS_V1. */
const PUBLISHED = ['DARTS_V1', 'DARTS_V2', 'NASNet', 'AmoebaNet'] as const;

/** The published genotype that is trained beside what is found here. */
export const REFERENCE = 'DARTS_V2';

/** The paper's training of them. */
export const CHOICE = { preset: 'imagenet', dataset: 'imagenet' } as const;

/** The rows of the paper whose network can be counted here, by the name that they have: a method or published cells. */
const HERE: Readonly<Record<string, string | undefined>> = {
  'AmoebaNet-A': 'AmoebaNet',
  'NASNet-A': 'NASNet',
  'DARTS (2nd)': REFERENCE,
  'PC-DARTS': 'pc-darts',
  'ZARTS (5.6M params)': 'mgs',
  'ZARTS (5.0M params)': 'mgs',
};

/** The paper's table. Some rows have no FLOPs. */
export const PRINTED = printedRows('4').map(({ fields, cells }) => {
  const name = String(fields.method);
  return { name, onImageNet: fields.searchedOnImageNet === true, here: HERE[name], cells };
});
export type PrintedLine = (typeof PRINTED)[number];

/** What the paper prints of a method, or of published cells. */
export const printedOf = (method: string): PrintedLine[] => PRINTED.filter(({ here }) => here === method);

/** The paper's network for ImageNet of cells: published ones, or those of a seed. */
function networkOf(method: string, seed: number | null, genotype: Genotype) {
  const skips = CELLS.reduce((sum, cell) => sum + cellStructure(genotype, cell).families.skip, 0);
  const counts = countsOf(trainingOf(trainingSettings(CHOICE, 'full'), genotype), IMAGENET.classes);
  return { method, seed, ...counts, skips };
}

type Network = ReturnType<typeof networkOf>;

/** Those of published cells and of what was found, in the order of the methods. */
function networksIn(view: TransferView): Network[] {
  const found = rowsOfKind(view.rows, 'search');
  return [
    ...PUBLISHED.map((method) => networkOf(method, null, KNOWN_GENOTYPES[method])),
    ...methodsIn(found)
      .flatMap((method) => rowsBy(found, method))
      .map(({ method, seed, genotype }) => networkOf(method, seed, genotype)),
  ];
}

/** Skip connections to be expected among the 16 edges that both cells keep, if operations are drawn evenly. */
const CHANCE_SKIPS = 16 / spaceById('darts').edges.normal[0].filter((op) => op !== 'none').length;

/** Whose cells. */
export const METHOD = label<MethodAxes>('cells', ({ method }) => methodTitle(method));

/** What the networks that the paper trains consist of, beside what the paper prints of it. */
export function countTable(view: TransferView): Table {
  const printed = (column: string) =>
    label<Network>(
      'printed (M)',
      ({ method, seed }) => (seed === null ? printedOf(method) : []).at(0)?.cells[column].printed ?? null,
      'right',
    );
  const count = (title: string, of: (network: Network) => number) =>
    label(title, (network: Network) => of(network).toLocaleString('en-US'), 'right');
  return listTable(
    `Networks for ImageNet, counted exactly: 14 cells, 48 channels, 224×224 (cells searched at budget ${view.budget})`,
    networksIn(view),
    [
      METHOD,
      label('seed', ({ seed }) => seed, 'right'),
      count('parameters', ({ parameters }) => parameters),
      count('multiply-adds', ({ multiplyAdds }) => multiplyAdds),
      label('skips', ({ skips }) => skips, 'right'),
      printed('params'),
      printed('flops'),
    ],
    [
      'Parameters without auxiliary head; multiply-adds of convolutions and linear layers for one image; skips: skip connections of both cells. Printed: parameters and multiply-adds in millions, in the paper’s Table 4.',
      'The counts are exact whatever the budget. The cells depend on it: those that a small search finds are not the paper’s.',
      ...view.missing,
    ],
  );
}

/** Parameters over multiply-adds: ours counted, the paper's as printed. */
export function sizeChart(view: TransferView): Chart {
  const inPrint = PRINTED.filter(({ here, cells }) => here !== undefined && 'flops' in cells);
  const values = [
    ...inPrint.map(({ name, cells: { flops, params } }) => ({
      group: 'printed' as const,
      name: name.replace(' params', ''),
      network: `${name}, printed`,
      multiplyAdds: flops.value,
      parameters: params.value,
    })),
    ...networksIn(view).map(({ method, seed, multiplyAdds, parameters }) => ({
      group: familyOf(method),
      name: seed === null ? method : '',
      network: `${methodTitle(method)}${seed === null ? '' : `, seed ${seed}`}`,
      multiplyAdds: multiplyAdds / 1e6,
      parameters: parameters / 1e6,
    })),
  ];
  const words = {
    name: 'size',
    title: `Networks for ImageNet (cells searched at budget ${view.budget})`,
    subtitle: 'counted exactly, each search a point; grey: as the paper prints them',
  };
  const formats = [
    { field: 'multiplyAdds', format: '.1f' },
    { field: 'parameters', format: '.2f' },
  ];
  return labelledPoints(words, values, {
    x: { field: 'multiplyAdds', title: 'multiply-adds (M)', scale: { zero: false, padding: 30 } },
    y: { field: 'parameters', title: 'parameters (M)', scale: { zero: false, padding: 15 } },
    color: familyColors('group', distinct(values.map(({ group }) => group))),
    label: 'name',
    tooltip: [{ field: 'network' }, ...formats],
    size: { width: 460, height: 300 },
    point: { opacity: 0.85 },
    text: { fontSize: 10 },
  });
}

/** A claim on what was counted of the published cells: it has no spread, and needs none. */
function countClaim(
  claim: { readonly id: string; readonly text: string; readonly detail: string },
  [name, value]: readonly [string, number],
  printed: PrintedCell,
): Answer {
  const [low, high] = printedInterval(printed);
  const untested = value >= low && value <= high ? 'supported' : 'not supported';
  const detail = `Counted, so that no interval is needed. ${claim.detail}`;
  const statistic = { name: `${name} (M) of ${REFERENCE}`, value };
  return { ...claim, untested, statistic, n: 1, unit: 'network', interval: null, detail };
}

/** What the paper says of sizes and skip connections. */
export function countClaims(view: TransferView): Answer[] {
  const { budget } = view;
  const [{ name, cells }] = printedOf(REFERENCE);
  const published = networkOf(REFERENCE, null, KNOWN_GENOTYPES[REFERENCE]);
  const zarts = networksIn(view).filter(({ method }) => method === 'mgs');
  const sizes = printedOf('mgs').map((line) => line.cells.params);
  const bounds = sizes.flatMap(printedInterval);
  const ofBudget = budget === 'full' ? '' : ` The cells were searched at budget ${budget}.`;
  return [
    countClaim(
      {
        id: 'count/parameters',
        text: `The network of ${name} has ${cells.params.printed} M parameters.`,
        detail: 'Without the auxiliary head.',
      },
      ['parameters', published.parameters / 1e6],
      cells.params,
    ),
    countClaim(
      {
        id: 'count/multiply-adds',
        text: `The network of ${name} needs ${cells.flops.printed} M FLOPs.`,
        detail:
          'Multiply-adds of convolutions and linear layers. The paper takes its number from elsewhere and does not say what it counts.',
      },
      ['multiply-adds', published.multiplyAdds / 1e6],
      cells.flops,
    ),
    judge({
      id: 'size',
      text: `The networks of the cells that ZARTS finds have ${sizes
        .map(({ printed }) => printed)
        .reverse()
        .join(' to ')} M parameters.`,
      statistic: 'parameters (M) of the networks of ZARTS-MGS',
      values: zarts.map(({ parameters }) => parameters / 1e6),
      resolution: leastStep(zarts.map(({ parameters }) => parameters / 1e6)),
      region: { between: [Math.min(...bounds), Math.max(...bounds)] },
      ...absolute(budget),
      detail:
        'The mean over the searches is judged, with half a unit of the last printed digit to either side.',
    }),
    judge({
      ...gatedBy([searchesMove('darts', methodTitle('mgs'), rowsBy(rowsOfKind(view.rows, 'search'), 'mgs'))]),
      id: 'fewer-skips',
      text: 'The cells that ZARTS finds have fewer skip connections than those of DARTS.',
      statistic: 'skip connections in both cells of ZARTS-MGS',
      values: zarts.map(({ skips }) => skips),
      region: { below: published.skips },
      resolution: 1,
      detail: `${REFERENCE}, the published cells of DARTS, have ${published.skips}; cells drawn at random from the space ${fixed(CHANCE_SKIPS, 1)}.${ofBudget}`,
    }),
  ];
}
