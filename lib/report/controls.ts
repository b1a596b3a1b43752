/** Sliders and menus in a notebook: what they choose is computed and shown anew when they are moved. */
import { randomBytes } from 'node:crypto';
import { InterruptedError, UsageError, ZartsError } from '../errors.js';
import type { Progress } from '../progress.js';
import { whenStopped } from '../stopped.js';
import { bundlesOf, display, notebookProgress, show, showText, textBundle } from './notebook.js';
import type { Showable } from './notebook.js';
import { escapeHtml } from './table.js';
import {
  boxWidget,
  buttonWidget,
  choiceWidget,
  htmlWidget,
  outputWidget,
  outputsOf,
  showsWidgets,
} from './widgets.js';
import type { Bundle } from './widgets.js';

type Value = string | number;

/** One of a list of values, to be chosen. */
export interface Control<V extends Value = Value> {
  readonly as: 'slider' | 'menu';
  /** What the reader sees beside it. */
  readonly label: string;
  readonly options: readonly V[];
  /** The one that is chosen at first. */
  readonly value: V;
}

/** Controls by name. */
export type Controls = Readonly<Record<string, Control>>;

/** What they choose, by the same names. */
export type Chosen<C extends Controls> = {
  readonly [Name in keyof C]: C[Name] extends Control<infer V> ? V : never;
};

const control =
  (as: Control['as']) =>
  <const V extends Value>(label: string, options: readonly V[], value: V): Control<V> => {
    if (options.includes(value)) return { as, label, options, value };
    throw new UsageError(`${label} cannot begin at ${value}; it is one of ${options.join(', ')}.`);
  };

/** A slider over values in their order. @throws {UsageError} for a first value that is none of them. */
export const slider = control('slider');

/** A menu of values. @throws {UsageError} for a first value that is none of them. */
export const menu = control('menu');

/** Where what was chosen is shown. */
export interface Panel {
  /** Shows it, in the place of what was shown before. */
  show(shown: Showable | readonly Showable[]): Promise<void>;
  /** Says something in the place of what was said before. */
  say(text: string): void;
  /** Says what was not done, with a button that has it done. */
  offer(text: string, button: string): void;
  readonly progress: Progress;
  /** The choice in words: "N = 4 · density = flat". */
  readonly choice: string;
}

/**
 * What is done with a choice.
 *
 * @param asked  Whether it was asked for: by running the cell or with the panel's button, not by moving a control alone.
 */
export type Update<C extends Controls> = (
  chosen: Chosen<C>,
  panel: Panel,
  asked: boolean,
) => void | Promise<void>;

/** The choice in words. */
function wordsOf(controls: Controls, chosen: Readonly<Record<string, Value>>): string {
  return Object.entries(controls)
    .map(([name, { label }]) => `${label} = ${chosen[name]}`)
    .join(' · ');
}

/** Several bundles as one, for where the panel itself cannot be drawn: in files, on code hosts. */
function together(bundles: readonly Bundle[]): Bundle {
  const html = bundles.map((bundle) => {
    const text = String(bundle['text/plain']);
    if ('text/html' in bundle) return String(bundle['text/html']);
    if (!('image/png' in bundle)) return `<pre>${escapeHtml(text)}</pre>`;
    return `<p><img alt="${escapeHtml(text)}" src="data:image/png;base64,${String(bundle['image/png'])}"></p>`;
  });
  return textBundle(html.join('\n'), bundles.map((bundle) => String(bundle['text/plain'])).join('\n'));
}

const captionOf = (words: string): Bundle => textBundle(`<p>${escapeHtml(words)}</p>`, words);

/**
 * Shows controls and, under them, what `update` makes of their first choice; then of each other one, when they are moved. Where
 * nothing draws controls (a notebook that is run headlessly, on a code host) the first choice alone is shown, in words.
 *
 * @throws what `update` throws for the first choice; later ones are said in the panel.
 */
