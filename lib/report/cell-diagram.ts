/**
 * Genotypes as pictures: the normal and the reduction cell side by side, each a graph from the two inputs to the output
 * with the operations written on its edges.
 */
import { cellStructure, compareGenotypes, keptEdges } from '../analysis/genotypes.js';
import type { GenotypeComparison, KeptEdge } from '../analysis/genotypes.js';
import { printGenotype } from '../spaces/genotype.js';
import type { Genotype } from '../spaces/genotype.js';
import { OP_FAMILIES, opFamily } from '../spaces/primitives.js';
import type { OpFamily } from '../spaces/primitives.js';
import { CELLS } from '../spaces/spaces.js';
import type { Cell } from '../spaces/spaces.js';
import { fixed } from './format.js';
import { layeredLayout } from './layered-layout.js';
import type { Layout, LayoutEdge, LayoutNode, Point, Route } from './layered-layout.js';
import { textWidth } from './svg.js';
import { escapeHtml } from './table.js';
import { FAMILY_COLORS, REFERENCE_COLOR, THEME } from './theme.js';

/** A genotype with what the reader sees above it. */
export interface NamedGenotype {
  readonly name: string;
  readonly genotype: Genotype;
}

/** What each family is called in a legend, and one or many of its operations in a caption. */
const FAMILY_NAMES: Readonly<Record<OpFamily, { title: string; one: string; many: string }>> = {
  convolution: { title: 'convolution', one: 'convolution', many: 'convolutions' },
  pooling: { title: 'pooling', one: 'pooling operation', many: 'pooling operations' },
  skip: { title: 'skip connection', one: 'skip connection', many: 'skip connections' },
  noise: { title: 'noise', one: 'noise operation', many: 'noise operations' },
  zero: { title: 'zero', one: 'zero operation', many: 'zero operations' },
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
const SPACING = { columns: 44, boxes: 10, arrows: 12 } as const;
const MARGIN = 16;
/** Between the cells of a row, and between rows. */
const GUTTER = 40;
const LABEL_HEIGHT = 18;
const NODE_HEIGHT = 30;
/** Between two arrows at the side of a node. */
const PORT_DISTANCE = 8;
const ARROW = { length: 7, half: 3.5 } as const;

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
  const own = (side: 'onlyA' | 'onlyB'): Highlight => ({
    normal: entries(compared.normal[side]),
    reduce: entries(compared.reduce[side]),
  });
  return picture(
    [
      { ...a, highlight: own('onlyA') },
      { ...b, highlight: own('onlyB') },
    ],
    `${a.name} and ${b.name}`,
    [comparisonText(compared), 'Pale: in both. In colour: in one of them only.'],
  );
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

function picture(lines: readonly Line[], title: string | undefined, subtitles: readonly string[]): string {
  const rows = lines.map((line) => row(line));
  // Columns of cells stand under each other.
  const left = Math.max(0, ...rows.map(({ cells }) => cells[0]?.width ?? 0));
  const below = subtitles.map((words) => heading(words, SIZES.small, REFERENCE_COLOR));
  const blocks = [
    ...(title === undefined ? [] : [stack([heading(title, SIZES.title, INK), ...below], 6)]),
    ...rows.map(({ name, cells }) => stack([...name, beside(cells, left + GUTTER)], 6)),
    legend(lines),
  ];
  const content = stack(blocks, 18);
  const [width, height] = [content.width, content.height].map((size) => Math.ceil(size + 2 * MARGIN));
  const genotypes = lines.flatMap(({ genotype }) => (genotype ? [printGenotype(genotype)] : []));
  const description = escapeHtml(genotypes.join('\n'));
  const label = title ?? 'Cells of a genotype';
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" font-family="${THEME.font}">`,
    `<title>${escapeHtml(label)}</title><desc>${description}</desc>`,
    `<rect width="${width}" height="${height}" fill="${THEME.background}"/>`,
    placed(content.svg, MARGIN, MARGIN),
    '</svg>\n',
  ].join('\n');
}

function row({ name, genotype, sentence, highlight }: Line): { name: Block[]; cells: Block[] } {
  return {
    name: name === undefined ? [] : [heading(name, SIZES.heading, INK, true)],
    cells: genotype
      ? CELLS.map((cell) =>
          stack(
            [
              heading(`${CELL_TITLES[cell]}: ${structureText(genotype, cell)}`, SIZES.small, REFERENCE_COLOR),
              graph(genotype, cell, highlight?.[cell]),
            ],
            8,
          ),
        )
      : [heading(sentence ?? '', SIZES.small, INK)],
  };
}

