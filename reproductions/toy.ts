/**
 * Experiments on toy functions, where the gradient is known: from a protocol to rows of numbers, through the run store. Every
 * random number comes from the protocol's seed. What is compared with each other (densities, error-free and noisy losses)
 * sees the same draws.
 */
import { setImmediate } from 'node:timers/promises';
import { Estimates } from '../lib/analysis/estimators.js';
import { propositionStep } from '../lib/analysis/proposition-1.js';
import { linear, onBatch, quadratic, quartic, rosenbrock, toyStep } from '../lib/analysis/toy.js';
import type { ToyFunction } from '../lib/analysis/toy.js';
import { InterruptedError } from '../lib/errors.js';
import { foldIn, key, normal, sphere } from '../lib/math/random.js';
import type { Key } from '../lib/math/random.js';
import { axpy, dot, norm, scale, squaredDistance } from '../lib/math/vec.js';
import type { Vec } from '../lib/math/vec.js';
import { silent } from '../lib/progress.js';
import { thisMachine } from '../lib/runs/environment.js';
import type { KeptOptions, Kind } from '../lib/runs/kept.js';
import { mgs } from '../lib/solvers/mgs.js';
import { createSolver } from '../lib/solvers/registry.js';
import type { SolverSpec } from '../lib/solvers/registry.js';
import { RS_ESTIMATORS, RS_LAWS, rs } from '../lib/solvers/rs.js';
import type { ToyExperiment, ToyProtocol, ToySettings } from './toy-protocol.js';

export type { ToyProtocol } from './toy-protocol.js';

/** A piece of an experiment that is computed in one go. */
interface Job<R> {
  /** Coordinates drawn or read: what the time is proportional to. */
  readonly work: number;
  run(): R[];
}

/** A key that depends on what the numbers say and on nothing else. */
function keyOf(seed: number, ...numbers: readonly number[]): Key {
  // Settings such as σ are no integers; a millionth is fine enough to tell them apart.
  return numbers.reduce((from, value) => foldIn(from, Math.round(value * 1e6)), key(seed));
}

/** How many updates have so many directions together: at least two, for a spread. */
const updatesOf = (draws: number, samples: number): number => Math.max(2, Math.round(draws / samples));

const indexOfLargest = (values: Vec | readonly number[]): number => values.indexOf(Math.max(...values));

/** How estimates from numbered keys compare with the truth, and the means of what else each has. */
function compared<Name extends string>(
  truth: Vec,
  from: Key,
  count: number,
  take: (key: Key) => readonly [estimate: Vec, also: Readonly<Record<Name, number>>],
) {
  const estimates = new Estimates(truth);
  const tilted = truth.length > 1 ? new Estimates(turned(truth, TILT)) : undefined;
  const means = {} as Record<Name, number>;
  for (let i = 0; i < count; i++) {
    const [estimate, also] = take(foldIn(from, i));
    estimates.add(estimate);
    tilted?.add(estimate);
    for (const name of Object.keys(also) as Name[]) means[name] = (means[name] ?? 0) + also[name] / count;
  }
  return {
    ...estimates.compare(),
    /** `tangentSquared` against an axis that lies {@link TILT} off the truth's; on a line there is no other. */
    tiltedTangentSquared: tilted?.compare().tangentSquared ?? null,
    ...means,
  };
}

/** An angle that must be seen, in degrees. */
export const TILT = 10;

/** A vector of two or more dimensions turned by so many degrees, towards the coordinate that it has least of. */
function turned(vector: Vec, degrees: number): Vec {
  const angle = (degrees * Math.PI) / 180;
  const least = indexOfLargest(vector.map((value) => -Math.abs(value)));
  const aside = vector.map((value, j) => Number(j === least) - (value * vector[least]) / dot(vector, vector));
  return axpy((Math.sin(angle) * norm(vector)) / norm(aside), aside, scale(Math.cos(angle), vector));
}

// ---- RS ----

