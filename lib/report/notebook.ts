import { randomBytes } from 'node:crypto';
import type * as Jupyter from 'tslab/dist/jupyter.js';
import { unknownName, ZartsError } from '../errors.js';
import { lazily } from '../lazy.js';
import type { Progress } from '../progress.js';
import type { Claim } from '../analysis/claims.js';
import { claimsTable } from './claims.js';
import { BUDGETS } from '../search/protocol.js';
import type { Budget } from '../search/protocol.js';
import { OpenPhase } from './progress-terminal.js';
import { chartPng } from './render.js';
import type { Chart, Drawing } from './spec.js';
import { PLOTLY_TYPE } from './surface.js';
import type { Surface } from './surface.js';
import { svgPng } from './svg.js';
import { escapeHtml, htmlTable, markdownTable, textTable } from './table.js';
import type { Table } from './table.js';

/** It brings TypeScript with it, and only a kernel needs it. */
const loadJupyter = lazily<typeof Jupyter>('tslab/dist/jupyter.js');

/** What a cell shows: the same thing in several forms, of which each program that opens the notebook picks one. */
type Bundle = Readonly<Record<string, unknown>>;

/**
 * Sends a bundle to the notebook. tslab's public `display` sends one form at a time; this goes through the function that
 * it uses itself.
 *
 * @param id  Shows the bundle in the place of an earlier one with the same id.
 */
function show(data: Bundle, id?: string, update = false): void {
  const send = loadJupyter().lastWriteDisplayData as unknown as
    ((content: { data: Bundle; metadata: object; transient: object }, update: boolean) => void) | null;
  if (send === null) throw new ZartsError('Nothing can be displayed here: this is not a notebook cell.');
  send({ data, metadata: {}, transient: id === undefined ? {} : { display_id: id } }, update);
}

/**
 * Shows a chart: interactive where Vega-Lite is rendered (JupyterLab), a picture everywhere else (code hosts, exports).
 *
 * @throws {ZartsError} outside a notebook, and for a chart that cannot be drawn.
 */
export async function showChart(chart: Chart): Promise<void> {
  show(await chartBundle(chart));
}

async function chartBundle({ title, spec }: Chart): Promise<Bundle> {
  const png = await chartPng(spec);
  return {
    'application/vnd.vegalite.v5+json': spec,
    'image/png': png.toString('base64'),
    'text/plain': title,
  };
}

/** Pixels across of the PNG that stands for a drawing where its SVG is not shown: notebooks are kept with their outputs. */
const DRAWING_PIXELS = 2000;

/** Shows each of the drawings, as SVG and as PNG: which of them is up to the program that opens the notebook. */
export function showDrawings(drawings: readonly Drawing[]): void {
  for (const { title, svg } of drawings) {
    const png = svgPng(svg, DRAWING_PIXELS).toString('base64');
    show({ 'image/svg+xml': svg, 'image/png': png, 'text/plain': title });
  }
}

/**
 * Shows a landscape that is turned with the mouse where Plotly figures are drawn (JupyterLab), a picture everywhere else.
 * JupyterLab begins with the picture, too, and puts the figure in its place when the mouse comes: both are as wide.
 */
export function showSurface({ title, figure, svg }: Surface): void {
  show({
    [PLOTLY_TYPE]: figure,
    'image/png': svgPng(svg, figure.layout.width).toString('base64'),
    'text/plain': title,
  });
}

/**
 * A function that shows a reproduction's charts while it is measured: in the place of those that it showed before, and only
 * where they changed.
 *
 * @param reproduction  What draws the charts of a result as far as it is there; they are told apart by their names.
 * @param count         Only the first so many of them.
 */
export function liveCharts<Result>(
  reproduction: { charts(partial: Result): readonly Chart[] },
  count = Infinity,
): (partial: Result) => Promise<void> {
  const shown = new Map<string, { readonly id: string; readonly text: string }>();
  return async (partial) => {
    for (const { name, title, spec } of reproduction.charts(partial).slice(0, count)) {
      const text = JSON.stringify(spec);
      const before = shown.get(name);
      if (before?.text === text) continue;
      const id = before?.id ?? randomBytes(8).toString('hex');
      shown.set(name, { id, text });
      show(await chartBundle({ name, title, spec }), id, before !== undefined);
    }
  };
}

/** Shows each of the charts. */
export async function showCharts(charts: readonly Chart[]): Promise<void> {
  for (const chart of charts) await showChart(chart);
}