/** What a cell consists of, in a few words: "6 convolutions, 2 skip connections; depth 3". */
export function structureText(genotype: Genotype, cell: Cell): string {
  const { families, depth } = cellStructure(genotype, cell);
  const parts = OP_FAMILIES.filter((family) => families[family] > 0).map((family) =>
    count(families[family], FAMILY_NAMES[family].one, FAMILY_NAMES[family].many),
  );
  return `${parts.join(', ')}; depth ${depth}`;
}

function count(number: number, singular: string, plural: string): string {
  return `${number} ${number === 1 ? singular : plural}`;
}

/** The cell as a graph laid out from left to right. */
export function cellLayout(genotype: Genotype, cell: Cell): CellLayout {
  const kept = keptEdges(genotype[cell]);
  const last = kept[kept.length - 1].node;
  const concat = genotype[`${cell}Concat`];
  const ids = Array.from({ length: last + 1 }, (_, node) => String(node));
  const edges: LayoutEdge[] = [
    ...kept.map(({ input, node, op }) => ({
      from: String(input),
      to: String(node),
      label: { width: labelWidth(op), height: LABEL_HEIGHT },
    })),
    ...concat.map((node) => ({ from: String(node), to: OUTPUT })),
  ];
  const nodes = [...ids, OUTPUT].map((id, i): LayoutNode => {
    const arrows = Math.max(
      ...(['from', 'to'] as const).map((end) => edges.filter((e) => e[end] === id).length),
    );
    const { base, subscript } = nodeName(id);
    const text = textWidth(base) * SIZES.node + textWidth(subscript) * SIZES.subscript;
    return {
      id,
      width: Math.max(NODE_HEIGHT, Math.ceil(text) + 14),
      height: Math.max(NODE_HEIGHT, (arrows + 1) * PORT_DISTANCE),
      ...(i < 2 ? { first: true } : {}),
    };
  });
  return { nodes, edges, kept, layout: layeredLayout(nodes, edges, SPACING) };
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

/** What stands in a node: the inputs are the outputs of the two cells before, intermediate nodes count from 0. */
function nodeName(id: string): { base: string; subscript: string } {
  if (id === OUTPUT) return { base: 'c', subscript: 'k' };
  const node = Number(id);
  return node < 2 ? { base: 'c', subscript: `k−${2 - node}` } : { base: String(node - 2), subscript: '' };
}

/** A node of a cell in a line of text: "c_{k-2}", "c_{k-1}", then "0", "1", … as the pictures number them. */
export function nodeText(node: number): string {
  return node < 2 ? `c_{k-${2 - node}}` : String(node - 2);
}

function labelWidth(op: string): number {
  return Math.ceil(textWidth(op) * SIZES.label) + 12;
}

function graph(genotype: Genotype, cell: Cell, highlight: ReadonlySet<number> | undefined): Block {
  const { nodes, edges, kept, layout } = cellLayout(genotype, cell);
  const style = (edge: number): EdgeStyle => {
    if (edge >= kept.length) return { color: QUIET_COLOR, dashes: '', width: 1.2, strong: false };
    const family = opFamily(kept[edge].op);
    const [color, dashes] = [FAMILY_COLORS[family], FAMILY_DASHES[family]];
    if (highlight === undefined) return { color, dashes, width: 1.8, strong: false };
    return highlight.has(edge)
      ? { color, dashes, width: 3, strong: true }
      : { color: QUIET_COLOR, dashes, width: 1.2, strong: false };
  };
  // What stands out is drawn last, over what it crosses; labels over every line.
  const order = edges.map((_, i) => i).sort((a, b) => style(a).width - style(b).width);
  const svg = [
    ...order.map((edge) => arrow(layout.routes[edge], style(edge))),
    ...kept.map(({ op }, i) => edgeLabel(op, layout.routes[i].label!, style(i))),
    ...nodes.map((node) => nodeShape(node, layout.nodes.get(node.id)!)),
  ];
  return { width: layout.width, height: layout.height, svg: svg.join('\n') };
}

interface EdgeStyle {
  readonly color: string;
  readonly dashes: string;
  readonly width: number;
  /** The label has a thick border. */
  readonly strong: boolean;
}

/** A smooth line through the pieces: level inside each column, an S between two columns. It ends `short` before the end. */
function curve({ pieces }: Pick<Route, 'pieces'>, short: number): string {
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

/** A hundredth of a pixel is enough, and keeps the text short and free of rounding's last bits. */
function coordinate(value: number): string {
  return String(Math.round(value * 100) / 100);
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

function edgeLabel(op: string, centre: Point, { color, strong }: EdgeStyle): string {
  const width = labelWidth(op);
  const [x, y] = [centre.x - width / 2, centre.y - LABEL_HEIGHT / 2].map(coordinate);
  const pale = color === QUIET_COLOR;
  return [
    `<rect x="${x}" y="${y}" width="${width}" height="${LABEL_HEIGHT}" rx="5" fill="#ffffff" stroke="${color}" stroke-width="${strong ? 3 : 1.2}"/>`,
    text(
      op,
      { ...centre, y: centre.y + 4 },
      { size: SIZES.label, color: pale ? '#666666' : INK, anchor: 'middle' },
    ),
  ].join('');
}

function nodeShape({ id, width, height }: LayoutNode, { x, y }: Point): string {
  const intermediate = id !== OUTPUT && Number(id) >= 2;
  const { base, subscript } = nodeName(id);
  const box = `<rect x="${coordinate(x - width / 2)}" y="${coordinate(y - height / 2)}" width="${width}" height="${height}" rx="8" fill="${intermediate ? '#ffffff' : '#e8e8e8'}" stroke="${REFERENCE_COLOR}" stroke-width="1.2"/>`;
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
      title: FAMILY_NAMES[family].title,
      color: FAMILY_COLORS[family],
      dashes: FAMILY_DASHES[family],
      width: compares ? 3 : 1.8,
    })),
    { title: 'concatenated', color: QUIET_COLOR, dashes: '', width: 1.2 },
  ];
  const length = 34;
  const blocks = entries.map(({ title, color, dashes, width }): Block => {
    const route: Route = {
      pieces: [
        [
          { x: 0, y: 9 },
          { x: length, y: 9 },
        ],
      ],
    };
    const label = text(title, { x: length + 7, y: 13 }, { size: SIZES.small, color: INK });
    return {
      width: length + 7 + textWidth(title) * SIZES.small,
      height: 18,
      svg: arrow(route, { color, dashes, width, strong: false }) + label,
    };
  });
  return inLine(blocks);
}

