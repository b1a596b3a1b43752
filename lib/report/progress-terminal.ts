import type { WriteStream } from 'node:tty';
import { Format, MultiBar } from 'cli-progress';
import { silent } from '../progress.js';
import type { Progress } from '../progress.js';

/** Where and how progress is shown. */
export interface TerminalProgressOptions {
  /** Where it is written; stderr when left out. Bars are drawn where `isTTY` is true, plain lines elsewhere. */
  readonly stream?: Pick<NodeJS.WritableStream, 'write'> & {
    readonly isTTY?: boolean;
    readonly columns?: number;
  };
  /** true: nothing is written. */
  readonly quiet?: boolean;
  /** Least milliseconds between two plain lines (10,000). */
  readonly lineEveryMs?: number;
  /** The clock, in milliseconds. */
  readonly now?: () => number;
}

/**
 * Progress for people: one bar for each open phase, the outermost first, with phase, step, rate, time left and the phase's
 * note. The bars vanish when their phases end, so that results stand alone on the screen. Without a terminal, one plain
 * line every ten seconds at most.
 */
export function terminalProgress(options: TerminalProgressOptions = {}): Progress {
  const { stream = process.stderr, quiet = false, lineEveryMs = 10_000, now = Date.now } = options;
  if (quiet) return silent;
  const open: OpenPhase[] = [];
  const view = stream.isTTY ? bars(stream as WriteStream, open, now) : lines(stream, open, lineEveryMs, now);
  return {
    start(name, total, done = 0) {
      const phase = new OpenPhase(name, total, done, now);
      open.push(phase);
      view.opened(phase);
      return {
        update(current, note) {
          phase.update(current, note);
          view.updated(phase);
        },
        aside: (state) => {
          phase.aside(state);
        },
        end() {
          if (!open.includes(phase)) return;
          open.splice(open.indexOf(phase), 1);
          view.closed(phase);
        },
      };
    },
  };
}

/** What is done on the screen when a phase begins, has moved, and is over. */
type View = Readonly<Record<'opened' | 'updated' | 'closed', (phase: OpenPhase) => void>>;

/** Milliseconds over which a rate is averaged at least: an alpha update makes one step many times longer than the next. */
const RATE_WINDOW_MS = 30_000;

/**
 * The share of the time so far over which it is averaged once that is longer: the runs of a grid are of several kinds, and each is
 * estimated better or worse than the others.
 */
const RATE_SHARE = 1 / 2;

/** How many places at most are remembered of it, about. */
const RATE_PLACES = 200;

/** Steps over which a rate is averaged at least, however long they take. */
const RATE_STEPS = 4;

/** The share of the work that must be done before what is left is reckoned from it. */
const TELLING_SHARE = 0.05;

/** What is known of an open phase. */
export class OpenPhase {
  private note = '';
  private warm = false;
  /** When what comes once began, and how long it took together with what came once before. */
  private asideSince: number | undefined;
  private asideMs = 0;
  private readonly begun: number;
  private readonly begunAt: number;
  private readonly seen: { readonly at: number; readonly done: number }[];

  constructor(
    readonly name: string,
    readonly total: number,
    done: number,
    private readonly now: () => number = Date.now,
  ) {
    this.begun = done;
    this.begunAt = now();
    this.seen = [{ at: this.begunAt, done }];
  }

  /** As lib/progress.ts, Phase.aside. */
  aside(state: 'begins' | 'over'): void {
    if (state === 'begins') this.asideSince ??= this.now();
    else if (this.asideSince !== undefined) {
      this.asideMs += this.now() - this.asideSince;
      this.asideSince = undefined;
    }
  }

  /** The clock without what came once. */
  private time(): number {
    return (this.asideSince ?? this.now()) - this.asideMs;
  }

  get done(): number {
    return this.seen[this.seen.length - 1].done;
  }

  update(done: number, note?: string): void {
    if (note !== undefined) this.note = note;
    if (done === this.done) return;
    const at = this.time();
    this.seen.push({ at, done });
    // The first unit carries what comes once (compiling a step); with a second one there is a better measure.
    if (!this.warm && this.seen.length === 3) {
      this.seen.shift();
      this.warm = true;
    }
    const window = Math.max(RATE_WINDOW_MS, RATE_SHARE * (at - this.begunAt));
    while (this.seen.length > RATE_STEPS && at - this.seen[0].at > window) this.seen.shift();
    // What lies between two places close to each other says nothing that they do not.
    const [before] = this.seen.slice(-3);
    if (this.seen.length > RATE_STEPS && at - before.at < window / RATE_PLACES) this.seen.splice(-2, 1);
  }

  /** Step, rate, time left, note: what stands after the bar. */
  words(): string[] {
    const { total, done, seen } = this;
    const [first, last] = [seen[0], seen[seen.length - 1]];
    const rate = (1000 * (last.done - first.done)) / (last.at - first.at);
    // Of the first unit alone a rate would be that of compiling; of nothing, or of no time, there is none.
    const known = this.warm && rate > 0 && Number.isFinite(rate);
    const left = (total - done) / rate - (this.time() - last.at) / 1000;
    const telling = (done - this.begun) / (total - this.begun) >= TELLING_SHARE;
    return [
      total > 0 ? `${amount(done)}/${amount(total)}` : amount(done),
      ...(known ? [describeRate(rate)] : []),
      ...(known && telling && done < total ? [`${describeSeconds(left)} left`] : []),
      ...(this.note === '' ? [] : [this.note]),
    ];
  }
}

