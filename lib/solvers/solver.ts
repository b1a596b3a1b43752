/**
 * The interface of zero-order solvers: ask where the loss is wanted, tell what it was. State goes in and comes out, nothing
 * is kept or changed in between, and no solver knows a tensor. A solver is one file that defines it ({@link defineSolver})
 * and one line in ./registry.ts.
 */
import { z } from 'zod';
import { ZartsError } from '../errors.js';
import type { Key } from '../math/random.js';
import { axpy, norm } from '../math/vec.js';
import type { Vec } from '../math/vec.js';
import { constant, defaultsOf, outOfRange, record } from '../settings.js';
import type { Fault, Preset, SettingsOf, Shape } from '../settings.js';

/** A solver that was given what it cannot work with: an option out of range, losses of the wrong length, no gradient. */
export class SolverError extends ZartsError {
  override readonly name = 'SolverError';
}

/** What a solver carries from step to step: plain data, so that a checkpoint can hold it. */
export interface SolverState {
  /** The current architecture parameters, length d. */
  readonly alpha: Vec;
  /** Updates told so far. */
  readonly step: number;
}

/** Where the loss is wanted. Solvers add what they need again in `tell` (directions, log-densities). */
export interface Asked {
  /** Points of R^d, alpha plus a direction each; `losses[i]` of `tell` belongs to `points[i]`. */
  readonly points: readonly Vec[];
}

/** What `ask` depends on besides the state. */
export interface AskContext {
  /** The key of this step's draws; the same state and key give the same points. */
  readonly key: Key;
  /**
   * g = ∇_α L_val(ω, α) at the weights as they are, length d. Solvers with `needsGradient` refuse to work without it, or with one
   * that is not finite; the others do not read it.
   */
  readonly gradient?: Vec;
  /** Standard deviation σ of the proposal in this step (a schedule's value); without it the solver's own option counts. */
  readonly sigma?: number;
}

/** What `tell` computed, for logging; never an input of a later step. */
export interface Diagnostics {
  /** u*, the step that was taken, length d. */
  readonly update: Vec;
  /** Losses of this step that were not finite (their points were given no weight). */
  readonly discarded: number;
  /** Whether alpha stayed where it was because no point was usable or better. */
  readonly stayed: boolean;
}

/** The state after an update, and how it came about. */
export interface Told<S extends SolverState = SolverState, D extends Diagnostics = Diagnostics> {
  readonly state: S;
  readonly diagnostics: D;
}

/** A zero-order solver: three pure functions with the options closed over. */
export interface Solver<
  S extends SolverState = SolverState,
  A extends Asked = Asked,
  D extends Diagnostics = Diagnostics,
> {
  readonly kind: string;
  /** Whether `ask` needs `ctx.gradient`. */
  readonly needsGradient: boolean;
  /** Loss evaluations that one update costs: the number of points asked for. */
  readonly evaluations: number;
  /** The state at a start. @throws {SolverError} when alpha is empty or not finite. */
  init(alpha: Vec): S;
  /** The points where the loss is wanted. @throws {SolverError} when a gradient is needed and absent or of a wrong length. */
  ask(state: S, ctx: AskContext): A;
  /**
   * The next state. `asked` is what `ask` returned for this state, `losses[i]` the validation loss in nats at
   * `asked.points[i]`. Losses that are not finite are allowed (each solver says what becomes of them).
   *
   * @throws {SolverError} when the number of losses is not the number of points.
   */
  tell(state: S, asked: A, losses: Vec): Told<S, D>;
}

/** What a search with the solver does otherwise than the paper's. */
export interface SolverDeviation {
  readonly sentence: string;
  /** The setting that the sentence is about; none where it holds whatever the settings. */
  readonly of?: string;
}

/** What a search space decides of a solver's settings. */
export interface SpaceStart {
  /** σ of a proposal at the start. */
  readonly sigma: number;
}

/** Where a solver goes from the losses that it was told; whatever else it computed is logged too. */
export interface Move extends Omit<Diagnostics, 'discarded'> {
  /** The next alpha, where it is to be free of the rounding of alpha + update. */
  readonly alpha?: Vec;
}

/** All that is said of a zero-order solver. */
interface SolverDeclaration<
  Id extends string,
  Settings extends Shape<Settings>,
  Variant extends string,
  A extends Asked,
  M extends Move,
> {
  readonly id: Id;
  /** Its name in tables. */
  readonly title: string;
  /** Every setting with its bounds, its default and where that comes from. */
  readonly settings: Settings;
  /** What the presets have otherwise than the defaults. */
  readonly presets?: Partial<Record<Preset, Partial<SettingsOf<Settings>>>>;
  /** Names for the solver under one preset, which stand beside it in tables. */
  readonly variants?: Readonly<Record<Variant, { readonly title: string; readonly preset: Preset }>>;
  /** Settings that the search space decides. */
  readonly inSpace?: (space: SpaceStart) => Partial<SettingsOf<Settings>>;
  /** Settings that follow from others where they are left out. */
  readonly implied?: (given: Partial<SettingsOf<Settings>>) => Partial<SettingsOf<Settings>>;
  /** What is wrong between settings that are each within their bounds. @param name  A setting's name in the sentence. */
  readonly faults?: (settings: SettingsOf<Settings>, name: (setting: string) => string) => readonly Fault[];
  readonly deviations?: (settings: SettingsOf<Settings>, preset: Preset) => readonly SolverDeviation[];
  /** The solver with settings that are whole and checked; it is told as many losses as it asked for. */
  readonly steps: (settings: SettingsOf<Settings>) => Pick<
    Solver<SolverState, A>,
    'needsGradient' | 'evaluations' | 'ask'
  > & {
    tell(state: SolverState, asked: A, losses: Vec): M;
  };
}