/** The estimate of RS at each setting, against the true gradient. Lengths in units of ‖g‖. */
function rsJobs(seed: number, settings: ToySettings['rs']) {
  const { dimension, samplesSweep, muSweep, repeats, draws } = settings;
  const forms = [
    { function: 'quadratic', estimator: 'multi-point' } as const,
    ...RS_ESTIMATORS.map((estimator) => ({ function: 'quartic', estimator }) as const),
  ];
  const biased = { function: 'quartic', estimator: 'multi-point' } as const;
  const places = RS_LAWS.flatMap((law) => [
    ...muSweep.flatMap((mu) =>
      forms.map((form) => {
        const samples = form.estimator === 'multi-point' ? settings.samples : 1;
        return { ...form, law, samples, mu, varied: 'mu' as const };
      }),
    ),
    ...samplesSweep.map((samples) => {
      return { ...forms[0], law, samples, mu: settings.mu, varied: 'samples' as const };
    }),
    // Where bias keeps it from the limit.
    ...[...new Set([Math.min(...samplesSweep), Math.max(...samplesSweep)])].map((samples) => {
      return { ...biased, law, samples, mu: Math.max(...muSweep), varied: 'samples' as const };
    }),
  ]);
  return places.map((place) => {
    const { law, estimator, samples, mu, varied } = place;
    const count = varied === 'mu' ? repeats : updatesOf(draws, samples);
    return {
      work: count * samples * dimension,
      run() {
        const toy = place.function === 'quadratic' ? quadratic(dimension) : quartic(dimension);
        const solver = rs({ law, estimator, samples, mu });
        const state = solver.init(toy.start);
        const truth = toy.gradient(toy.start);
        const smoothed = toy.smoothedGradient(toy.start, law, mu);
        // The same directions without errors on the losses and with them, and for every μ: what changes along a curve is μ alone.
        const found = [0, settings.noise].map((noise) => ({ noise, estimates: new Estimates(truth) }));
        for (let i = 0; i < count; i++) {
          const stepKey = foldIn(keyOf(seed, 1, samples, RS_LAWS.indexOf(law)), i);
          const asked = solver.ask(state, { key: foldIn(stepKey, 0) });
          const losses = Float64Array.from(asked.points, (point) => toy.loss(point));
          const errors = normal(foldIn(stepKey, 1), losses.length);
          for (const { noise, estimates } of found) {
            estimates.add(solver.tell(state, asked, axpy(noise, errors, losses)).diagnostics.gradient);
          }
        }
        return found.map(({ noise, estimates }) => ({
          ...place,
          /** Standard deviation of the error on each loss; 0 for none. */
          noise,
          /** What the gain is in expectation, in closed form: that of the smoothed gradient (Eq. 14). */
          expectedGain: dot(smoothed, truth) / dot(truth, truth),
          ...estimates.compare(),
        }));
      },
    };
  });
}

/** The variance of one RS estimate of a linear loss's gradient, in units of ‖g‖². */
export function linearVariance({ law, samples }: ToyRows['rs'], d: number): number {
  return (d + (law === 'normal' ? 1 : -1)) / samples;
}

// ---- MGS ----

/** The step of MGS at each setting on a linear loss, as an estimate of −g. Lengths in units of ‖g‖. */
function mgsJobs(seed: number, settings: ToySettings['mgs']) {
  const { densities, sigmas, tau, gradientNorm, repeats, draws } = settings;
  const places = sigmas.flatMap((sigma) => [
    ...densities.flatMap((density) => {
      const { lambda, samples, dimension } = settings;
      const place = { sigma, density, lambda, samples, dimension };
      return [
        ...settings.samplesSweep.map((n) => ({ ...place, samples: n, varied: 'samples' as const })),
        ...settings.dimensionSweep.map((d) => ({ ...place, dimension: d, varied: 'dimension' as const })),
      ];
    }),
    // On the way to the limit: with the loss alone in the weights, around −g and, without any gradient, around 0.
    ...[0, 1].flatMap((lambda) => {
      const place = { sigma, density: 'flat' as const, lambda, dimension: settings.dimension };
      return settings.limitSweep.map((samples) => ({ ...place, samples, varied: 'limit' as const }));
    }),
  ]);
  return places.map(({ varied, dimension, ...options }) => {
    const { samples, sigma } = options;
    const count = varied === 'limit' ? updatesOf(draws, samples) : repeats;
    return {
      work: count * samples * dimension,
      run() {
        const from = keyOf(seed, 2, dimension, samples, sigma);
        const toy = linear(scale(gradientNorm, sphere(foldIn(from, 0), dimension)));
        const downhill = scale(-1, toy.gradient(toy.start));
        const solver = mgs({ ...options, tau });
        const steps = compared(downhill, foldIn(from, 1), count, (stepKey) => {
          const step = toyStep(solver, solver.init(toy.start), toy, { key: stepKey });
          const { update, esr, weights } = step.diagnostics;
          const equal = solver.tell(step.state, step.asked, new Float64Array(samples));
          const distances = step.asked.directions.map((u) => squaredDistance(u, downhill));
          const also = {
            esr,
            /** R_e of the same draws when all losses are told to be equal: what the density does alone. */
            esrEqual: equal.diagnostics.esr,
            /** Whether the direction farthest from −g has the largest weight; by chance in one of N updates. */
            farthest: Number(indexOfLargest(weights) === indexOfLargest(distances)),
          };
          return [update, also];
        });
        return [{ varied, dimension, ...options, ...steps }];
      },
    };
  });
}