/** Shows a table, in HTML, Markdown and plain text. */
export function showTable(table: Table): void {
  show({
    'text/html': htmlTable(table),
    'text/markdown': markdownTable(table),
    'text/plain': textTable(table),
  });
}

/** Shows the claims with their verdicts, and under them how each verdict was reached. */
export function showClaims(claims: readonly Claim[]): void {
  const table = claimsTable(claims);
  const reasons = claims
    .map(({ text, detail }) => `<li>${escapeHtml(text)} ${escapeHtml(detail)}</li>`)
    .join('');
  show({
    'text/html': `${htmlTable(table)}<details><summary>How each verdict was reached</summary><ul>${reasons}</ul></details>`,
    'text/plain': textTable(table),
  });
}

/** Shows a list of sentences under a heading, e.g. what a result does otherwise than the paper. */
export function showList(heading: string, sentences: readonly string[]): void {
  if (sentences.length === 0) return;
  const text = `**${heading}**\n\n${sentences.map((sentence) => `- ${sentence}`).join('\n')}`;
  show({ 'text/markdown': text, 'text/plain': text });
}

/** Milliseconds between two updates of the progress element: a person sees it move, a stored notebook stays small. */
const UPDATE_MS = 500;

/**
 * Progress as one element that is updated in place, with phase, share, rate, time left and note. When the phase is over one
 * short line is left, the same whatever machine ran it.
 */
export function notebookProgress(): Progress {
  return {
    start(name, total, done = 0) {
      const id = randomBytes(8).toString('hex');
      const phase = new OpenPhase(name, total, done);
      let shown = performance.now();
      const draw = (update: boolean): void => {
        const bar = `<progress max="${Math.max(1, total)}" value="${phase.done}" style="width:24em"></progress>`;
        const words = phase.words().join(' · ');
        const html = `${escapeHtml(name)}<br>${bar}<br>${escapeHtml(words)}`;
        show({ 'text/html': html, 'text/plain': `${name}: ${words}` }, id, update);
      };
      draw(false);
      return {
        update(at, note = '') {
          phase.update(at, note);
          if (performance.now() - shown < UPDATE_MS) return;
          shown = performance.now();
          draw(true);
        },
        end() {
          const text = `${name}: ${phase.done < total ? `stopped at ${phase.done} of ${total}` : 'done'}`;
          show({ 'text/html': escapeHtml(text), 'text/plain': text }, id, true);
        },
      };
    },
  };
}

let interrupted: AbortController | undefined;

/** A signal that is raised when the user interrupts the kernel: what a cell awaits goes on computing otherwise. */
export function interruptSignal(): AbortSignal {
  if (interrupted === undefined) {
    process.on('SIGINT', () => {
      interrupted?.abort();
      interrupted = new AbortController();
    });
    interrupted = new AbortController();
  }
  return interrupted.signal;
}

/** What is there of a result under way. */
interface PartialTables {
  readonly tables: readonly Table[];
  readonly done: number;
  readonly of: number;
}

/** Shows the first table of a result under way, in the place of the one before; a line in its stead when all is there. */
export function notebookParts(): (soFar: PartialTables) => void {
  const id = randomBytes(8).toString('hex');
  let shown = false;
  return ({ tables: [table], done, of }) => {
    const text = `${done} of ${of} runs are finished.`;
    const whole = done === of;
    const html = `${whole ? '' : htmlTable(table)}<p>${text}</p>`;
    show({ 'text/html': html, 'text/plain': whole ? text : `${textTable(table)}\n${text}` }, id, shown);
    shown = true;
  };
}

/** What the cells of a notebook run with, unless they say otherwise. */
export interface NotebookOptions {
  readonly budget: Budget;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  readonly onPart: (soFar: PartialTables) => void;
}

/**
 * The budget that `$ZARTS_BUDGET` names, `laptop` without it, with a progress element and a signal that stops the work
 * when the kernel is interrupted. Images come from where `$ZARTS_DATA` says, as everywhere.
 *
 * @throws {UsageError} for an unknown budget.
 */
export function notebookOptions(env: NodeJS.ProcessEnv = process.env): NotebookOptions {
  const asked = env.ZARTS_BUDGET === undefined || env.ZARTS_BUDGET === '' ? 'laptop' : env.ZARTS_BUDGET;
  const budget = BUDGETS.find((each) => each === asked);
  if (budget === undefined) throw unknownName('budget', asked, BUDGETS);
  return {
    budget,
    progress: notebookProgress(),
    signal: interruptSignal(),
    onPart: notebookParts(),
  };
}
