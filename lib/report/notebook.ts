import { randomBytes } from 'node:crypto';
import type { DataFrame } from 'danfojs-node';
import type * as Jupyter from 'tslab/dist/jupyter.js';
import { knownName, ZartsError } from '../errors.js';
import { lazily } from '../lazy.js';
import type { Progress } from '../progress.js';
import type { Claim } from '../analysis/claims.js';
import { printGenotype } from '../spaces/genotype.js';
import type { Genotype } from '../spaces/genotype.js';
import { cellDiagram } from './cell-diagram.js';
import { claimsTable, verdictMark } from './claims.js';
import { BUDGETS } from '../search/protocol.js';
import type { Budget } from '../search/protocol.js';
import { OpenPhase } from './progress-terminal.js';
import { chartPng } from './render.js';
import type { Chart, Drawing } from './spec.js';
import { PLOTLY_TYPE } from './surface.js';
import type { Surface } from './surface.js';
import { svgPng } from './svg.js';
import { escapeHtml, frameTable, htmlTable, textTable, wordsHtml } from './table.js';
import type { Table } from './table.js';
import { htmlWidget, outputWidget, outputsOf, showsWidgets } from './widgets.js';
import type { Bundle } from './widgets.js';

/** It brings TypeScript with it, and only a kernel needs it. */
const loadJupyter = lazily<typeof Jupyter>('tslab/dist/jupyter.js');

/** The media type under which JupyterLab draws charts. */
const VEGA_LITE_TYPE = 'application/vnd.vegalite.v5+json';

/** What is said about a bundle: the text for those who do not see its picture, which nbconvert writes beside it. */
export function metadataOf(data: Bundle): object {
  return 'image/png' in data ? { 'image/png': { alt: data['text/plain'] } } : {};
}

/**
 * Sends a bundle to the notebook. tslab's public `display` sends one form at a time; this goes through the function that
 * it uses itself.
 *
 * @param id  Shows the bundle in the place of an earlier one with the same id.
 */
export function show(data: Bundle, id?: string, update = false): void {
  const send = loadJupyter().lastWriteDisplayData as unknown as
    ((content: { data: Bundle; metadata: object; transient: object }, update: boolean) => void) | null;
  if (send === null) throw new ZartsError('Nothing can be displayed here: this is not a notebook cell.');
  send({ data, metadata: metadataOf(data), transient: id === undefined ? {} : { display_id: id } }, update);
}

/** Text, marked up where that is shown. */
export function textBundle(html: string, plain: string): Bundle {
  return { 'text/html': html, 'text/plain': plain };
}

/**
 * What stands for a picture where its own form is not drawn: on code hosts, in exports. `live` is what JupyterLab alone will
 * show, and not keep: it does without, which saves a part of a second.
 */
export type Form = 'kept' | 'live';

/** Pixels across of the PNG that stands for a drawing: notebooks are kept with their outputs. */
const DRAWING_PIXELS = 2000;

/** The forms of what has a title; JupyterLab draws charts and surfaces itself, to point at and to turn. */
async function bundleOf(shown: Titled, form: Form): Promise<Bundle> {
  const { title } = shown;
  const picture = async (type: string, own: unknown, draw: () => Buffer | Promise<Buffer>) => ({
    [type]: own,
    ...(form === 'kept' && { 'image/png': (await draw()).toString('base64') }),
    'text/plain': title,
  });
  if ('spec' in shown) return picture(VEGA_LITE_TYPE, shown.spec, () => chartPng(shown.spec));
  if ('columns' in shown) return textBundle(htmlTable(shown), textTable(shown));
  const { svg } = shown;
  if (!('figure' in shown)) return picture('image/svg+xml', svg, () => svgPng(svg, DRAWING_PIXELS));
  const { figure } = shown;
  // JupyterLab begins with the picture, too, and puts the figure in its place when the mouse comes: both are as wide.
  return picture(PLOTLY_TYPE, figure, () => svgPng(svg, figure.layout.width));
}

/** Claims with their verdicts, and under them how each verdict was reached. */
function claimsBundle(claims: readonly Claim[]): Bundle {
  const table = claimsTable(claims);
  const reasons = claims
    .map(
      ({ text, verdict, detail }) =>
        `<li>${verdictMark(verdict)} ${wordsHtml(text)} ${wordsHtml(detail)}</li>`,
    )
    .join('');
  const how = `<details><summary>How each verdict was reached</summary><ul>${reasons}</ul></details>`;
  return textBundle(htmlTable(table) + how, textTable(table));
}

