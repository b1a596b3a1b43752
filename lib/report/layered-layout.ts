import { lazily } from '../lazy.js';
import { foldIn, key, permutation } from '../math/random.js';

interface Size {
  readonly width: number;
  readonly height: number;
}

/** A box to place. */
export interface LayoutNode extends Size {
  readonly id: string;
}

/** An arrow to route; several may join the same two nodes. */
export interface LayoutEdge {
  readonly from: string;
  readonly to: string;
  /** The box in its middle that nothing else may touch. */
  readonly label?: Size;
}

/** A point, or the centre of a box; x to the right, y down, from the top left of the drawing. */
export interface Point {
  x: number;
  y: number;
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
export interface Layout extends Size {
  readonly nodes: ReadonlyMap<string, Point>;
  /** In the order of the edges given. */
  readonly routes: readonly Route[];
}

/** What is used of dagre: its own declarations import files without their endings, which TypeScript does not find here. */
interface DagreGraph {
  setGraph(label: object): void;
  setNode(id: string, label: object): void;
  node(id: string): Point;
  setEdge(from: string, to: string, label: object, name: string): void;
  /** `points` are where it leaves its node, the columns that it passes, and where it enters; x and y its label's centre. */
  edge(from: string, to: string, name: string): Point & { readonly points: readonly Point[] };
}

const loadDagre = lazily<{
  readonly Graph: new (options: { multigraph: boolean }) => DagreGraph;
  readonly layout: (graph: DagreGraph) => void;
}>('@dagrejs/dagre');

/** Distances between columns, between two boxes of a column, and between two arrows that pass it. */
const SPACING = { columns: 44, boxes: 10, arrows: 12 } as const;

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
 * @param nodes  Each with an id of its own. The first two stand in the first column, the first of them above.
 * @param edges  Between ids that occur.
 */
export function layeredLayout(nodes: readonly LayoutNode[], edges: readonly LayoutEdge[]): Layout {
  const numbers = edges.map((_, i) => i);
  const layouts = Array.from({ length: ATTEMPTS }, (_, i) =>
    attempt(nodes, edges, i === 0 ? numbers : [...permutation(foldIn(key(0), i), edges.length)]),
  );
  const counts = layouts.map(({ routes }) => crossings(routes));
  return cropped(nodes, edges, layouts[counts.indexOf(Math.min(...counts))]);
}

/** A layout before it is moved to the top left. */
type Attempt = Pick<Layout, 'nodes' | 'routes'>;

/** The layout that dagre makes of edges in that order, with its arrows parted at both ends and kept clear of all boxes. */
function attempt(
  nodes: readonly LayoutNode[],
  edges: readonly LayoutEdge[],
  order: readonly number[],
): Attempt {
  const { Graph, layout } = loadDagre();
  const graph = new Graph({ multigraph: true });
  const { columns, boxes, arrows } = SPACING;
  // dagre puts labels into columns of their own, and halves the distance that it is given.
  graph.setGraph({ rankdir: 'LR', ranksep: 2 * columns, nodesep: boxes, edgesep: arrows });
  graph.setNode(ANCHOR, { width: 0, height: 0 });
  for (const { id, width, height } of nodes) graph.setNode(id, { width, height });
  for (const { id } of nodes.slice(0, 2)) graph.setEdge(ANCHOR, id, { weight: ANCHOR_WEIGHT }, id);
  for (const i of order) {
    const { from, to, label } = edges[i];
    graph.setEdge(from, to, label ? { ...label, labelpos: 'c' } : {}, String(i));
  }
  layout(graph);

  // A layout's mirror image is as good as the layout.
  const sign = graph.node(nodes[0].id).y < graph.node(nodes[1].id).y ? 1 : -1;
  const turned = ({ x, y }: Point): Point => ({ x, y: sign * y });
  const places = new Map(nodes.map(({ id }) => [id, turned(graph.node(id))]));
  const routed = edges.map(({ from, to, label }, i) => {
    const { points, ...centre } = graph.edge(from, to, String(i));
    return { passed: points.slice(1, -1).map(turned), ...(label ? { label: turned(centre) } : {}) };
  });
  const widths = [
    ...nodes.map(({ id, width }) => ({ x: places.get(id)!.x, width })),
    ...routed.flatMap(({ label }, i) => (label ? [{ x: label.x, width: edges[i].label!.width }] : [])),
  ];
  /** Where the column at x, as wide as its widest box, is left behind on that side. */
  const side = (x: number, sign: 1 | -1): number => {
    const own = widths.filter((box) => Math.abs(box.x - x) < SAME).map(({ width }) => width);
    return x + sign * (Math.max(0, ...own) / 2 + CLEAR);
  };
  const starts = ports(nodes, places, edges, 'from', (i) => routed[i].passed[0]);
  const ends = ports(nodes, places, edges, 'to', (i) => routed[i].passed[routed[i].passed.length - 1]);
  const routes = routed.map(({ passed, ...label }, i): Route => {
    const [start, end] = [starts[i], ends[i]];
    return {
      pieces: [
        [start, { x: side(places.get(edges[i].from)!.x, 1), y: start.y }],
        ...passed.map(({ x, y }): readonly [Point, Point] => [
          { x: side(x, -1), y },
          { x: side(x, 1), y },
        ]),
        [{ x: side(places.get(edges[i].to)!.x, -1), y: end.y }, end],
      ],
      ...label,
    };
  });
  return { nodes: places, routes };
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

/** The layout moved to the top left, in place: the anchor took room. */
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
  for (const { at } of boxes) {
    at.x -= left;
    at.y -= top;
  }
  return {
    width: Math.max(...boxes.map(({ at, width }) => at.x + width / 2)),
    height: Math.max(...boxes.map(({ at, height }) => at.y + height / 2)),
    nodes: places,
    routes,
  };
}
