/**
 * Genotypes as pictures: the normal and the reduction cell side by side, or the one cell that there is, each a graph from the
 * inputs to the output with the operations written on its edges.
 */
import { cellsIn, cellStructure, compareGenotypes, keptEdges } from '../analysis/genotypes.js';
import type { GenotypeComparison, KeptEdge } from '../analysis/genotypes.js';
import { printGenotype } from '../spaces/genotype.js';
import type { Genotype } from '../spaces/genotype.js';
import { OP_FAMILIES, opFamily } from '../spaces/primitives.js';
import type { OpFamily } from '../spaces/primitives.js';
import { cellForm } from '../spaces/spaces.js';
import type { Cell } from '../spaces/spaces.js';
import { fixed } from './format.js';
import { layeredLayout } from './layered-layout.js';
import type { Layout, LayoutEdge, LayoutNode, Point, Route } from './layered-layout.js';
import { coordinate, svgPicture, svgText, textWidth } from './svg.js';
import { escapeHtml } from './table.js';
import { FAMILY_COLORS, REFERENCE_COLOR } from './theme.js';

/** A genotype with what the reader sees above it. */
export interface NamedGenotype {
  readonly name: string;
  readonly genotype: Genotype;
}

/** What one operation of each family is called in a caption; a legend leaves "operation" out. */
const FAMILY_NAMES: Readonly<Record<OpFamily, string>> = {
  convolution: 'convolution',
  pooling: 'pooling operation',
  skip: 'skip connection',
  noise: 'noise operation',
  zero: 'zero operation',
};

/** The dashes of each family's edges: families differ in more than colour, so that they differ in a black-and-white print. */
const FAMILY_DASHES: Readonly<Record<OpFamily, string>> = {
  convolution: '',
  pooling: '7 3',
  skip: '3 3',
  noise: '8 3 2 3',
  zero: '1 4',
};

/** Edges into the output, which concatenates, and edges that are not what a comparison is about. */
const QUIET_COLOR = '#9a9a9a';
const INK = '#222222';
const SIZES = { title: 14, heading: 12, small: 11, label: 11, node: 12, subscript: 9 } as const;
const MARGIN = 16;
/** Between the cells of a row, and between rows. */
const GUTTER = 40;
const LABEL_HEIGHT = 18;
const NODE_HEIGHT = 30;
/** Between two arrows at the side of a node. */
const PORT_DISTANCE = 8;
const ARROW = { length: 7, half: 3.5 } as const;
/** Of arrows: all alike, where some stand out, and the others. */
const WIDTHS = { plain: 1.8, bold: 3, pale: 1.2 } as const;

/** Which edges of a genotype stand out: entry numbers by cell; the others are drawn pale. */
type Highlight = Readonly<Record<Cell, ReadonlySet<number>>>;

/** One line of a picture: a genotype's two cells, or a sentence in their place. */
interface Line {
  readonly name?: string;
  readonly genotype?: Genotype;
  readonly sentence?: string;
  readonly highlight?: Highlight;
}

/**
 * The genotype as SVG, self-contained but for its font, which it names with fallbacks: DejaVu Sans, by whose widths it is
 * laid out. The same genotype gives the same text.
 *
 * @param title  Above the cells; nothing by default.
 */
export function cellDiagram(genotype: Genotype, title?: string): string {
  return picture([{ genotype }], title, []);
}

/** Two genotypes under each other, as SVG: what both have is pale, what differs stands out. */
export function comparisonDiagram(a: NamedGenotype, b: NamedGenotype): string {
  const compared = compareGenotypes(a.genotype, b.genotype);
  const entries = (edges: readonly KeptEdge[]): ReadonlySet<number> =>
    new Set(edges.map(({ entry }) => entry));
  const only = (side: 'onlyA' | 'onlyB'): Highlight => ({
    normal: entries(compared.normal[side]),
    reduce: entries(compared.reduce[side]),
  });
  const lines = [
    { ...a, highlight: only('onlyA') },
    { ...b, highlight: only('onlyB') },
  ];
  const subtitles = [comparisonText(compared), 'Pale: in both. In colour: in one of them only.'];
  return picture(lines, `${a.name} and ${b.name}`, subtitles);
}

/** What two genotypes have in common, in one line; the numbers are those of lib/analysis/genotypes.ts, Similarity. */
export function comparisonText({ normal, reduce, similarity }: GenotypeComparison): string {
  const shared = normal.shared.length + reduce.shared.length;
  return (
    `${count(shared, 'edge is', 'edges are')} the same in both, operation included (similarity ${fixed(similarity.edges, 2)}); ` +
    `same edge, any operation: ${fixed(similarity.connections, 2)}; same operation, any edge: ${fixed(similarity.operations, 2)}`
  );
}

