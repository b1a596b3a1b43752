import { expect } from 'chai';
import fc from 'fast-check';
import { summarize } from '../../lib/analysis/statistics.js';
import { quadratic, rosenbrock, toyStep } from '../../lib/analysis/toy.js';
import type { ToyFunction } from '../../lib/analysis/toy.js';
import { UsageError } from '../../lib/errors.js';
import { foldIn, key, normal, permutation, sphere } from '../../lib/math/random.js';
import { axpy, dot } from '../../lib/math/vec.js';
import type { Vec } from '../../lib/math/vec.js';
import { MGS } from '../../lib/solvers/mgs.js';
import { createSolver, ZERO_ORDER } from '../../lib/solvers/registry.js';
import type { SolverSpec } from '../../lib/solvers/registry.js';
import { RS } from '../../lib/solvers/rs.js';
import { diagnosticNumbers } from '../../lib/solvers/solver.js';
import type { Asked, Solver, SolverState } from '../../lib/solvers/solver.js';
import { behavesAsSolver, goesDown } from './contract.js';
import { QUADRATIC, descend, bestOf, expectedRsLoss, mgsBound } from './reach.js';

const ROSENBROCK = rosenbrock();
const SEEDS = [1, 2, 3, 4, 5];
/** Updates on the quadratic and in the valley, and the errors on the noisy losses, in nats. */
const [UPDATES, VALLEY_UPDATES, NOISE] = [400, 2000, 0.05];
/** For each of five seeds the expectation may be exceeded by this factor: a chance of 1 in 20 at most (Markov). */
const LUCK = 20;

/** Most loss that may be left, in nats: the mean over the last quarter of the updates. */
interface Reach {
  readonly quadratic: number;
  /** With independent errors of {@link NOISE} on every loss. */
  readonly noisy: number;
  readonly rosenbrock: number;
}

/** A solver with its options, other ones for the valley (whose curvature is 1000 times larger), and what it must reach. */
interface Row {
  readonly name: string;
  readonly spec: SolverSpec;
  readonly valley: SolverSpec;
  readonly reach: Reach;
}

const START = { quadratic: QUADRATIC.loss(QUADRATIC.start), rosenbrock: ROSENBROCK.loss(ROSENBROCK.start) };

/** Where no rate is known the bound is twice what the worst of the five seeds left. */
const measured = (worst: number): number => 2 * worst;

type RsSpec = SolverSpec & { readonly kind: 'rs'; readonly xi: number };

/** In the valley RS with a small μ is gradient descent with a noisy gradient: four fifths of its gain are asked for. */
function descentBound({ xi }: RsSpec): number {
  const losses: number[] = [];
  for (let alpha = ROSENBROCK.start, i = 0; i <= VALLEY_UPDATES; i++) {
    losses.push(ROSENBROCK.loss(alpha));
    alpha = axpy(-xi, ROSENBROCK.gradient(alpha), alpha);
  }
  return losses[0] - 0.8 * (losses[0] - lastQuarter(losses));
}

function rsRow(name: string, spec: RsSpec, valley: RsSpec): Row {
  const at = (noise: number): number => LUCK * lastQuarter(expectedRsLoss(spec, UPDATES, noise));
  return {
    name,
    spec,
    valley,
    reach: { quadratic: at(0), noisy: at(NOISE), rosenbrock: descentBound(valley) },
  };
}

const ONE_POINT = {
  spec: { kind: 'rs', estimator: 'one-point', mu: 0.3, xi: 5e-4 },
  valley: { kind: 'rs', estimator: 'one-point', mu: 0.1, xi: 1e-5 },
} as const;

/** Fluctuations of a mean over a hundred updates, most of them independent of each other. */
const FLUCTUATION = 1.5;
const DRAWS = { samples: 8, sigma: 0.1, tau: 0.1 } as const;