/** Blocks beside each other, one close after the other. */
function inLine(blocks: readonly Block[]): Block {
  let x = 0;
  const svg = blocks.map((block) => {
    const own = placed(block.svg, x, 0);
    x += block.width + 22;
    return own;
  });
  return { width: x - 22, height: Math.max(...blocks.map(({ height }) => height)), svg: svg.join('\n') };
}

function heading(words: string, size: number, color: string, bold = size === SIZES.title): Block {
  return {
    width: textWidth(words, bold) * size,
    height: size * 1.2,
    svg: text(words, { x: 0, y: size }, { size, color, bold }),
  };
}

function text(
  words: string,
  point: Point,
  { size, color, bold = false, anchor }: { size: number; color: string; bold?: boolean; anchor?: 'middle' },
): string {
  const weight = bold ? ' font-weight="bold"' : '';
  const anchored = anchor ? ` text-anchor="${anchor}"` : '';
  return `<text x="${coordinate(point.x)}" y="${coordinate(point.y)}" font-size="${size}" fill="${color}"${weight}${anchored}>${escapeHtml(words)}</text>`;
}

function placed(svg: string, x: number, y: number): string {
  return x === 0 && y === 0
    ? svg
    : `<g transform="translate(${coordinate(x)},${coordinate(y)})">\n${svg}\n</g>`;
}

/** Blocks under each other, at the left. */
function stack(blocks: readonly Block[], gap: number): Block {
  let y = 0;
  const svg = blocks.map((block, i) => {
    y += i === 0 ? 0 : gap;
    const own = placed(block.svg, 0, y);
    y += block.height;
    return own;
  });
  return { width: Math.max(...blocks.map(({ width }) => width)), height: y, svg: svg.join('\n') };
}

/** Blocks beside each other, the second at `start`. */
function beside(blocks: readonly Block[], start: number): Block {
  return {
    width: Math.max(...blocks.map(({ width }, i) => i * start + width)),
    height: Math.max(...blocks.map(({ height }) => height)),
    svg: blocks.map(({ svg }, i) => placed(svg, i * start, 0)).join('\n'),
  };
}