/** A line of a {@link galleryDiagram}: a genotype, or what to say where there is none. */
export type GalleryLine = NamedGenotype | { readonly name: string; readonly sentence: string };

/** Genotypes under each other, as SVG: left the normal cells, right the reduction cells. */
export function galleryDiagram(
  title: string,
  lines: readonly GalleryLine[],
  subtitles: readonly string[] = [],
): string {
  return picture(lines, title, subtitles);
}

/** Something drawn, and the room it takes. */
interface Block {
  readonly width: number;
  readonly height: number;
  readonly svg: string;
}

const CELL_TITLES: Readonly<Record<Cell, string>> = { normal: 'Normal cell', reduce: 'Reduction cell' };

function cellTitle({ skeleton }: Genotype, cell: Cell): string {
  return skeleton === 'stages' ? 'Cell' : CELL_TITLES[cell];
}

function picture(lines: readonly Line[], title: string | undefined, subtitles: readonly string[]): string {
  const rows = lines.map((line) => row(line));
  // Columns of cells stand under each other.
  const left = Math.max(0, ...rows.map(({ cells: [first] }) => first.width));
  const below = subtitles.map((words) => heading(words, SIZES.small, REFERENCE_COLOR));
  const blocks = [
    ...(title === undefined ? [] : [under([heading(title, SIZES.title, INK), ...below], 6)]),
    ...rows.map(({ name, cells: [first, ...others] }) =>
      under([...name, beside([{ ...first, width: left }, ...others], GUTTER)], 6),
    ),
    legend(lines),
  ];
  const content = under(blocks, 18);
  const [width, height] = [content.width, content.height].map((size) => Math.ceil(size + 2 * MARGIN));
  const genotypes = lines.flatMap(({ genotype }) => (genotype ? [printGenotype(genotype)] : []));
  const body = placed(content.svg, MARGIN, MARGIN);
  return svgPicture({ width, height }, title ?? 'Cells of a genotype', body, genotypes.join('\n'));
}

function row({ name, genotype, sentence, highlight }: Line): { name: Block[]; cells: Block[] } {
  return {
    name: name === undefined ? [] : [heading(name, SIZES.heading, INK, true)],
    cells: genotype
      ? cellsIn(genotype).map((cell) =>
          under(
            [
              heading(
                `${cellTitle(genotype, cell)}: ${structureText(genotype, cell)}`,
                SIZES.small,
                REFERENCE_COLOR,
              ),
              graph(genotype, cell, highlight?.[cell]),
            ],
            8,
          ),
        )
      : [heading(sentence ?? '', SIZES.small, INK)],
  };
}

/** What a cell consists of, in a few words: "6 convolutions, 2 skip connections; depth 3". */
function structureText(genotype: Genotype, cell: Cell): string {
  const { families, depth } = cellStructure(genotype, cell);
  const parts = OP_FAMILIES.filter((family) => families[family] > 0).map((family) =>
    count(families[family], FAMILY_NAMES[family], `${FAMILY_NAMES[family]}s`),
  );
  return `${parts.join(', ')}; depth ${depth}`;
}

function count(number: number, singular: string, plural: string): string {
  return `${number} ${number === 1 ? singular : plural}`;
}

/** The cell as a graph laid out from left to right. */
export function cellLayout(genotype: Genotype, cell: Cell): CellLayout {
  const kept = keptEdges(genotype, cell);
  const last = kept[kept.length - 1].node;
  const { inputs } = cellForm(genotype);
  // Where the last node is the output, nothing is concatenated.
  const concat = inputs === 1 ? [] : genotype[`${cell}Concat`];
  const ids = Array.from({ length: last + 1 }, (_, node) => (inputs === 1 ? `node ${node}` : String(node)));
  const idOf = (node: number): string => ids[node];
  const edges: LayoutEdge[] = [
    ...kept.map(({ input, node, op }) => ({
      from: idOf(input),
      to: idOf(node),
      label: { width: labelWidth(op), height: LABEL_HEIGHT },
    })),
    ...concat.map((node) => ({ from: idOf(node), to: OUTPUT })),
  ];
  const nodes = [...ids, ...(concat.length > 0 ? [OUTPUT] : [])].map((id): LayoutNode => {
    const [left, right] = (['to', 'from'] as const).map((end) => edges.filter((e) => e[end] === id).length);
    const arrows = Math.max(left, right);
    const { base, subscript } = nodeName(id);
    const text = textWidth(base) * SIZES.node + textWidth(subscript) * SIZES.subscript;
    return {
      id,
      width: Math.max(NODE_HEIGHT, Math.ceil(text) + 14),
      height: Math.max(NODE_HEIGHT, (arrows + 1) * PORT_DISTANCE),
    };
  });
  return { nodes, edges, kept, layout: layeredLayout(nodes, edges) };
}