/** Forms of the solvers of which it is known what they must reach. */
const ROWS: readonly Row[] = [
  rsRow('rs on the sphere', { kind: 'rs', mu: 0.3, xi: 0.05 }, { kind: 'rs', mu: 1e-3, xi: 3e-4 }),
  rsRow(
    'rs, normal law',
    { kind: 'rs', law: 'normal', mu: 0.3, xi: 0.05 },
    { kind: 'rs', law: 'normal', mu: 1e-3, xi: 3e-4 },
  ),
  rsRow(
    'rs, two-point',
    { kind: 'rs', estimator: 'two-point', samples: 1, mu: 0.3, xi: 0.02 },
    { kind: 'rs', estimator: 'two-point', mu: 1e-3, xi: 2e-4 },
  ),
  {
    name: 'rs, one-point',
    ...ONE_POINT,
    // Its variance is that of the loss itself: it creeps, and not much of the start may be expected to go.
    reach: {
      quadratic: 0.98 * START.quadratic,
      noisy: 0.98 * START.quadratic,
      rosenbrock: descentBound(ONE_POINT.valley),
    },
  },
  ...(['literal', 'flat', 'released'] as const).map((density) => ({
    name: `mgs, ${density} density`,
    spec: { kind: 'mgs', density, ...DRAWS } as const,
    // A gradient step of length 1 leaves the valley for good: without the gradient.
    valley: { kind: 'mgs', density, lambda: 1, ...DRAWS } as const,
    reach: {
      quadratic: FLUCTUATION * mgsBound(DRAWS),
      noisy: FLUCTUATION * mgsBound(DRAWS),
      rosenbrock: measured(0.236),
    },
  })),
  {
    name: 'mgs without gradient',
    spec: { kind: 'mgs', density: 'flat', lambda: 1, ...DRAWS },
    valley: { kind: 'mgs', density: 'flat', lambda: 1, ...DRAWS, tau: 0.01 },
    reach: { quadratic: measured(0.061), noisy: measured(0.071), rosenbrock: measured(0.276) },
  },
  {
    name: 'gld',
    spec: { kind: 'gld' },
    valley: { kind: 'gld' },
    reach: { quadratic: measured(2.8e-8), noisy: measured(0.167), rosenbrock: measured(1.5e-8) },
  },
  {
    name: 'random-alpha',
    spec: { kind: 'random-alpha', samples: 8 },
    valley: { kind: 'random-alpha', samples: 8 },
    reach: {
      quadratic: bestOf(QUADRATIC, 8 * UPDATES),
      // A draw may replace a better point by as much as the errors of both, four standard deviations at most.
      noisy: bestOf(QUADRATIC, 8 * UPDATES) + 4 * Math.SQRT2 * NOISE,
      rosenbrock: bestOf(ROSENBROCK, 8 * VALLEY_UPDATES),
    },
  },
];

/** Loss left after a descent. */
function left(spec: SolverSpec, toy: ToyFunction, updates: number, seed: number, noise = 0): number {
  const states = descend(createSolver(spec), toy, updates, { key: key(seed), noise });
  return lastQuarter(states.map(({ alpha }) => toy.loss(alpha)));
}

function lastQuarter(losses: readonly number[]): number {
  const last = losses.slice(-Math.floor(losses.length / 4));
  return last.reduce((a, b) => a + b) / last.length;
}

const onePoint = (spec: SolverSpec): boolean => spec.kind === 'rs' && spec.estimator === 'one-point';

/** A state somewhere, what is asked there, and different whole numbers as losses. */
function question(solver: Solver, seed: number) {
  const state: SolverState = { alpha: normal(key(seed), 4), step: 7 };
  const asked = solver.ask(state, { key: foldIn(key(seed), 1), gradient: normal(foldIn(key(seed), 2), 4) });
  const order = permutation(foldIn(key(seed), 4), asked.points.length);
  return { state, asked, losses: Float64Array.from(order, (rank) => rank - 2) };
}

function closeTo(actual: Vec, expected: Vec): void {
  const size = 1 + Math.max(...expected.map(Math.abs));
  actual.forEach((value, j) => expect(value).to.be.closeTo(expected[j], 1e-9 * size));
}

/** Whether the solver goes to the same place when the same question is put, and answered, in another form. */
function expectSame(
  solver: Solver,
  change: (losses: Vec, asked: Asked, seed: number) => { losses: Vec; asked?: Asked; solver?: Solver },
): void {
  fc.assert(
    fc.property(fc.maxSafeNat(), (seed) => {
      const { state, asked, losses } = question(solver, seed);
      const other = change(losses, asked, seed);
      const there = (other.solver ?? solver).tell(state, other.asked ?? asked, other.losses).state;
      closeTo(there.alpha, solver.tell(state, asked, losses).state.alpha);
    }),
  );
}

function expectOther(solver: Solver, change: (losses: Vec) => Vec): void {
  const { state, asked, losses } = question(solver, 1);
  const [here, there] = [losses, change(losses)].map((told) => solver.tell(state, asked, told).state);
  expect(here.alpha).to.not.deep.equal(there.alpha);
}

