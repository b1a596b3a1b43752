import { setImmediate as yieldToEvents } from 'node:timers/promises';
import { InterruptedError, ZartsError } from '../errors.js';
import { foldIn, key } from '../math/random.js';
import { silent } from '../progress.js';
import type { KeptRun } from '../runs/kept.js';
import { createSolver } from '../solvers/registry.js';
import type { Solver } from '../solvers/solver.js';
import type { PathProtocol, PathSolver } from './landscape-protocol.js';
import type { PlaneObjective } from './objective.js';
import { keptOnPlane } from './on-plane.js';
import type { Measured, OnPlaneOptions } from './on-plane.js';

/**
 * Optimization paths on a landscape (Fig. 1c): a solver moves α in the landscape's plane, whose directions are orthonormal,
 * so that lengths are those of α. Every solver starts at one place and is told losses on the landscape's own batches; after
 * each update all of them train ω by equally many steps.
 */

/** A place in the plane. */
export interface PathPoint {
  readonly x: number;
  readonly y: number;
  /** Height of the landscape there, in nats: with the landscape's own weights, not those that the path has trained. */
  readonly loss: number;
}

/** Where a solver went. Plain JSON. */
export interface PathResult {
  /** The start, then the place after each update. */
  readonly points: readonly PathPoint[];
  /** Losses that the solver was told, and gradients over the plane. */
  readonly evaluations: number;
  readonly gradients: number;
}

/**
 * The path that a protocol describes, through the run store, resumable after each update.
 *
 * @throws {UsageError} for a protocol that does not fit the data; {ZartsError} for missing data, a run that another process
 *         works on, a loss that is not finite; {InterruptedError} after `signal`.
 */
export async function runPath(
  protocol: PathProtocol,
  options: OnPlaneOptions = {},
): Promise<Measured<PathProtocol, PathResult>> {
  return keptOnPlane(protocol, protocol.landscape, options, ({ objective, run }) =>
    followPath(protocol, objective, run, options),
  );
}

/** A path as far as it is known. */
interface Progressed {
  readonly places: readonly (readonly [number, number])[];
  readonly evaluations: number;
  readonly gradients: number;
}

async function followPath(
  protocol: PathProtocol,
  objective: PlaneObjective,
  run: KeptRun,
  { progress = silent, signal }: OnPlaneOptions,
): Promise<PathResult> {
  const { solver, updates, weightSteps, start } = protocol;
  const untrained = objective.state();
  let path: Progressed = { places: [[start.x, start.y]], evaluations: 0, gradients: 0 };
  if (run.from) {
    path = (run.from.meta as unknown as { path: Progressed }).path;
    const { omega, momentum } = run.from.tensors as Record<string, Float32Array>;
    objective.resume({ omega, momentum, steps: (path.places.length - 1) * weightSteps });
  }
  const move = mover(solver, protocol.seed, objective);
  const phase = progress.start(`path ${solver.kind}`, updates, path.places.length - 1);
  try {
    for (let update = path.places.length - 1; update < updates; update++) {
      // Signals and a notebook's interrupts are delivered between updates.
      await yieldToEvents();
      if (signal?.aborted) {
        throw new InterruptedError(
          `Stopped after update ${update} of ${updates} of the path; the same command goes on from there.`,
        );
      }
      const { place, evaluations, gradients } = move(path.places[update], update);
      const [x, y] = place;
      if (!Number.isFinite(x) || !Number.isFinite(y)) {
        throw new ZartsError(
          `Update ${update} of a path by ${solver.kind} leads to (${x}, ${y}); its step size is too large for this landscape.`,
        );
      }
      for (let step = 0; step < weightSteps; step++) objective.train(x, y);
      path = {
        places: [...path.places, place],
        evaluations: path.evaluations + evaluations,
        gradients: path.gradients + gradients,
      };
      const { omega, momentum } = objective.state();
      run.store.saveCheckpoint({
        step: update + 1,
        meta: { path: { ...path } },
        tensors: { omega, momentum },
      });
      phase.update(update + 1);
    }
  } finally {
    phase.end();
  }
  objective.resume(untrained);
  const points = path.places.map(([x, y]) => ({ x, y, loss: objective.lossAt(x, y) }));
  return { points, evaluations: path.evaluations, gradients: path.gradients };
}

/** One update from a place: where it leads, and what was asked for on the way. */
type Move = (
  from: readonly [number, number],
  update: number,
) => { place: readonly [number, number]; evaluations: number; gradients: number };

function mover(settings: PathSolver, seed: number, objective: PlaneObjective): Move {
  if (settings.kind === 'gradient') {
    return ([x, y]) => {
      const [gx, gy] = objective.gradientAt(x, y);
      return { place: [x - settings.step * gx, y - settings.step * gy], evaluations: 0, gradients: 1 };
    };
  }
  return zeroOrderMove(createSolver(settings), seed, objective);
}

/** The zero-order solvers carry nothing but α from update to update, which here is the place. */
function zeroOrderMove(solver: Solver, seed: number, objective: PlaneObjective): Move {
  return (from, update) => {
    const state = { ...solver.init(Float64Array.from(from)), step: update };
    const gradient = solver.needsGradient ? Float64Array.from(objective.gradientAt(...from)) : undefined;
    const asked = solver.ask(state, { key: foldIn(key(seed), update), ...(gradient ? { gradient } : {}) });
    const losses = Float64Array.from(asked.points, (point) => objective.lossAt(point[0], point[1]));
    const [x, y] = solver.tell(state, asked, losses).state.alpha;
    return { place: [x, y], evaluations: asked.points.length, gradients: gradient ? 1 : 0 };
  };
}