/** Shows a list of sentences under a heading, e.g. what a result does otherwise than the paper. */
export function showList(heading: string, sentences: readonly string[]): void {
  if (sentences.length === 0) return;
  const text = `**${heading}**\n\n${sentences.map((sentence) => `- ${sentence}`).join('\n')}`;
  show({ 'text/markdown': text, 'text/plain': text });
}

/** Shows a line of text. */
export function showText(text: string): void {
  show(textBundle(`<p>${escapeHtml(text)}</p>`, text));
}

/** A place among a cell's outputs whose content changes. */
export interface Spot {
  show(bundle: Bundle): void;
  /** Shows what stays. */
  end(bundle: Bundle): void;
}

/**
 * A place for text, or for whatever there is. Where widgets are shown it is one until it ends: a browser that comes back to a
 * cell that still runs goes on seeing it.
 */
function spot(holds: 'text' | 'anything'): Spot {
  const id = randomBytes(8).toString('hex');
  const state = (bundle: Bundle): Bundle =>
    holds === 'text' ? { value: bundle['text/html'] } : outputsOf([bundle]);
  let begun = false;
  let widget: ReturnType<typeof htmlWidget> | undefined;
  return {
    show(bundle) {
      if (!begun && showsWidgets()) {
        widget = holds === 'text' ? htmlWidget(String(bundle['text/html'])) : outputWidget([bundle]);
        show({ ...bundle, ...widget.view }, id);
      } else if (widget) widget.set(state(bundle));
      else show(bundle, id, begun);
      begun = true;
    },
    end(bundle) {
      widget?.set(state(bundle));
      widget = undefined;
      show(bundle, id, begun);
      begun = true;
    },
  };
}

/** Milliseconds between two updates of the progress element: a person sees it move, a stored notebook stays small. */
const UPDATE_MS = 500;

/**
 * Progress as one element that is updated in place, with phase, step, rate, time left and note. When the phase is over one
 * short line is left, the same whatever machine ran it.
 *
 * @param at  Makes its place; one of its own among the cell's outputs when left out.
 */