/** The candidates in another order, with what belongs to each; the base, where it is asked for, stays first. */
function permuted(spec: SolverSpec, asked: Asked, losses: Vec, seed: number): { losses: Vec; asked: Asked } {
  const first = spec.kind === 'gld' || spec.kind === 'random-alpha' ? 1 : 0;
  const stride = spec.kind === 'rs' && !onePoint(spec) ? 2 : 1;
  const { points, directions, logQ } = asked as Asked & { directions?: readonly Vec[]; logQ?: Vec };
  const order = permutation(foldIn(key(seed), 5), (points.length - first) / stride);
  const places = [
    ...Array.from({ length: first }, (_, i) => i),
    ...[...order].flatMap((i) => Array.from({ length: stride }, (_, j) => first + i * stride + j)),
  ];
  const moved = {
    ...asked,
    points: places.map((i) => points[i]),
    ...(directions ? { directions: Array.from(order, (i) => directions[i]) } : {}),
    ...(logQ ? { logQ: Float64Array.from(order, (i) => logQ[i]) } : {}),
  };
  return { losses: Float64Array.from(places, (i) => losses[i]), asked: moved };
}

/** The reflection at the plane across a unit vector: orthogonal, and its own inverse. */
function reflection(normalVector: Vec): (x: Vec) => Vec {
  return (x) => axpy(-2 * dot(normalVector, x), normalVector, x);
}

describe('every solver', () => {
  it('is found by its kind, and a mistyped one is answered with the nearest', () => {
    expect(() => createSolver({ kind: 'msg' } as unknown as SolverSpec)).to.throw(UsageError, /"mgs"/);
  });

  for (const { id, create } of ZERO_ORDER) {
    describe(`${id}, at its defaults`, () => {
      behavesAsSolver(create());
      goesDown(create());
    });
  }

  for (const { name, spec, valley, reach } of ROWS) {
    describe(name, () => {
      const solver = createSolver(spec);

      const texts = [reach.quadratic, reach.noisy, reach.rosenbrock].map((bound) => bound.toPrecision(2));
      it(`leaves at most ${texts[0]} nats of a quadratic, ${texts[1]} under noise, ${texts[2]} of Rosenbrock`, () => {
        for (const seed of SEEDS) {
          const most = (value: number, bound: number, what: string) =>
            expect(value, `${what}, seed ${seed}`).to.be.at.most(bound);
          most(left(spec, QUADRATIC, UPDATES, seed), reach.quadratic, 'quadratic');
          most(left(spec, QUADRATIC, UPDATES, seed, NOISE), reach.noisy, 'noisy quadratic');
          most(left(valley, ROSENBROCK, VALLEY_UPDATES, seed), reach.rosenbrock, 'Rosenbrock');
        }
      });

      it('is asked for less than the start has', () => {
        expect(reach.quadratic).to.be.below(START.quadratic);
        expect(reach.noisy).to.be.below(START.quadratic);
        expect(reach.rosenbrock).to.be.below(START.rosenbrock);
      });

      behavesAsSolver(solver);

      it('does not change when a constant is added to all losses', () => {
        // Whole numbers, so that no sum is rounded. The one-point form is the one that depends on the level.
        if (onePoint(spec)) return expectOther(solver, (losses) => losses.map((loss) => loss + 64));
        expectSame(solver, (losses) => ({ losses: losses.map((loss) => loss + 64) }));
      });

      it('does not change when losses, temperature and step size are rescaled together', () => {
        const factor = 0.25;
        const rescaled = createSolver(
          spec.kind === 'mgs'
            ? { ...spec, tau: factor * (spec.tau ?? MGS.defaults.tau) }
            : spec.kind === 'rs'
              ? { ...spec, xi: (spec.xi ?? RS.defaults.xi) / factor }
              : spec,
        );
        expectSame(solver, (losses) => ({ losses: losses.map((loss) => factor * loss), solver: rescaled }));
      });

      it('does not change when the candidates change places', () => {
        expectSame(solver, (losses, asked, seed) => permuted(spec, asked, losses, seed));
      });

      it('turns with its candidates: a rotated question has the rotated answer', () => {
        fc.assert(
          fc.property(fc.maxSafeNat(), (seed) => {
            const { state, asked, losses } = question(solver, seed);
            const turn = reflection(sphere(foldIn(key(seed), 3), state.alpha.length));
            const turned = {
              ...asked,
              points: asked.points.map(turn),
              ...('directions' in asked ? { directions: (asked.directions as Vec[]).map(turn) } : {}),
            };
            const plain = solver.tell(state, asked, losses).state;
            const { alpha } = solver.tell({ ...state, alpha: turn(state.alpha) }, turned, losses).state;
            closeTo(alpha, turn(plain.alpha));
          }),
        );
      });

      it('does in a rotated space what it does in this one (in law)', () => {
        // The mean loss after three updates of a long and narrow bowl, upright and turned.
        const turn = reflection(sphere(key(77), 3));
        const stretch = Float64Array.of(0.05, 0.3, 0.9);
        const bowl = (at: (alpha: Vec) => Vec): ToyFunction => ({
          name: 'bowl',
          start: at(Float64Array.of(1, -1, 0.5)),
          loss: (alpha) => at(alpha).reduce((sum, value, j) => sum + (stretch[j] * value ** 2) / 2, 0),
          gradient: (alpha) => at(at(alpha).map((value, j) => stretch[j] * value)),
        });
        const repeats = 400;
        const losses = [bowl((alpha) => alpha), bowl(turn)].map((toy, which) =>
          Array.from({ length: repeats }, (_, i) => {
            const states = descend(solver, toy, 3, { key: foldIn(key(which), i) });
            return toy.loss(states[3].alpha);
          }),
        );
        const [upright, turned] = losses.map((each) => summarize(each));
        const error = Math.hypot(upright.std!, turned.std!) / Math.sqrt(repeats);
        expect(turned.mean).to.be.closeTo(upright.mean, 4 * error);
      });
    });
  }
});

