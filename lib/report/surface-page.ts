/** Surfaces as pages for a browser: one file with everything in it, which opens from the disk and asks no network. */
import { readFileSync } from 'node:fs';
import type { Surface } from './surface.js';
import { escapeHtml } from './table.js';
import { FONT } from './theme.js';

/** The part of Plotly.js that draws in three dimensions. */
const BUNDLE = 'plotly.js-gl3d-dist-min/plotly-gl3d.min.js';

/** The source of Plotly.js; undefined where its package is not installed. */
export function plotlySource(): string | undefined {
  let file: string;
  try {
    file = require.resolve(BUNDLE);
  } catch {
    return undefined;
  }
  return readFileSync(file, 'utf8');
}

/** Nothing is fetched, whatever the scripts say. Plotly.js compiles what it draws with in WebGL, and draws in `data:` and `blob:`. */
const POLICY =
  "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:";

/** A program without the end of a script inside it. */
export const asScript = (source: string): string => source.replace(/<(?=\/script|!--)/gi, '\\x3c');

/** JSON that a script can hold. */
export const asData = (value: unknown): string => JSON.stringify(value).replace(/</g, '\\u003c');

/**
 * A page that shows a surface to turn, as wide as the window; without scripts, the drawing of it.
 *
 * @param plotly  The source of Plotly.js, see {@link plotlySource}.
 */
export function surfacePage({ title, figure, svg }: Surface, plotly: string): string {
  const { width, height, ...layout } = figure.layout;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>
body { margin: 1rem; font-family: "${FONT}", Verdana, sans-serif; color: #222222; background: #ffffff }
#surface { width: 100%; min-width: ${width}px; aspect-ratio: ${width} / ${height}; max-height: 85vh; min-height: 400px }
p { margin: 0.5rem 0; font-size: 0.9rem }
svg { max-width: 100%; height: auto }
</style>
</head>
<body>
<div id="surface"></div>
<p>Drag to turn, scroll to come closer: all panels follow.</p>
<noscript>${svg}</noscript>
<script>${asScript(plotly)}</script>
<script>
const scenes = ${asData(Object.keys(layout).filter((name) => name.startsWith('scene')))};
/** Turns the other panels as one was turned. */
const follow = (figure) => (change) => {
  const [turned] = scenes.filter((scene) => scene + ".camera" in change);
  if (turned === undefined || scenes.every((scene) => scene + ".camera" in change)) return;
  Plotly.relayout(figure, Object.fromEntries(scenes.map((scene) => [scene + ".camera", change[turned + ".camera"]])));
};
Plotly.newPlot("surface", ${asData(figure.data)}, ${asData({ ...layout, autosize: true })}, ${asData(figure.config)}).then((figure) => figure.on("plotly_relayout", follow(figure)));
</script>
</body>
</html>
`;
}
