import { ZartsError } from '../errors.js';
import { foldIn, key } from '../math/random.js';
import { packState, unpackState } from '../runs/checkpoint.js';
import { inSteps } from '../runs/steps.js';
import { measuredStep } from '../solvers/alpha-step.js';
import { createSolver } from '../solvers/registry.js';
import type { PathProtocol, PathSolver } from './landscape-protocol.js';
import type { ObjectiveState, PlaneObjective, PlaneOptions, PlaneWork } from './plane.js';

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

type Place = readonly [number, number];

/** A path as far as it is known, and ω after it. */
interface Progressed {
  readonly places: readonly Place[];
  readonly evaluations: number;
  readonly gradients: number;
  readonly weights: ObjectiveState;
}

/**
 * The path that a protocol describes, resumable after each update.
 *
 * @throws {ZartsError} for a loss that is not finite; {InterruptedError} after `signal`.
 */
export async function followPath(
  { solver, seed, updates, weightSteps, start }: PathProtocol,
  { objective, run }: PlaneWork,
  options: PlaneOptions,
): Promise<PathResult> {
  const untrained = objective.state();
  let path: Progressed = { places: [[start.x, start.y]], evaluations: 0, gradients: 0, weights: untrained };
  if (run.from) {
    path = unpackState(run.from);
    objective.resume(path.weights);
  }
  const move = mover(solver, seed, objective);
  const done = (): number => path.places.length - 1;
  await inSteps(
    {
      title: `path ${solver.kind}`,
      total: updates,
      position: done,
      step: () => {
        const { place, evaluations, gradients } = move(path.places[done()], done());
        const [x, y] = place;
        if (!Number.isFinite(x) || !Number.isFinite(y)) {
          throw new ZartsError(
            `Update ${done()} of a path by ${solver.kind} leads to (${x}, ${y}); its step size is too large for this landscape.`,
          );
        }
        for (let step = 0; step < weightSteps; step++) objective.train(x, y);
        path = {
          places: [...path.places, place],
          evaluations: path.evaluations + evaluations,
          gradients: path.gradients + gradients,
          weights: objective.state(),
        };
        return true;
      },
      place: () => `update ${done()} of ${updates} of the path`,
      checkpoint: () => ({ step: done(), ...packState(path) }),
    },
    { ...options, store: run.store },
  );
  objective.resume(untrained);
  const points = path.places.map(([x, y]) => ({ x, y, loss: objective.lossAt(x, y) }));
  return { points, evaluations: path.evaluations, gradients: path.gradients };
}

/** One update from a place: where it leads, and what was asked for on the way. */
type Move = (from: Place, update: number) => { place: Place; evaluations: number; gradients: number };

function mover(settings: PathSolver, seed: number, objective: PlaneObjective): Move {
  if (settings.kind === 'gradient') {
    return ([x, y]) => {
      const [gx, gy] = objective.gradientAt(x, y);
      return { place: [x - settings.step * gx, y - settings.step * gy], evaluations: 0, gradients: 1 };
    };
  }
  const solver = createSolver(settings);
  return (from, update) => {
    // Zero-order solvers carry nothing but α from update to update, which here is the place.
    const state = { ...solver.init(Float64Array.from(from)), step: update };
    const gradient = solver.needsGradient
      ? { gradient: Float64Array.from(objective.gradientAt(...from)) }
      : {};
    const context = { key: foldIn(key(seed), update), ...gradient };
    const { losses, ...told } = measuredStep(solver, state, context, ([x, y]) => objective.lossAt(x, y));
    const [x, y] = told.state.alpha;
    return { place: [x, y], evaluations: losses.length, gradients: solver.needsGradient ? 1 : 0 };
  };
}