/** The step of MGS restricted to a ball on a linear loss, as an estimate of Proposition 1's. Lengths in units of its length. */
function propositionJobs(seed: number, settings: ToySettings['proposition']) {
  const { dimensions, epsilon, sharpness, samplesSweep, draws } = settings;
  const places = dimensions.flatMap((dimension) => samplesSweep.map((samples) => ({ dimension, samples })));
  return places.map(({ dimension, samples }) => {
    const count = updatesOf(draws, samples);
    return {
      work: count * samples * dimension,
      run() {
        const from = keyOf(seed, 3, dimension, samples);
        // Only s = ε‖g‖/τ matters: ‖g‖ = 1.
        const toy = linear(sphere(foldIn(from, 0), dimension));
        const tau = epsilon / (sharpness * (dimension + 2));
        const expected = propositionStep(toy.gradient(toy.start), { epsilon, tau });
        // σ = ε/√d: draws about as long as the ball is wide, of which about half lie in it.
        const sigma = epsilon / Math.sqrt(dimension);
        const solver = mgs({ samples, lambda: 1, sigma, tau, clipNorm: epsilon });
        const steps = compared(expected, foldIn(from, 1), count, (stepKey) => {
          const { diagnostics } = toyStep(solver, solver.init(toy.start), toy, { key: stepKey });
          /** Outside: of the directions those outside the ball. */
          return [diagnostics.update, { esr: diagnostics.esr, outside: diagnostics.outside / samples }];
        });
        /** The step in closed form, in units of ε. */
        const closedForm = norm(expected) / epsilon;
        return [{ dimension, samples, closedForm, ...steps }];
      },
    };
  });
}

// ---- Descents ----

/** Functions of the descents: a quadratic, the same with another batch every update, Rosenbrock's valley. */
export const DESCENT_FUNCTIONS = ['quadratic', 'batches', 'Rosenbrock'] as const;

/** The name under which first-order DARTS goes, with plain steps along −g. */
export const GRADIENT_DESCENT = 'gradient descent';

/** GLD as in the paper, and as it is released: its base is not fine-tuned where its candidates are. */
export const GLD_NAMES = { paper: 'GLD', released: 'GLD, base not tuned' } as const;

/** A way down: where it goes from a point, on one batch, and what that costs in loss evaluations (a gradient counts as one). */
function descender(name: string, spec: SolverSpec, basePenalty = 0) {
  const solver = createSolver(spec);
  const cost = solver.evaluations + Number(solver.needsGradient);
  const step = (alpha: Vec, batch: ToyFunction, key: Key): Vec =>
    toyStep(solver, solver.init(alpha), batch, { key, basePenalty }).state.alpha;
  return { name, cost, step };
}

function descenders(valley: boolean, untuned: number) {
  // In the valley a gradient step of length 1 would end far outside: short steps, and MGS without the gradient.
  const xi = valley ? 1e-3 : 1;
  const flat = { kind: 'mgs', density: 'flat', sigma: valley ? 0.1 : 0.2, tau: 0.01 } as const;
  const along = (alpha: Vec, batch: ToyFunction): Vec => axpy(-xi, batch.gradient(alpha), alpha);
  const ways = [
    { name: GRADIENT_DESCENT, cost: 1, step: along },
    descender('RS', { kind: 'rs', ...(valley ? { mu: 1e-3, xi: 3e-4 } : {}) }),
    !valley && descender('MGS, literal density', { ...flat, density: 'literal' }),
    !valley && descender('MGS, flat density', flat),
    descender('MGS, flat, no gradient', { ...flat, lambda: 1 }),
    descender(GLD_NAMES.paper, { kind: 'gld' }),
    !valley && descender(GLD_NAMES.released, { kind: 'gld' }, untuned),
    descender('random search', { kind: 'random-alpha' }),
  ];
  return ways.filter((way) => way !== false);
}

/** Points of a path, evenly spaced on a logarithmic axis. */
const PATH_POINTS = 30;
const FIRST_EVALUATIONS = 10;

