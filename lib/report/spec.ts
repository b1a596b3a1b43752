/** A chart as data: a Vega-Lite version 5 specification with its rows inside. Plain JSON. */
export interface ChartSpec {
  readonly $schema: string;
  readonly [field: string]: unknown;
}

/** A chart of a reproduction. */
export interface Chart {
  /** Ends up in file names: letters, digits, hyphens. */
  readonly name: string;
  readonly title: string;
  readonly spec: ChartSpec;
}

/** A picture that is no chart: self-contained SVG, e.g. of cells (lib/report/cell-diagram.ts). */
export interface Drawing {
  /** Ends up in file names: letters, digits, hyphens. */
  readonly name: string;
  readonly title: string;
  readonly svg: string;
}

/** The schema that JupyterLab 4 renders natively. */
export const VEGA_LITE_SCHEMA = 'https://vega.github.io/schema/vega-lite/v5.json';
