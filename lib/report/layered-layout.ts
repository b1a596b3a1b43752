import * as dagre from '@dagrejs/dagre';
import { foldIn, key, permutation } from '../math/random.js';

/** A box to place. */
export interface LayoutNode {
  readonly id: string;
  readonly width: number;
  readonly height: number;
  /** Stands in the first column; of two that do, the one whose id sorts first is above. */
  readonly first?: boolean;
}

/** An arrow to route; several may join the same two nodes. */
export interface LayoutEdge {
  readonly from: string;
  readonly to: string;
  /** The box in its middle that nothing else may touch. */
  readonly label?: { readonly width: number; readonly height: number };
}

/** A point, or the centre of a box; x to the right, y down, from the top left of the drawing. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Where an arrow goes. */
export interface Route {
  /**
   * Straight level pieces, from left to right: at the start, through each column on the way, at the end. What joins the end
   * of one to the start of the next crosses the gap between two columns, where no box stands.
   */
  readonly pieces: readonly (readonly [Point, Point])[];
  readonly label?: Point;
}

/** A finished layout. Boxes touch neither each other nor an arrow other than their own. */
export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly nodes: ReadonlyMap<string, Point>;
  /** In the order of the edges given. */
  readonly routes: readonly Route[];
}

/** Distances of a layout. */
export interface Spacing {
  /** Between two columns. */
  readonly columns: number;
  /** Between two boxes of a column. */
  readonly boxes: number;
  /** Between two arrows that pass a column. */
  readonly arrows: number;
}

/** What is used of dagre: its own declarations import files without their endings, which TypeScript does not find here. */
interface DagreGraph {
  setGraph(label: object): void;
  graph(): { width: number; height: number };
  setNode(id: string, label: object): void;
  node(id: string): Point & { readonly width: number };
  setEdge(from: string, to: string, label: object, name: string): void;
  /** `points` are where it leaves its node, the columns that it passes, and where it enters; x and y its label's centre. */
  edge(from: string, to: string, name: string): Point & { readonly points: readonly Point[] };
}

const { Graph, layout } = dagre as unknown as {
  readonly Graph: new (options: { multigraph: boolean }) => DagreGraph;
  readonly layout: (graph: DagreGraph) => void;
};

/** An invisible node left of the first column, and how strongly it holds that column. */
const ANCHOR = '\0anchor';
const ANCHOR_WEIGHT = 100;

/**
 * dagre's ordering is a heuristic whose outcome depends on the order of its input: edges are given in this many orders, and
 * the layout with the fewest crossings is taken. On random cells of 4 nodes one order leaves 3.9 crossings on average, 16
 * leave 2.1; each costs 7 ms.
 */
const ATTEMPTS = 16;

/** Pixels before and behind the boxes of a column in which arrows run level already: room for their heads. */
const CLEAR = 8;

/** Pixels within which two positions are the same: those of a column are computed alike. */
const SAME = 0.01;

/**
 * Lays a directed graph without cycles out in columns from left to right (Gansner et al. 1993, as dagre implements it):
 * every arrow leads to the right, crossings are few. The same input gives the same layout.
 *
 * @param nodes  Each with an id of its own.
 * @param edges  Between ids that occur.
 */
export function layeredLayout(
  nodes: readonly LayoutNode[],
  edges: readonly LayoutEdge[],
  spacing: Spacing,
): Layout {
  const numbers = edges.map((_, i) => i);
  const layouts = Array.from({ length: ATTEMPTS }, (_, i) => {
    const order = i === 0 ? numbers : permutation(foldIn(key(0), i), edges.length);
    return attempt(nodes, edges, [...order], spacing);
  });
  const counts = layouts.map(({ routes }) => crossings(routes));
  return cropped(nodes, edges, layouts[counts.indexOf(Math.min(...counts))]);
}

/** A layout before it is moved to the top left. */
type Attempt = Pick<Layout, 'nodes' | 'routes'>;