export function notebookProgress(at: () => Spot = () => spot('text')): Progress {
  return {
    start(name, total, done = 0) {
      const place = at();
      const phase = new OpenPhase(name, total, done);
      let shown = performance.now();
      const draw = (): void => {
        const bar = `<progress max="${Math.max(1, total)}" value="${phase.done}" style="width:24em"></progress>`;
        const words = phase.words().join(' · ');
        place.show(textBundle(`${escapeHtml(name)}<br>${bar}<br>${escapeHtml(words)}`, `${name}: ${words}`));
      };
      draw();
      return {
        update(at, note = '') {
          phase.update(at, note);
          if (performance.now() - shown < UPDATE_MS) return;
          shown = performance.now();
          draw();
        },
        aside: (state) => {
          phase.aside(state);
        },
        end() {
          const outcome = phase.done < total ? `stopped at ${phase.done} of ${total}` : 'done';
          const text = `${name}: ${outcome}`;
          place.end(textBundle(escapeHtml(text), text));
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
interface UnderWay extends Pick<Required<Several>, 'charts' | 'tables'> {
  readonly done: number;
  readonly of: number;
}

/** How a figure or table is shown while it is measured. */
interface Live {
  /** Shows what was kept of an earlier time, until there is more. */
  readonly onEarlier: (earlier: UnderWay) => Promise<void>;
  /** Shows what is there so far. */
  readonly onPartial: (soFar: UnderWay) => Promise<void>;
}

/**
 * Shows what is there of a figure or table under way, in the place of what was shown before: its first chart, its first table
 * where it has none. When all is there a line takes its place; what was measured is for the cells below to show.
 */
export function liveDisplay(): Live {
  const place = spot('anything');
  const first = async ({ charts, tables: [table] }: UnderWay, text: string): Promise<Bundle> =>
    charts.length > 0
      ? bundleOf(charts[0], 'kept')
      : textBundle(`${htmlTable(table)}<p>${text}</p>`, `${textTable(table)}\n${text}`);
  return {
    async onEarlier(earlier) {
      if (earlier.tables.length === 0 && earlier.charts.length === 0) return;
      const [chart] = earlier.charts;
      const words = 'As kept before; it is measured anew.';
      const charts = chart
        ? [{ ...chart, spec: { ...chart.spec, title: { text: chart.title, subtitle: words } } }]
        : [];
      place.show(await first({ ...earlier, charts }, words));
    },
    async onPartial(soFar) {
      const text = `${soFar.done} of ${soFar.of} runs are finished.`;
      if (soFar.done === soFar.of) place.end(textBundle(`<p>${text}</p>`, text));
      else place.show(await first(soFar, text));
    },
  };
}

/** What the cells of a notebook run with, unless they say otherwise. */
export interface NotebookOptions extends Live {
  readonly budget: Budget;
  readonly data?: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  readonly stored?: 'begun';
}

/** The budget that a notebook's `parameters` cell names, `laptop` without one. @throws {UsageError} for an unknown one. */
export function notebookBudget(given = process.env.ZARTS_BUDGET): Budget {
  return given === undefined || given === '' ? 'laptop' : knownName('budget', given, BUDGETS);
}

/**
 * What a notebook's `parameters` cell says: the budget, `laptop` without one, and where the images are, as everywhere without a
 * word of it. With it a progress element, a display of what is there so far and a signal that stops the work when the kernel is
 * interrupted; and, where `ZARTS_STORED` is set, that a grid that was begun is shown as far as it is.
 *
 * @throws {UsageError} for an unknown budget.
 */
export function notebookOptions({
  budget: given,
  data,
}: { readonly budget?: string | undefined; readonly data?: string | undefined } = {}): NotebookOptions {
  const budget = notebookBudget(given);
  return {
    budget,
    ...(data ? { data } : {}),
    progress: notebookProgress(),
    signal: interruptSignal(),
    ...(process.env.ZARTS_STORED ? { stored: 'begun' as const } : {}),
    ...liveDisplay(),
  };
}

/** What a cell can show: charts, tables, drawings, surfaces, claims, genotypes, data frames, or all of a figure's. */
export type Showable = Titled | Claim | Genotype | DataFrame | Several;
type Titled = Chart | Table | Drawing | Surface;
interface Several {
  readonly charts?: readonly Chart[];
  readonly surfaces?: readonly Surface[];
  readonly drawings?: readonly Drawing[];
  readonly tables?: readonly Table[];
  readonly claims?: readonly Claim[];
}

/**
 * What a value looks like in a notebook, if it is one of what {@link display} shows, or a list of them. The kernel shows the
 * value of a cell's last expression by it.
 *
 * @returns the bundles in their order; none for anything else.
 * @throws {ZartsError} for a chart that cannot be drawn.
 */
export async function bundlesOf(value: unknown, form: Form = 'kept'): Promise<Bundle[]> {
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) return bundlesOfAll(value, form);
  const has = (...names: string[]): boolean => names.every((name) => name in value);
  if (has('title', 'spec') || has('title', 'svg') || has('title', 'columns', 'rows'))
    return [await bundleOf(value as Titled, form)];
  if (has('verdict', 'text')) return [claimsBundle([value as Claim])];
  if (has('normal', 'normalConcat', 'reduce', 'reduceConcat')) {
    const genotype = value as Genotype;
    const svg = cellDiagram(genotype);
    return [await bundleOf({ name: 'genotype', title: printGenotype(genotype), svg }, form)];
  }
  if (has('columns', 'values', 'dtypes')) return bundlesOf(frameTable(value as DataFrame, 'Data frame'));
  const { charts = [], surfaces = [], drawings = [], tables = [], claims = [] } = value as Several;
  return bundlesOfAll([...charts, ...surfaces, ...drawings, ...tables, ...claims], form);
}

/** The bundles of several things, claims last and in one table; none if one of them is nothing to show. */
async function bundlesOfAll(values: readonly unknown[], form: Form): Promise<Bundle[]> {
  const isClaim = (value: unknown): value is Claim =>
    typeof value === 'object' && value !== null && 'verdict' in value;
  const bundles: Bundle[] = [];
  for (const value of values.filter((each) => !isClaim(each))) {
    const found = await bundlesOf(value, form);
    if (found.length === 0) return [];
    bundles.push(...found);
  }
  const claims = values.filter(isClaim);
  return claims.length > 0 ? [...bundles, claimsBundle(claims)] : bundles;
}

/**
 * Shows charts, tables, drawings, surfaces, claims, genotypes or data frames, one or several, or everything that a figure or
 * a comparison has. The last expression of a cell is shown without it.
 *
 * @throws {ZartsError} outside a notebook, and for a chart that cannot be drawn.
 */
export async function display(shown: Showable | readonly Showable[]): Promise<void> {
  for (const bundle of await bundlesOf(shown)) show(bundle);
}
