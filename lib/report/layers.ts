/** Layers of Vega-Lite charts that show single measurements with their means. */

type Encoding = Readonly<Record<string, unknown>>;
type Layer = Readonly<Record<string, unknown>>;

/** What measurements are drawn by. `x` and `y` are fields, the measured one of them quantitative. */
export interface MeasurementEncoding {
  readonly x: Encoding;
  readonly y: Encoding;
  readonly color: Encoding;
  readonly tooltip: readonly Encoding[];
}

/** A bar at the mean of each row, and a point for each measurement along x. */
export function rowsWithMeans({ x, y, color, tooltip }: MeasurementEncoding): Layer[] {
  return [
    {
      mark: { type: 'tick', thickness: 3, size: 16 },
      encoding: { x: { ...x, aggregate: 'mean' }, y, color },
    },
    {
      mark: { type: 'point', filled: true, size: 55, opacity: 0.75 },
      encoding: { x, y, color, tooltip },
    },
  ];
}

/** A line through the means of y at each x, and a point for each measurement; groups differ in shape as in colour. */
export function linesWithPoints({
  x,
  y,
  color,
  shape,
  tooltip,
}: MeasurementEncoding & { readonly shape: Encoding }): Layer[] {
  return [
    { mark: { type: 'line', strokeWidth: 2 }, encoding: { x, y: { ...y, aggregate: 'mean' }, color } },
    {
      mark: { type: 'point', filled: true, size: 60, opacity: 0.8 },
      encoding: { x, y, color, shape, tooltip },
    },
  ];
}
