/** How every chart looks: one font that this project ships, sizes that survive print, colours that colour-blind readers tell apart. */

import type { OpFamily } from '../spaces/primitives.js';

/** The family that charts name; lib/report/render.ts draws it from the bundled files, a browser from its own or a fallback. */
export const FONT = 'DejaVu Sans';

/** Nominal colours: Okabe and Ito's, in an order whose neighbours also differ in lightness. */
export const PALETTE = ['#0072B2', '#E69F00', '#009E73', '#CC79A7', '#56B4E9', '#D55E00'] as const;

/** Ordered colours, light to dark (viridis without its palest end, which white paper swallows). */
export const ORDERED_SCHEME = { name: 'viridis', extent: [0.8, 0] } as const;

/** Reference lines and what is said beside them. */
export const REFERENCE_COLOR = '#444444';

/** Colours of operations by family, in charts as in the drawings of cells. */
export const FAMILY_COLORS: Readonly<Record<OpFamily, string>> = {
  convolution: PALETTE[0],
  pooling: PALETTE[1],
  skip: PALETTE[2],
  noise: PALETTE[3],
  zero: '#777777',
};

/** Vega-Lite's `config` block of every chart. */
export const THEME = {
  font: `${FONT}, Verdana, sans-serif`,
  background: '#ffffff',
  view: { stroke: '#bbbbbb' },
  axis: {
    labelFontSize: 11,
    titleFontSize: 12,
    titleFontWeight: 'normal',
    gridColor: '#e4e4e4',
    labelColor: '#222222',
    titleColor: '#222222',
  },
  header: { labelFontSize: 12, titleFontSize: 12, labelColor: '#222222', titleFontWeight: 'normal' },
  // Every colour is said, black too: JupyterLab's dark theme would set the others for a black ground.
  legend: {
    ...{ labelFontSize: 12, titleFontSize: 12, titleFontWeight: 'normal', symbolSize: 90 },
    // Names of methods are longer than Vega's 160 pixels.
    labelLimit: 260,
    ...{ labelColor: '#000000', titleColor: '#000000' },
  },
  title: {
    ...{ fontSize: 14, subtitleFontSize: 12, anchor: 'start', offset: 12 },
    ...{ color: '#000000', subtitleColor: '#444444' },
  },
} as const;