const amount = (value: number): string => (Number.isInteger(value) ? String(value) : value.toFixed(1));

/** "3.4/s", or "2.1 s each" where one takes longer than a second. */
function describeRate(perSecond: number): string {
  const each = 1 / perSecond;
  if (each > 1) return `${each < 10 ? `${each.toFixed(1)} s` : describeSeconds(each)} each`;
  return `${perSecond >= 100 ? Math.round(perSecond) : perSecond.toFixed(1)}/s`;
}

/** Units of time, each with its seconds and how many of it make the next one. */
const UNITS = [
  ['d', 86_400, Infinity],
  ['h', 3600, 24],
  ['min', 60, 60],
  ['s', 1, 60],
] as const;

/**
 * A length of time for people: "45 s", "3 min 20 s", "2 h 5 min", "4 d 3 h".
 *
 * @param seconds  What is below 0 counts as 0.
 */
export function describeSeconds(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const counts = UNITS.map(([unit, size, most]) => ({ unit, count: Math.floor(whole / size) % most }));
  const first = counts.findIndex(({ count }) => count > 0);
  const shown = counts.slice(first, first + 2).filter(({ count }) => count > 0);
  return shown.map(({ unit, count }) => `${count} ${unit}`).join(' ') || '0 s';
}

const BAR_CHARACTERS = 20;
const NAME_CHARACTERS = 32;
const DRAW_EVERY_MS = 200;

/** One bar a phase on a terminal. @param open  The phases under way, in the order in which they were started. */
function bars(stream: WriteStream, open: readonly OpenPhase[], now: () => number): View {
  let all: MultiBar | undefined;
  let drawn = 0;
  const barOf = new Map<OpenPhase, ReturnType<MultiBar['create']>>();
  const erase = (): void => all?.stop();
  const draw = (): void => {
    drawn = now();
    all?.update();
  };
  const line = (phase: OpenPhase, width: number, bar: string): string => {
    const names = open.map(({ name }, depth) => cut('  '.repeat(depth) + name, NAME_CHARACTERS));
    const longest = Math.max(...names.map(({ length }) => length));
    const name = (names[open.indexOf(phase)] ?? '').padEnd(longest);
    return cut(`${name} ${bar} ${phase.words().join('  ')}`, width - 1);
  };
  const begin = (): MultiBar => {
    process.once('exit', erase);
    return new MultiBar({
      stream,
      fps: 1000 / DRAW_EVERY_MS,
      clearOnComplete: true,
      // Rates and times change without a step, and bars move up when one above them ends.
      forceRedraw: true,
      // The terminal is left as it is: lines are cut to its width here instead.
      linewrap: true,
      gracefulExit: false,
      barCompleteChar: '█',
      barIncompleteChar: '░',
      barsize: BAR_CHARACTERS,
      format: (options, { progress, maxWidth }, payload) =>
        line((payload as { phase: OpenPhase }).phase, maxWidth, Format.BarFormat(progress, options)),
    });
  };
  return {
    opened(phase) {
      all ??= begin();
      // A total of 0 is one that is not known.
      const [total, done] = phase.total === 0 ? [1, 0] : [phase.total, phase.done];
      barOf.set(phase, all.create(total, done, { phase }));
      draw();
    },
    updated(phase) {
      if (phase.total > 0) barOf.get(phase)?.update(phase.done);
      // Work that never yields to the event loop would keep the bars' own timer from drawing.
      if (now() - drawn >= DRAW_EVERY_MS) draw();
    },
    closed(phase) {
      const bar = barOf.get(phase);
      barOf.delete(phase);
      if (open.length > 0) {
        if (bar) all?.remove(bar);
        return;
      }
      erase();
      all = undefined;
      process.removeListener('exit', erase);
    },
  };
}

/** Where there is no terminal: a line now and then, about the innermost phase, with the others named before it. */
function lines(
  stream: Pick<NodeJS.WritableStream, 'write'>,
  open: readonly OpenPhase[],
  everyMs: number,
  now: () => number,
): View {
  let last = -Infinity;
  const write = (): void => {
    last = now();
    const innermost = open[open.length - 1];
    const outer = open
      .slice(0, -1)
      .map(({ name, done, total }) => `${name} ${amount(done)}/${amount(total)}`);
    const inner = `${innermost.name} ${innermost.words().join(', ')}`;
    stream.write(`${[...outer, inner].join(' · ')}\n`);
  };
  return {
    // The first line of all tells that the work has begun; later phases wait for their turn.
    opened: () => {
      if (last === -Infinity) write();
    },
    updated: () => {
      if (now() - last >= everyMs) write();
    },
    // A phase that ends says nothing: its result follows.
    closed: () => undefined,
  };
}

const cut = (text: string, characters: number): string =>
  text.length <= characters ? text : `${text.slice(0, Math.max(0, characters - 1))}…`;