/**
 * The definition of a zero-order solver: what the protocol's schema, `--solver`, the presets and the deviations are made from.
 * Its `create` gives the solver with some of its options, the others at their defaults.
 */
export function defineSolver<
  const Id extends string,
  Settings extends Shape<Settings>,
  A extends Asked,
  M extends Move,
  Variant extends string = never,
>(declaration: SolverDeclaration<Id, Settings, Variant, A, M>) {
  type Options = SettingsOf<Settings>;
  const { id, settings, implied, faults, steps } = declaration;
  const defaults = defaultsOf(record(settings)) as Options;
  const schema = z.strictObject({ kind: constant(id), ...settings });
  /** @throws {SolverError} for an option out of range; the message names solver, option, value and bounds. */
  const create = (options: Partial<Options> = {}): Solver<SolverState, A, Omit<M, 'alpha'> & Diagnostics> => {
    const whole: Options = { ...defaults, ...implied?.(options), ...options };
    for (const [name, schema] of Object.entries(settings) as [keyof Options & string, z.ZodType][]) {
      checkSetting(id, name, schema, whole[name]);
    }
    const [fault] = faults?.(whole, (name) => name) ?? [];
    if (fault) throw refused(id, fault);
    const solver = steps(whole);
    return {
      ...solver,
      kind: id,
      init: (alpha) => initialState(id, alpha),
      tell(state, asked, losses) {
        checkLosses(id, losses, asked.points);
        const { alpha, ...found } = solver.tell(state, asked, losses);
        const next = alpha ?? axpy(1, found.update, state.alpha);
        const discarded = losses.reduce((count, loss) => count + (Number.isFinite(loss) ? 0 : 1), 0);
        return { state: { alpha: next, step: state.step + 1 }, diagnostics: { ...found, discarded } };
      },
    };
  };
  return { ...declaration, schema: schema as unknown as SolverSchema<Id, Settings>, defaults, create };
}

/**
 * The schema of a solver's settings in a protocol. Declarations refer to a picked class by its name, so that its comments are
 * completed in notebooks; of a mapped one they would copy the fields without them.
 */
type SolverSchema<Id extends string, Settings extends Shape<Settings>> = z.ZodObject<
  { kind: z.ZodLiteral<Id> } & Pick<Settings, keyof Settings>,
  z.core.$strict
>;

/** Refuses a setting out of range. */
export function checkSetting(id: string, name: string, schema: z.ZodType, value: unknown): void {
  if (schema.safeParse(value).success) return;
  throw refused(id, { path: name, value, must: String(schema.meta()?.bounds) });
}

function refused(id: string, { path, value, must }: Fault): SolverError {
  return new SolverError(`The ${id} solver's ${outOfRange(path, value, must).message}`);
}

/** The start state of solvers, which carry nothing but alpha. */
function initialState(kind: string, alpha: Vec): SolverState {
  if (alpha.length === 0) {
    throw new SolverError(
      `The ${kind} solver got no alphas; a search needs at least one architecture parameter.`,
    );
  }
  const bad = alpha.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0)
    throw new SolverError(
      `The ${kind} solver got alpha[${bad}] = ${alpha[bad]}; every alpha must be finite.`,
    );
  return { alpha: alpha.slice(), step: 0 };
}

/** Refuses losses that do not belong one to one to the points. */
function checkLosses(kind: string, losses: Vec, points: readonly Vec[]): void {
  if (losses.length !== points.length) {
    throw new SolverError(
      `The ${kind} solver asked for ${points.length} losses and was told ${losses.length}; tell one loss for each point, in order.`,
    );
  }
}

/** The sentence for a solver that the released code has only where it draws optimization paths. */
export function onlyInPaths(name: string): string {
  return `The released search script has no ${name}; its settings are those of the released script that draws optimization paths.`;
}

/**
 * The index of the smallest candidate loss that is strictly below the base loss, −1 when there is none. The first among
 * equals wins; a candidate that is not finite never does; a base that is not finite is worse than anything finite.
 */
export function bestCandidate(base: number, candidates: Vec): number {
  let best = Number.isFinite(base) ? base : Infinity;
  let choice = -1;
  candidates.forEach((loss, k) => {
    if (Number.isFinite(loss) && loss < best) {
      best = loss;
      choice = k;
    }
  });
  return choice;
}

/**
 * A step's diagnostics as plain JSON for a metrics line: numbers and flags as they are, the N weights as an array; of the
 * vectors of length d only the norms (`updateNorm`, `gradientNorm`).
 */
export function diagnosticNumbers(diagnostics: object): Record<string, number | boolean | null | number[]> {
  const numbers: Record<string, number | boolean | null | number[]> = {};
  for (const [name, value] of Object.entries(diagnostics) as [string, unknown][]) {
    if (value === null || typeof value === 'number' || typeof value === 'boolean') numbers[name] = value;
    else if (name === 'weights') numbers[name] = Array.from(value as Vec);
    else if (value instanceof Float64Array) numbers[`${name}Norm`] = norm(value);
  }
  return numbers;
}