describe('rs on a quadratic', () => {
  for (const [name, options] of Object.entries({
    'on the sphere': { samples: 4, mu: 0.3, xi: 0.2 },
    'with the normal law': { law: 'normal', samples: 2, mu: 2, xi: 0.1 },
    'with one direction': { samples: 1, mu: 1e-3, xi: 0.05 },
  } as const)) {
    for (const noise of [0, NOISE]) {
      it(`loses what theory says, ${name}${noise > 0 ? ', under noise' : ''}`, () => {
        const [updates, repeats] = [10, 400];
        const [at, scaled] = [{ ...options }, options.mu < 0.1 ? noise * options.mu : noise];
        const expected = expectedRsLoss(at, updates, scaled)[updates];
        const solver = createSolver({ kind: 'rs', ...options });
        const losses = Array.from({ length: repeats }, (_, i) => {
          const states = descend(solver, QUADRATIC, updates, { key: foldIn(key(31), i), noise: scaled });
          return QUADRATIC.loss(states[updates].alpha);
        });
        const { mean, std } = summarize(losses);
        expect(mean).to.be.closeTo(expected, (4 * std!) / Math.sqrt(repeats));
        // A tenth off would be noticed.
        expect(4 * std!).to.be.below(0.1 * expected * Math.sqrt(repeats));
      });
    }
  }
});

describe('one candidate', () => {
  const specs: readonly SolverSpec[] = [
    { kind: 'rs', samples: 1 },
    { kind: 'mgs', samples: 1 },
    { kind: 'gld', radiusMax: 0.2, radiusMin: 0.2 },
    { kind: 'random-alpha', samples: 1 },
  ];
  for (const spec of specs) {
    for (const dimension of [1, 5]) {
      it(`is enough for ${spec.kind}, in ${dimension === 1 ? 'one dimension' : `${dimension} dimensions`}`, () => {
        const solver = createSolver(spec);
        const toy = quadratic(dimension);
        const { state, diagnostics, asked } = toyStep(solver, solver.init(toy.start), toy, { key: key(3) });
        const candidates =
          asked.points.length - (solver.kind === 'gld' || solver.kind === 'random-alpha' ? 1 : 0);
        expect(candidates).to.equal(solver.kind === 'rs' ? 2 : 1);
        expect(state.alpha.every((value) => Number.isFinite(value))).to.be.true;
        if (!diagnostics.stayed) expect(state.alpha).to.not.deep.equal(toy.start);
      });
    }
  }
});

describe('diagnosticNumbers', () => {
  it('keeps numbers, flags and weights, and gives long vectors by their norm', () => {
    const solver = createSolver({ kind: 'mgs', samples: 3 });
    const { diagnostics } = toyStep(solver, solver.init(QUADRATIC.start), QUADRATIC, { key: key(1) });
    const numbers = diagnosticNumbers(diagnostics);
    expect(numbers).to.have.all.keys(
      'updateNorm',
      'weights',
      'ess',
      'esr',
      'cv',
      'outside',
      'logZ',
      'discarded',
      'stayed',
    );
    expect(numbers.weights).to.be.an('array').with.length(3);
    expect(numbers.logZ).to.equal(null);
    expect(numbers.updateNorm).to.equal(
      Math.sqrt(diagnostics.update.reduce((sum, value) => sum + value ** 2, 0)),
    );
  });
});