/** A cell's graph and where everything of it stands. */
export interface CellLayout {
  readonly nodes: readonly LayoutNode[];
  /** The kept edges in the order of the genotype, then those into the output. */
  readonly edges: readonly LayoutEdge[];
  readonly kept: readonly KeptEdge[];
  readonly layout: Layout;
}

const OUTPUT = 'output';

/**
 * What stands in a node: the inputs are the outputs of the two cells before, intermediate nodes count from 0. The nodes of a
 * cell with one input count from it.
 */
function nodeName(id: string): { base: string; subscript: string } {
  if (id === OUTPUT) return { base: 'c', subscript: 'k' };
  if (id.startsWith('node ')) return { base: id.slice('node '.length), subscript: '' };
  const node = Number(id);
  return node < 2 ? { base: 'c', subscript: `k−${2 - node}` } : { base: String(node - 2), subscript: '' };
}

/**
 * A node of a cell in a line of text: "c_{k-2}", "c_{k-1}", then "0", "1", … as the pictures number them.
 *
 * @param inputs  Input nodes of the cell: after one, "0", "1", … from it on.
 */
export function nodeText(node: number, inputs: 1 | 2 = 2): string {
  const { base, subscript } = nodeName(inputs === 1 ? `node ${node}` : String(node));
  return subscript === '' ? base : `${base}_{${subscript.replace('−', '-')}}`;
}

function labelWidth(op: string): number {
  return Math.ceil(textWidth(op) * SIZES.label) + 12;
}

function graph(genotype: Genotype, cell: Cell, highlight: ReadonlySet<number> | undefined): Block {
  const { nodes, edges, kept, layout } = cellLayout(genotype, cell);
  const style = (edge: number): EdgeStyle => {
    if (edge >= kept.length) return CONCATENATED;
    const look = familyStyle(opFamily(kept[edge].op), highlight !== undefined);
    const pale = highlight !== undefined && !highlight.has(edge);
    return pale ? { ...look, color: QUIET_COLOR, width: WIDTHS.pale } : look;
  };
  // What stands out is drawn last, over what it crosses; labels over every line.
  const order = edges.map((_, i) => i).sort((a, b) => style(a).width - style(b).width);
  const svg = [
    ...order.map((edge) => arrow(layout.routes[edge], style(edge))),
    ...kept.map(({ op }, i) => edgeLabel(op, layout.routes[i].label!, style(i))),
    ...nodes.map((node) => nodeShape(node, layout.nodes.get(node.id)!, isInner(node.id, genotype))),
  ];
  return { width: layout.width, height: layout.height, svg: svg.join('\n') };
}

/** Whether a node is neither an input nor the output. */
function isInner(id: string, genotype: Genotype): boolean {
  if (id === OUTPUT) return false;
  const node = Number(id.replace('node ', ''));
  const { inputs } = cellForm(genotype);
  return node >= inputs && (inputs === 2 || node < genotype.normalConcat[0]);
}

interface EdgeStyle {
  readonly color: string;
  readonly dashes: string;
  readonly width: number;
}

const CONCATENATED: EdgeStyle = { color: QUIET_COLOR, dashes: '', width: WIDTHS.pale };

function familyStyle(family: OpFamily, bold: boolean): EdgeStyle {
  const [color, dashes] = [FAMILY_COLORS[family], FAMILY_DASHES[family]];
  return { color, dashes, width: bold ? WIDTHS.bold : WIDTHS.plain };
}

/** A smooth line through the pieces: level inside each column, an S between two columns. It ends `short` before the end. */
function curve({ pieces }: Route, short: number): string {
  return pieces
    .map(([a, b], i) => {
      const end = i === pieces.length - 1 ? { x: b.x - short, y: b.y } : b;
      if (i === 0) return `M${at(a)}L${at(end)}`;
      const from = pieces[i - 1][1];
      const half = (from.x + a.x) / 2;
      return `C${at({ x: half, y: from.y })} ${at({ x: half, y: a.y })} ${at(a)}L${at(end)}`;
    })
    .join('');
}

function at({ x, y }: Point): string {
  return `${coordinate(x)},${coordinate(y)}`;
}

function arrow(route: Route, { color, dashes, width }: EdgeStyle): string {
  const [, tip] = route.pieces[route.pieces.length - 1];
  const { length, half } = ARROW;
  const head = `M${at({ x: tip.x - length, y: tip.y - half })}L${at(tip)}L${at({ x: tip.x - length, y: tip.y + half })}Z`;
  const dash = dashes === '' ? '' : ` stroke-dasharray="${dashes}"`;
  return [
    `<path d="${curve(route, length - 1)}" fill="none" stroke="${color}" stroke-width="${width}"${dash}/>`,
    `<path d="${head}" fill="${color}"/>`,
  ].join('');
}

