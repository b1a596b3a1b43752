import type { LossGrid } from '../analysis/landscape.js';

/** A line in the coordinates of a grid: (x, y) after (x, y). */
export type Line = readonly (readonly [number, number])[];

/** A step of 1, 2 or 5 times a power of ten that divides `range` into about `count` parts, never into more. */
export function niceStep(range: number, count: number): number {
  const rough = range / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((each) => each * power >= rough * (1 - 1e-12)) ?? 10;
  return factor * power;
}

/**
 * The lines along which a grid's losses have a value, by marching squares: linear between neighbouring points, open where
 * they leave the grid, closed (last point equal to the first) where they do not. A saddle is cut as the mean of its four
 * corners says.
 */
export function contourLines({ xs, ys, losses }: LossGrid, level: number): Line[] {
  const above = (row: number, column: number): boolean => losses[row][column] >= level;
  const between = (a: number, b: number, from: number, to: number): number =>
    from + ((to - from) * (level - a)) / (b - a);
  // Places where the line crosses the grid's lines: along a row ("h") or a column ("v"), by the smaller neighbour.
  const crossings = new Map<string, readonly [number, number]>();
  const crossing = (along: 'h' | 'v', row: number, column: number): string => {
    const name = `${along} ${row} ${column}`;
    const here = losses[row][column];
    const place: readonly [number, number] =
      along === 'h'
        ? [between(here, losses[row][column + 1], xs[column], xs[column + 1]), ys[row]]
        : [xs[column], between(here, losses[row + 1][column], ys[row], ys[row + 1])];
    crossings.set(name, place);
    return name;
  };
  const neighbours = new Map<string, string[]>();
  const join = (a: string, b: string): void => {
    neighbours.set(a, [...(neighbours.get(a) ?? []), b]);
    neighbours.set(b, [...(neighbours.get(b) ?? []), a]);
  };
  for (let r = 0; r + 1 < ys.length; r++) {
    for (let c = 0; c + 1 < xs.length; c++) {
      // The cell's sides in a circle, each between two corners: bottom, right, top, left.
      const corners = [above(r, c), above(r, c + 1), above(r + 1, c + 1), above(r + 1, c)];
      const sides = [
        () => crossing('h', r, c),
        () => crossing('v', r, c + 1),
        () => crossing('h', r + 1, c),
        () => crossing('v', r, c),
      ];
      const crossed = sides.filter((_, i) => corners[i] !== corners[(i + 1) % 4]).map((side) => side());
      if (crossed.length === 2) join(crossed[0], crossed[1]);
      if (crossed.length === 4) {
        const mean = (losses[r][c] + losses[r][c + 1] + losses[r + 1][c] + losses[r + 1][c + 1]) / 4;
        const [bottom, right, top, left] = crossed;
        // The middle joins the corners that are on its side; the other two are cut off.
        if (mean >= level === corners[0]) {
          join(bottom, right);
          join(top, left);
        } else {
          join(bottom, left);
          join(top, right);
        }
      }
    }
  }
  return joined(neighbours).map((names) => names.map((name) => crossings.get(name)!));
}

/** The chains that neighbours form: first those with ends, then the rings, which end where they began. */
function joined(neighbours: ReadonlyMap<string, readonly string[]>): string[][] {
  const seen = new Set<string>();
  const follow = (from: string): string[] => {
    const chain: string[] = [];
    for (let at: string | undefined = from; at !== undefined;) {
      chain.push(at);
      seen.add(at);
      at = neighbours.get(at)!.find((next) => !seen.has(next));
    }
    return chain;
  };
  const names = [...neighbours.keys()];
  const ends = new Set(names.filter((name) => neighbours.get(name)!.length === 1));
  return [...ends, ...names].flatMap((name) => {
    if (seen.has(name)) return [];
    const chain = follow(name);
    return [ends.has(name) ? chain : [...chain, name]];
  });
}
