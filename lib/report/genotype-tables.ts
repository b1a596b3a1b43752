/** Genotypes in numbers: what their cells consist of, and where two differ. */
import { cellsIn, cellStructure, compareGenotypes } from '../analysis/genotypes.js';
import type { KeptEdge } from '../analysis/genotypes.js';
import { OP_FAMILIES } from '../spaces/primitives.js';
import { CELLS, cellForm } from '../spaces/spaces.js';
import type { Cell } from '../spaces/spaces.js';
import { comparisonText, nodeText } from './cell-diagram.js';
import type { NamedGenotype } from './cell-diagram.js';
import { fixed } from './format.js';
import type { Row, Table } from './table.js';

const CELL_NAMES: Readonly<Record<Cell, string>> = { normal: 'normal', reduce: 'reduction' };

/** Heads of the columns that count operations, by family. */
const FAMILY_HEADS = {
  convolution: 'convolutions',
  pooling: 'pooling',
  skip: 'skips',
  noise: 'noise',
  zero: 'zero',
} as const;

/** What the cells of genotypes consist of: a row for each. */
export function structureTable(genotypes: readonly NamedGenotype[]): Table {
  return {
    title: 'What the cells consist of',
    columns: [
      { key: 'name', title: 'genotype' },
      { key: 'cell', title: 'cell' },
      { key: 'edges', title: 'edges', align: 'right' },
      ...OP_FAMILIES.map((key) => ({ key, title: FAMILY_HEADS[key], align: 'right' as const })),
      { key: 'free', title: 'parameter-free', align: 'right' },
      { key: 'depth', title: 'depth', align: 'right' },
      { key: 'width', title: 'width', align: 'right' },
    ],
    rows: genotypes.flatMap(({ name, genotype }) =>
      cellsIn(genotype).map((cell): Row => {
        const { edges, families, parameterFree, depth, width } = cellStructure(genotype, cell);
        return {
          name,
          cell: genotype.skeleton === 'stages' ? 'all' : CELL_NAMES[cell],
          edges,
          ...families,
          free: `${fixed(100 * parameterFree, 0)} %`,
          depth,
          width: fixed(width, 1),
        };
      }),
    ),
    notes: [
      'Parameter-free: share of edges with nothing to train (a skip at stride 2 has weights).',
      'Depth: connections on the longest path from an input to the output. Width: sum over nodes of the share of their edges that come from an input.',
    ],
  };
}

/** The edges in which two genotypes differ: a row for each pair of nodes, "–" where one of them has no edge. */
export function comparisonTable(a: NamedGenotype, b: NamedGenotype): Table {
  const compared = compareGenotypes(a.genotype, b.genotype);
  const { inputs } = cellForm(a.genotype);
  return {
    title: `${a.name} and ${b.name}: edges that only one of them has`,
    columns: [
      { key: 'cell', title: 'cell' },
      { key: 'edge', title: 'edge' },
      { key: 'a', title: a.name },
      { key: 'b', title: b.name },
    ],
    rows: CELLS.flatMap((cell) =>
      paired(compared[cell].onlyA, compared[cell].onlyB).map(({ input, node, ...ops }): Row => ({
        cell: inputs === 1 ? 'all' : CELL_NAMES[cell],
        edge: `${nodeText(input, inputs)} → ${nodeText(node, inputs)}`,
        ...ops,
      })),
    ),
    notes: [
      `${comparisonText(compared)}.`,
      'Similarity: 2 × what both have, divided by the edges of the one and of the other; 1 for equal genotypes.',
    ],
  };
}

/** Edges that join the same nodes side by side, ordered by node and input. */
function paired(onlyA: readonly KeptEdge[], onlyB: readonly KeptEdge[]) {
  const left = [...onlyB];
  const rows = onlyA.map(({ input, node, op: a }) => {
    const twin = left.findIndex((edge) => edge.input === input && edge.node === node);
    const b = twin < 0 ? null : left.splice(twin, 1)[0].op;
    return { input, node, a, b };
  });
  const rest = left.map(({ input, node, op: b }) => ({ input, node, a: null, b }));
  return [...rows, ...rest].sort((x, y) => x.node - y.node || x.input - y.input);
}