function edgeLabel(op: string, centre: Point, { color, width: line }: EdgeStyle): string {
  const width = labelWidth(op);
  const [x, y] = [centre.x - width / 2, centre.y - LABEL_HEIGHT / 2].map(coordinate);
  const ink = color === QUIET_COLOR ? '#666666' : INK;
  return [
    `<rect x="${x}" y="${y}" width="${width}" height="${LABEL_HEIGHT}" rx="5" fill="#ffffff" stroke="${color}" stroke-width="${line === WIDTHS.bold ? line : 1.2}"/>`,
    svgText(op, { ...centre, y: centre.y + 4 }, { size: SIZES.label, color: ink, anchor: 'middle' }),
  ].join('');
}

function nodeShape({ id, width, height }: LayoutNode, { x, y }: Point, inner: boolean): string {
  const { base, subscript } = nodeName(id);
  const box = `<rect x="${coordinate(x - width / 2)}" y="${coordinate(y - height / 2)}" width="${width}" height="${height}" rx="8" fill="${inner ? '#ffffff' : '#e8e8e8'}" stroke="${REFERENCE_COLOR}" stroke-width="1.2"/>`;
  const sub =
    subscript === '' ? '' : `<tspan font-size="${SIZES.subscript}" dy="3">${escapeHtml(subscript)}</tspan>`;
  return `${box}<text x="${coordinate(x)}" y="${coordinate(y + 4)}" font-size="${SIZES.node}" fill="${INK}" text-anchor="middle">${base}${sub}</text>`;
}

/** Only what occurs in the picture. */
function legend(lines: readonly Line[]): Block {
  const genotypes = lines.flatMap(({ genotype }) => (genotype ? [genotype] : []));
  if (genotypes.length === 0) return { width: 0, height: 0, svg: '' };
  const ops = new Set(
    genotypes.flatMap(({ normal, reduce }) => [...normal, ...reduce].map(([op]) => opFamily(op))),
  );
  const compares = lines.some(({ highlight }) => highlight !== undefined);
  const entries = [
    ...OP_FAMILIES.filter((family) => ops.has(family)).map((family) => ({
      title: FAMILY_NAMES[family].replace(' operation', ''),
      style: familyStyle(family, compares),
    })),
    ...(genotypes.some(({ skeleton }) => skeleton === undefined)
      ? [{ title: 'concatenated', style: CONCATENATED }]
      : []),
  ];
  const [start, end] = [0, 34].map((x): Point => ({ x, y: 9 }));
  const blocks = entries.map(({ title, style }): Block => {
    const label = svgText(title, { x: end.x + 7, y: 13 }, { size: SIZES.small, color: INK });
    return {
      width: end.x + 7 + textWidth(title) * SIZES.small,
      height: 18,
      svg: arrow({ pieces: [[start, end]] }, style) + label,
    };
  });
  return beside(blocks, 22);
}

function heading(words: string, size: number, color: string, bold = size === SIZES.title): Block {
  return {
    width: textWidth(words, bold) * size,
    height: size * 1.2,
    svg: svgText(words, { x: 0, y: size }, { size, color, bold }),
  };
}

function placed(svg: string, x: number, y: number): string {
  return x === 0 && y === 0
    ? svg
    : `<g transform="translate(${coordinate(x)},${coordinate(y)})">\n${svg}\n</g>`;
}

/** Blocks under each other, at the left. */
function under(blocks: readonly Block[], gap: number): Block {
  const starts = startsOf(blocks, 'height', gap);
  return {
    width: Math.max(...blocks.map(({ width }) => width)),
    height: starts[blocks.length] - gap,
    svg: blocks.map(({ svg }, i) => placed(svg, 0, starts[i])).join('\n'),
  };
}

/** Blocks beside each other, at the top. */
function beside(blocks: readonly Block[], gap: number): Block {
  const starts = startsOf(blocks, 'width', gap);
  return {
    width: starts[blocks.length] - gap,
    height: Math.max(...blocks.map(({ height }) => height)),
    svg: blocks.map(({ svg }, i) => placed(svg, starts[i], 0)).join('\n'),
  };
}

/** Where each of the blocks begins, and where another one would. */
function startsOf(blocks: readonly Block[], along: 'width' | 'height', gap: number): number[] {
  const starts = [0];
  for (const block of blocks) starts.push(starts[starts.length - 1] + block[along] + gap);
  return starts;
}
