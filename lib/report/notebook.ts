import { randomBytes } from 'node:crypto';
import type * as Jupyter from 'tslab/dist/jupyter.js';
import { unknownName, ZartsError } from '../errors.js';
import { lazily } from '../lazy.js';
import type { Progress } from '../progress.js';
import type { Claim } from '../analysis/claims.js';
import { claimsTable } from './claims.js';
import { BUDGETS } from '../search/protocol.js';
import type { Budget } from '../search/protocol.js';
import { describeSeconds } from './progress-terminal.js';
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

/** A chart: interactive where Vega-Lite is rendered (JupyterLab), a picture everywhere else (code hosts, exports). */
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

/** Shows a drawing, as SVG and as PNG: which of them is up to the program that opens the notebook. */
function showDrawing({ title, svg }: Drawing): void {
  show({
    'image/svg+xml': svg,
    'image/png': svgPng(svg, DRAWING_PIXELS).toString('base64'),
    'text/plain': title,
  });
}

/**
 * Shows a landscape that is turned with the mouse where Plotly figures are drawn (JupyterLab), a picture everywhere else.
 * JupyterLab begins with the picture, too, and puts the figure in its place when the mouse comes: both are as wide.
 */
function showSurface({ title, figure, svg }: Surface): void {
  show({
    [PLOTLY_TYPE]: figure,
    'image/png': svgPng(svg, figure.layout.width).toString('base64'),
    'text/plain': title,
  });
}

/** Shows a table, in HTML, Markdown and plain text. */
function showTable(table: Table): void {
  show({
    'text/html': htmlTable(table),
    'text/markdown': markdownTable(table),
    'text/plain': textTable(table),
  });
}

/** Shows the claims with their verdicts, and under them how each verdict was reached. */
function showClaims(claims: readonly Claim[]): void {
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
 * Progress as one element that is updated in place, with phase, share, note and time left. When the phase is over one
 * short line is left, the same whatever machine ran it.
 */
export function notebookProgress(): Progress {
  return {
    start(phase, total, done = 0) {
      const id = randomBytes(8).toString('hex');
      const began = performance.now();
      let shown = began;
      let last = done;
      const draw = (note: string, update: boolean): void => {
        // What was done before this process has no bearing on its speed.
        const rate = (last - done) / ((performance.now() - began) / 1000);
        const speed = rate > 0 && last < total ? `${describeSeconds((total - last) / rate)} left` : '';
        const bar = `<progress max="${Math.max(1, total)}" value="${last}" style="width:24em"></progress>`;
        const words = [`${last} of ${total}`, note, speed].filter((word) => word !== '').join(' · ');
        const html = `${escapeHtml(phase)}<br>${bar}<br>${escapeHtml(words)}`;
        show({ 'text/html': html, 'text/plain': `${phase}: ${words}` }, id, update);
      };
      draw('', false);
      return {
        update(at, note = '') {
          last = at;
          if (performance.now() - shown < UPDATE_MS) return;
          shown = performance.now();
          draw(note, true);
        },
        end() {
          const outcome = last < total ? `stopped at ${last} of ${total}` : 'done';
          const text = `${phase}: ${outcome}`;
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

/** What is there of a figure or table under way. */
interface UnderWay {
  readonly charts: readonly Chart[];
  readonly tables: readonly Table[];
  readonly done: number;
  readonly of: number;
}

/**
 * Shows what is there of a figure or table under way, in the place of what was shown before: its first chart, its first table
 * where it has none. When all is there a line takes its place; what was measured is for the cells below to show.
 */
export function liveDisplay(): (soFar: UnderWay) => Promise<void> {
  const id = randomBytes(8).toString('hex');
  let shown = '';
  return async ({ charts: [chart], tables: [table], done, of }) => {
    const text = `${done} of ${of} runs are finished.`;
    const drawn: Chart | undefined = chart;
    const bundle: Bundle =
      done === of
        ? { 'text/html': `<p>${text}</p>`, 'text/plain': text }
        : drawn
          ? await chartBundle(drawn)
          : {
              'text/html': `${htmlTable(table)}<p>${text}</p>`,
              'text/plain': `${textTable(table)}\n${text}`,
            };
    const now = JSON.stringify(bundle);
    if (now !== shown) show(bundle, id, shown !== '');
    shown = now;
  };
}

/** What the cells of a notebook run with, unless they say otherwise. */
export interface NotebookOptions {
  readonly budget: Budget;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  readonly onPartial: (soFar: UnderWay) => Promise<void>;
}

/**
 * The budget that `$ZARTS_BUDGET` names, `laptop` without it, with a progress element, a display of what is there so far and
 * a signal that stops the work when the kernel is interrupted. Images come from where `$ZARTS_DATA` says, as everywhere.
 *
 * @throws {UsageError} for an unknown budget.
 */
export function notebookOptions(env: NodeJS.ProcessEnv = process.env): NotebookOptions {
  const asked = env.ZARTS_BUDGET === undefined || env.ZARTS_BUDGET === '' ? 'laptop' : env.ZARTS_BUDGET;
  const budget = BUDGETS.find((each) => each === asked);
  if (budget === undefined) throw unknownName('budget', asked, BUDGETS);
  return { budget, progress: notebookProgress(), signal: interruptSignal(), onPartial: liveDisplay() };
}

/** What a cell can show: charts, tables, drawings, surfaces, claims, or all of a figure's. */
type Showable = Chart | Table | Drawing | Surface | Claim;
interface Several {
  readonly charts?: readonly Chart[];
  readonly surfaces?: readonly Surface[];
  readonly drawings?: readonly Drawing[];
  readonly tables?: readonly Table[];
  readonly claims?: readonly Claim[];
}

/**
 * Shows charts, tables, drawings, surfaces or claims, one or several, or everything that a figure or a comparison has.
 *
 * @throws {ZartsError} outside a notebook, and for a chart that cannot be drawn.
 */
export async function display(shown: Showable | readonly Showable[] | Several): Promise<void> {
  if (Array.isArray(shown)) {
    const list = shown as readonly Showable[];
    const claims = list.filter((each): each is Claim => 'verdict' in each);
    for (const each of list) if (!('verdict' in each)) await display(each);
    if (claims.length > 0) showClaims(claims);
  } else if ('spec' in shown) show(await chartBundle(shown));
  else if ('figure' in shown) showSurface(shown);
  else if ('svg' in shown) showDrawing(shown);
  else if ('rows' in shown && 'columns' in shown) showTable(shown);
  else if ('verdict' in shown) showClaims([shown]);
  else {
    const { charts = [], surfaces = [], drawings = [], tables = [], claims = [] } = shown as Several;
    await display([...charts, ...surfaces, ...drawings, ...tables, ...claims]);
  }
}
