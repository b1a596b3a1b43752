/**
 * Figures as Plotly.js takes them, in nodeplotlib's types. Nothing else of nodeplotlib is used: its `plot` listens on every
 * network interface of the machine (1.1.2 names no host), has no loopback setting, brings NestJS 8 and Express 4.18 with known
 * advisories, and the page it serves loads Plotly.js and fonts from the web. JupyterLab draws the figures itself, and from the
 * shell they are written as pages that need neither a server nor the web (./surface-page.ts).
 */
import type { Config, Layout, Plot } from 'nodeplotlib';

/** A figure. Plain JSON. */
export interface PlotlyFigure {
  readonly data: readonly PlotlyTrace[];
  readonly layout: PlotlyLayout;
  readonly config: Config;
}

/** One thing that a figure draws. */
export type PlotlyTrace = Omit<Plot, 'colorbar'> & SurfaceOptions;

/** A figure's layout, with a scene for each surface: "scene", "scene2", … */
export interface PlotlyLayout extends Omit<Layout, 'title' | 'width' | 'height'> {
  readonly title: { readonly text: string; readonly x: number };
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  readonly sliders?: readonly object[];
  readonly [scene: `scene${number}`]: Layout['scene'];
}

/** What Plotly.js 4 has of surfaces and nodeplotlib's types, those of version 1, do not. */
interface SurfaceOptions {
  /** The scene that it is drawn in. */
  readonly scene?: string;
  /** What the ends of the colour scale stand for. */
  readonly cmin?: number;
  readonly cmax?: number;
  readonly colorbar?: object;
  readonly contours?: { readonly z: object };
}