/** Each solver on its way down each function. */
function descentJobs(seed: number, { dimension, evaluations, batchNoise, untuned }: ToySettings['descent']) {
  return DESCENT_FUNCTIONS.flatMap((name, which) => {
    const valley = name === 'Rosenbrock';
    const toy = valley ? rosenbrock() : quadratic(dimension);
    const noise = name === 'batches' ? batchNoise : 0;
    return descenders(valley, untuned).map(({ name: solver, cost, step }, w) => ({
      work: 2 * evaluations * toy.start.length,
      run() {
        const updates = Math.floor(evaluations / cost);
        // Every solver meets the same batches.
        const [batchKey, stepKey] = [keyOf(seed, 4, which), keyOf(seed, 5, which, w)];
        let [alpha, rises, trueRises] = [toy.start, 0, 0];
        const losses = [toy.loss(alpha)];
        for (let i = 0; i < updates; i++) {
          const batch = onBatch(toy, foldIn(batchKey, i), noise);
          const next = step(alpha, batch, foldIn(stepKey, i));
          rises += Number(batch.loss(next) > batch.loss(alpha));
          losses.push(toy.loss(next));
          trueRises += Number(losses[i + 1] > losses[i]);
          alpha = next;
        }
        /** The loss itself after so many evaluations. */
        const path = Array.from({ length: PATH_POINTS }, (_, i) => {
          const spent = FIRST_EVALUATIONS * (evaluations / FIRST_EVALUATIONS) ** (i / (PATH_POINTS - 1));
          const loss = losses[Math.min(updates, Math.floor(spent / cost))];
          return { evaluations: Math.round(spent), loss };
        });
        // Shares of updates after which the loss on their own batch is higher than before, and the mean over all batches.
        const shares = { rises: rises / updates, trueRises: trueRises / updates };
        return [{ function: name, solver, updates, ...shares, path }];
      },
    }));
  });
}

// ---- Runs ----

const JOBS = { rs: rsJobs, mgs: mgsJobs, proposition: propositionJobs, descent: descentJobs };

/** The rows of each experiment. */
export type ToyRows = {
  readonly [E in ToyExperiment]: ReturnType<ReturnType<(typeof JOBS)[E]>[number]['run']>[number];
};

/** The pieces of an experiment, in the order of its rows. */
function jobsOf({ experiment, seed, settings }: ToyProtocol): Job<ToyRows[ToyExperiment]>[] {
  // Each experiment is given its own settings: the protocol's type says so, but not to the compiler.
  const jobs = JOBS[experiment] as (seed: number, settings: object) => Job<ToyRows[ToyExperiment]>[];
  return jobs(seed, settings);
}

/** What an experiment measured. Plain JSON. */
export interface ToyResult {
  readonly rows: readonly ToyRows[ToyExperiment][];
}

/** Milliseconds of computing between two looks at the outside world. */
const BREATH_MS = 50;

/** Experiments on toy functions as a kind of run. One takes seconds, so that a stopped one begins anew. */
export const TOY: Kind<ToyProtocol, { readonly digest: string }, ToyResult, object, KeptOptions> = {
  // They read no data: the same for every run.
  data: () => Promise.resolve({ digest: 'none' }),
  async compute({ protocol }, { progress = silent, signal }) {
    const jobs = jobsOf(protocol);
    const total = jobs.reduce((sum, { work }) => sum + work, 0);
    const phase = progress.start(`toy ${protocol.experiment}`, Math.ceil(total / 1000));
    const rows: ToyRows[ToyExperiment][] = [];
    let [within, breath] = [0, 0];
    for (const job of jobs) {
      if (performance.now() - breath > BREATH_MS) {
        phase.update(Math.ceil(within / 1000));
        await setImmediate();
        if (signal?.aborted) throw new InterruptedError('Stopped; finished runs are kept.');
        breath = performance.now();
      }
      rows.push(...job.run().map(shortened));
      within += job.work;
    }
    phase.end();
    return { rows };
  },
  engine: () => null,
  provenance: (_, seconds) => ({ ...thisMachine(), engine: null, data: null, seconds }),
};

/** Seven digits of every number: more than any of these means is worth, and half the size of the record. */
function shortened<Row extends object>(row: Row): Row {
  const digits = (_: string, value: unknown): unknown =>
    typeof value === 'number' ? Number(value.toPrecision(7)) : value;
  return JSON.parse(JSON.stringify(row, digits)) as Row;
}

/** Seconds for a coordinate drawn or read on one core of the machine of cost.ts, by experiment. */
const SECONDS: Readonly<Record<ToyExperiment, number>> = {
  rs: 7.5e-7,
  mgs: 2.3e-7,
  proposition: 2.3e-7,
  descent: 3.5e-7,
};

/** Seconds that a run takes, an estimate. */
export function toySeconds(protocol: ToyProtocol): number {
  return jobsOf(protocol).reduce((sum, { work }) => sum + work, 0) * SECONDS[protocol.experiment];
}