function attempt(
  nodes: readonly LayoutNode[],
  edges: readonly LayoutEdge[],
  order: readonly number[],
  { columns, boxes, arrows }: Spacing,
): Attempt {
  const graph = new Graph({ multigraph: true });
  // dagre puts labels into columns of their own, and halves the distance that it is given.
  graph.setGraph({ rankdir: 'LR', ranksep: 2 * columns, nodesep: boxes, edgesep: arrows });
  graph.setNode(ANCHOR, { width: 0, height: 0 });
  for (const { id, width, height, first = false } of nodes) {
    graph.setNode(id, { width, height });
    if (first) graph.setEdge(ANCHOR, id, { weight: ANCHOR_WEIGHT }, id);
  }
  for (const i of order) {
    const { from, to, label } = edges[i];
    graph.setEdge(from, to, label ? { ...label, labelpos: 'c' } : {}, String(i));
  }
  layout(graph);

  const turned = upright(nodes, graph);
  const places = new Map(nodes.map(({ id }) => [id, turned(graph.node(id))]));
  const routed = edges.map(({ from, to }, i) => graph.edge(from, to, String(i)));
  const passed = routed.map(({ points }) => points.slice(1, -1).map(turned));
  const labels = routed.map(({ x, y }, i) => (edges[i].label ? turned({ x, y }) : undefined));
  const widthAt = columnWidths([
    ...nodes.map(({ id, width }) => ({ x: places.get(id)!.x, width })),
    ...labels.flatMap((at, i) => (at ? [{ x: at.x, width: edges[i].label!.width }] : [])),
  ]);
  const starts = ports(nodes, places, edges, 'from', (i) => passed[i][0]);
  const ends = ports(nodes, places, edges, 'to', (i) => passed[i][passed[i].length - 1]);
  const routes = edges.map(({ from, to }, i): Route => {
    const side = (x: number, sign: 1 | -1): number => x + sign * (widthAt(x) / 2 + CLEAR);
    const through = ({ x, y }: Point): readonly [Point, Point] => [
      { x: side(x, -1), y },
      { x: side(x, 1), y },
    ];
    const [start, end] = [starts[i], ends[i]];
    return {
      pieces: [
        [start, { x: side(places.get(from)!.x, 1), y: start.y }],
        ...passed[i].map(through),
        [{ x: side(places.get(to)!.x, -1), y: end.y }, end],
      ],
      ...(labels[i] ? { label: labels[i] } : {}),
    };
  });
  return { nodes: places, routes };
}

/** Of a layout and its mirror image, which is as good, the one whose first column is in the order of the ids. */
function upright(nodes: readonly LayoutNode[], graph: DagreGraph): (point: Point) => Point {
  const column = nodes
    .filter(({ first }) => first)
    .map(({ id }) => id)
    .sort();
  const [top, bottom] = [column[0], column[column.length - 1]];
  const sign = column.length < 2 || graph.node(top).y < graph.node(bottom).y ? 1 : -1;
  return ({ x, y }) => ({ x, y: sign * y });
}

/** The width of the column at x: that of its widest box, 0 where only arrows pass. */
function columnWidths(boxes: readonly { readonly x: number; readonly width: number }[]) {
  return (x: number): number =>
    Math.max(0, ...boxes.filter((box) => Math.abs(box.x - x) < SAME).map(({ width }) => width));
}

/** Where each arrow leaves or enters its node: side by side on that side, in the order of where they come from or go to. */
function ports(
  nodes: readonly LayoutNode[],
  places: ReadonlyMap<string, Point>,
  edges: readonly LayoutEdge[],
  end: 'from' | 'to',
  next: (edge: number) => Point,
): Point[] {
  const found: Point[] = [];
  for (const { id, width, height } of nodes) {
    const { x, y } = places.get(id)!;
    const own = edges.map((_, i) => i).filter((i) => edges[i][end] === id);
    own.sort((a, b) => next(a).y - next(b).y || a - b);
    own.forEach((edge, i) => {
      const share = (i + 1) / (own.length + 1) - 0.5;
      found[edge] = { x: x + (end === 'from' ? width : -width) / 2, y: y + share * height };
    });
  }
  return found;
}

/** How often arrows cross: two of them do in a gap that both cross when they change their order there. */
function crossings(routes: readonly Route[]): number {
  const spans = routes.flatMap(({ pieces }) =>
    pieces.slice(1).map(([to], i) => ({ from: pieces[i][1], to })),
  );
  return spans.reduce((sum, a, i) => {
    const others = spans.slice(i + 1).filter(({ from }) => Math.abs(from.x - a.from.x) < SAME);
    return sum + others.filter((b) => (a.from.y - b.from.y) * (a.to.y - b.to.y) < 0).length;
  }, 0);
}

/** The layout moved to the top left: the anchor took room. */
function cropped(
  nodes: readonly LayoutNode[],
  edges: readonly LayoutEdge[],
  { nodes: places, routes }: Attempt,
): Layout {
  const boxes = [
    ...nodes.map(({ id, width, height }) => ({ at: places.get(id)!, width, height })),
    ...routes.flatMap(({ label }, i) => (label ? [{ at: label, ...edges[i].label! }] : [])),
    ...routes.flatMap(({ pieces }) => pieces.flat().map((at) => ({ at, width: 0, height: 0 }))),
  ];
  const left = Math.min(...boxes.map(({ at, width }) => at.x - width / 2));
  const top = Math.min(...boxes.map(({ at, height }) => at.y - height / 2));
  const moved = ({ x, y }: Point): Point => ({ x: x - left, y: y - top });
  return {
    width: Math.max(...boxes.map(({ at, width }) => at.x + width / 2)) - left,
    height: Math.max(...boxes.map(({ at, height }) => at.y + height / 2)) - top,
    nodes: new Map([...places].map(([id, at]) => [id, moved(at)])),
    routes: routes.map(({ pieces, label }) => ({
      pieces: pieces.map(([a, b]): [Point, Point] => [moved(a), moved(b)]),
      ...(label ? { label: moved(label) } : {}),
    })),
  };
}