export async function withControls<C extends Controls>(controls: C, update: Update<C>): Promise<void> {
  const first = Object.fromEntries(Object.entries(controls).map(([name, { value }]) => [name, value]));
  await (showsWidgets() ? livePanel(controls, first, update) : stillPanel(controls, first, update));
}

async function stillPanel<C extends Controls>(
  controls: C,
  chosen: Record<string, Value>,
  update: Update<C>,
): Promise<void> {
  const choice = wordsOf(controls, chosen);
  let shown: Showable | readonly Showable[] = [];
  const panel: Panel = {
    choice,
    progress: notebookProgress(),
    show: (what) => {
      shown = what;
      return Promise.resolve();
    },
    say: showText,
    offer: showText,
  };
  await update(chosen as Chosen<C>, panel, true);
  showText(choice);
  await display(shown);
}

/** What is at work in a panel, to be said to have stopped where its JavaScript was stopped. */
let atWork: { readonly stopped: () => void } | undefined;
whenStopped(() => atWork?.stopped());

async function livePanel<C extends Controls>(
  controls: C,
  chosen: Record<string, Value>,
  update: Update<C>,
): Promise<void> {
  const words = htmlWidget();
  const output = outputWidget();
  const button = buttonWidget(() => next(true));
  let shown: readonly unknown[] = [];
  const say = (text: string): void => {
    words.set({ value: escapeHtml(text) });
  };
  const panelOf = (choice: string): Panel => ({
    choice,
    say,
    offer(text, label) {
      say(text);
      button.offer(label);
    },
    async show(what) {
      shown = [what].flat();
      output.set(outputsOf([captionOf(choice), ...(await bundlesOf(what, 'live'))]));
    },
    progress: notebookProgress(() => ({
      show: (bundle) => {
        words.set({ value: bundle['text/html'] });
      },
      end: () => {
        say('');
      },
    })),
  });
  const run = async (asked: boolean): Promise<void> => {
    const panel = panelOf(wordsOf(controls, chosen));
    button.hide();
    say('');
    atWork = {
      stopped: () => {
        panel.offer('Interrupted.', 'Go on');
      },
    };
    try {
      await update({ ...chosen } as Chosen<C>, panel, asked);
    } catch (error) {
      if (error instanceof InterruptedError) panel.offer(error.message, 'Go on');
      else say(error instanceof Error ? error.message : String(error));
      throw error;
    } finally {
      atWork = undefined;
    }
  };
  /** The same for a reader who is told in the panel; what is no mistake of theirs is told under the cell, too. */
  const next = async (asked: boolean): Promise<void> => {
    try {
      await run(asked);
    } catch (error) {
      if (!(error instanceof UsageError || error instanceof ZartsError)) throw error;
    }
  };
  const choices = Object.entries(controls).map(([name, { as, label, options, value }]) =>
    choiceWidget(as, label, options.map(String), options.indexOf(value), (index) => {
      chosen[name] = options[index];
      return next(false);
    }),
  );
  const { view } = boxWidget([boxWidget(choices, true), boxWidget([words, button.widget], true), output]);
  const id = randomBytes(8).toString('hex');
  show({ ...textBundle('', ''), ...view }, id);
  await run(true);
  const kept = [captionOf(wordsOf(controls, chosen)), ...(await bundlesOf(shown))];
  show({ ...together(kept), ...view }, id, true);
}

/**
 * Shows controls and, under them, what a function makes of the choice: at once whenever one is moved. Where nothing draws
 * controls the first choice alone is shown.
 *
 * @throws what the function throws for the first choice.
 */
export async function interact<C extends Controls>(
  controls: C,
  shown: (chosen: Chosen<C>) => Showable | readonly Showable[] | Promise<Showable | readonly Showable[]>,
): Promise<void> {
  await withControls(controls, async (chosen, panel) => {
    await panel.show(await shown(chosen));
  });
}
