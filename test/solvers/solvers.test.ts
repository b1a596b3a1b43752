import { expect } from 'chai';
import fc from 'fast-check';
import { UsageError } from '../../lib/errors.js';
import { key } from '../../lib/math/random.js';
import { createSolver, SOLVERS } from '../../lib/solvers/registry.js';
import type { SolverSpec } from '../../lib/solvers/registry.js';
import { SOLVER_KINDS, SolverError, diagnosticNumbers } from '../../lib/solvers/solver.js';
import type { SolverState } from '../../lib/solvers/solver.js';
import { QUADRATIC, ROSENBROCK, remaining, step } from './objectives.js';

/**
 * What every solver must reach: the share of the start loss that may be left at most, for each of three seeds, after 400
 * updates of the quadratic, the same with noise of 0.05 nats on every loss, and 2000 of Rosenbrock (options may differ
 * there: its curvature is 1000 times larger). A new solver is one row.
 */
const ROWS: readonly {
  name: string;
  spec: SolverSpec;
  valley: SolverSpec;
  quadratic: number;
  noisy: number;
  rosenbrock: number;
}[] = [
  row(
    'rs on the sphere',
    { kind: 'rs', mu: 0.3, xi: 0.05 },
    { kind: 'rs', mu: 1e-3, xi: 3e-4 },
    1e-3,
    0.03,
    0.5,
  ),
  row(
    'rs, normal law',
    { kind: 'rs', law: 'normal', mu: 0.3, xi: 0.05 },
    { kind: 'rs', law: 'normal', mu: 1e-3, xi: 3e-4 },
    1e-3,
    0.01,
    0.5,
  ),
  row(
    'rs, two-point',
    { kind: 'rs', estimator: 'two-point', mu: 0.3, xi: 0.02 },
    { kind: 'rs', estimator: 'two-point', mu: 1e-3, xi: 2e-4 },
    0.02,
    0.05,
    0.7,
  ),
  // The one-point form's variance is that of the loss itself: it creeps.
  row(
    'rs, one-point',
    { kind: 'rs', estimator: 'one-point', mu: 0.3, xi: 5e-4 },
    { kind: 'rs', estimator: 'one-point', mu: 0.1, xi: 1e-5 },
    0.97,
    0.97,
    0.995,
  ),
  ...(['literal', 'flat', 'released'] as const).map((density) =>
    row(
      `mgs, ${density} density`,
      { kind: 'mgs', density, samples: 8, sigma: 0.1, tau: 0.1 },
      { kind: 'mgs', density, lambda: 1, samples: 8, sigma: 0.1, tau: 0.1 },
      0.1,
      0.1,
      0.6,
    ),
  ),
  row(
    'mgs without gradient',
    { kind: 'mgs', density: 'flat', lambda: 1, samples: 8, sigma: 0.1, tau: 0.1 },
    { kind: 'mgs', density: 'flat', lambda: 1, samples: 8, sigma: 0.1, tau: 0.01 },
    0.1,
    0.12,
    0.2,
  ),
  row('gld', { kind: 'gld' }, { kind: 'gld' }, 1e-6, 0.25, 1e-6),
  row('random', { kind: 'random', samples: 8 }, { kind: 'random', samples: 8 }, 0.6, 0.6, 0.01),
];

function row(
  name: string,
  spec: SolverSpec,
  valley: SolverSpec,
  quadratic: number,
  noisy: number,
  rosenbrock: number,
) {
  return { name, spec, valley, quadratic, noisy, rosenbrock };
}

describe('every solver', () => {
  it('has a row here and a factory', () => {
    expect(new Set(ROWS.map(({ spec }) => spec.kind))).to.deep.equal(new Set(SOLVER_KINDS));
    expect(Object.keys(SOLVERS)).to.have.members([...SOLVER_KINDS]);
    expect(() => createSolver({ kind: 'msg' } as unknown as SolverSpec)).to.throw(UsageError, /"mgs"/);
  });

  for (const { name, spec, valley, quadratic, noisy, rosenbrock } of ROWS) {
    describe(name, () => {
      const solver = createSolver(spec);
      const seeds = [1, 2, 3];

      it(`leaves at most ${quadratic} of a quadratic, ${noisy} under noise, ${rosenbrock} of Rosenbrock`, () => {
        for (const seed of seeds) {
          expect(remaining(solver, QUADRATIC, 400, seed), `quadratic, seed ${seed}`).to.be.at.most(quadratic);
          expect(remaining(solver, QUADRATIC, 400, seed, 0.05), `noisy, seed ${seed}`).to.be.at.most(noisy);
          expect(
            remaining(createSolver(valley), ROSENBROCK, 2000, seed),
            `Rosenbrock, seed ${seed}`,
          ).to.be.at.most(rosenbrock);
        }
      });

      it('asks purely: same state and key, same points; another key, others; the state stays', () => {
        const state = solver.init(QUADRATIC.start);
        const gradient = QUADRATIC.gradient(state.alpha);
        const asked = solver.ask(state, { key: key(1), gradient });
        expect(solver.ask(state, { key: key(1), gradient })).to.deep.equal(asked);
        expect(solver.ask(state, { key: key(2), gradient })).to.not.deep.equal(asked);
        expect(asked.points).to.have.length(solver.evaluations);
        const losses = Float64Array.from(asked.points, (point) => QUADRATIC.loss(point));
        expect(solver.tell(state, asked, losses)).to.deep.equal(solver.tell(state, asked, losses));
        expect(state).to.deep.equal(solver.init(QUADRATIC.start));
      });

      it('goes on from a state that was stored as JSON to the same bits', () => {
        let state = step(solver, solver.init(QUADRATIC.start), QUADRATIC, { seed: 4, step: 0 }).state;
        const stored = JSON.parse(JSON.stringify({ ...state, alpha: Array.from(state.alpha) })) as {
          alpha: number[];
          step: number;
        };
        let resumed: SolverState = { ...stored, alpha: Float64Array.from(stored.alpha) };
        for (let i = 1; i < 5; i++) {
          ({ state } = step(solver, state, QUADRATIC, { seed: 4, step: i }));
          ({ state: resumed } = step(solver, resumed, QUADRATIC, { seed: 4, step: i }));
        }
        expect(resumed).to.deep.equal(state);
        expect(state.step).to.equal(5);
      });

      it('refuses losses of another length, and alphas that are none or not finite', () => {
        const state = solver.init(QUADRATIC.start);
        const asked = solver.ask(state, { key: key(1), gradient: QUADRATIC.gradient(state.alpha) });
        expect(() => solver.tell(state, asked, new Float64Array(solver.evaluations + 1))).to.throw(
          SolverError,
          `The ${spec.kind} solver asked for ${solver.evaluations} losses and was told ${solver.evaluations + 1}`,
        );
        expect(() => solver.init(new Float64Array())).to.throw(SolverError, /no alphas/);
        expect(() => solver.init(Float64Array.of(0, NaN))).to.throw(SolverError, /alpha\[1\] = NaN/);
      });

      it('stays where it is, and says so, when no loss is finite', () => {
        for (const bad of [NaN, Infinity, -Infinity]) {
          const state = solver.init(QUADRATIC.start.map((_, i) => i));
          const asked = solver.ask(state, { key: key(1), gradient: QUADRATIC.gradient(state.alpha) });
          const { state: next, diagnostics } = solver.tell(
            state,
            asked,
            new Float64Array(asked.points.length).fill(bad),
          );
          expect(next).to.deep.equal({ alpha: state.alpha, step: 1 });
          expect(diagnostics).to.include({ stayed: true, discarded: asked.points.length });
        }
      });

      it('stays finite when some losses are not, in dimensions 1 to 5', () => {
        fc.assert(
          fc.property(
            fc.maxSafeNat(),
            fc.integer({ min: 1, max: 5 }),
            fc.array(
              fc.oneof(
                fc.double({ min: -1e3, max: 1e3, noNaN: true }),
                fc.constantFrom(NaN, Infinity, -Infinity),
              ),
              { minLength: 11, maxLength: 11 },
            ),
            (seed, dimension, values) => {
              const state = solver.init(new Float64Array(dimension).fill(0.5));
              const asked = solver.ask(state, {
                key: key(seed),
                gradient: new Float64Array(dimension).fill(0.1),
              });
              const losses = Float64Array.from(
                { length: asked.points.length },
                (_, i) => values[i % values.length],
              );
              const told = solver.tell(state, asked, losses);
              expect(told.state.alpha.every((value) => Number.isFinite(value))).to.be.true;
              expect(told.diagnostics.discarded).to.equal(
                losses.filter((loss) => !Number.isFinite(loss)).length,
              );
              JSON.stringify(diagnosticNumbers(told.diagnostics));
            },
          ),
        );
      });
    });
  }
});

describe('diagnosticNumbers', () => {
  it('keeps numbers, flags and weights, and gives long vectors by their norm', () => {
    const solver = createSolver({ kind: 'mgs', samples: 3 });
    const { diagnostics } = step(solver, solver.init(QUADRATIC.start), QUADRATIC, { seed: 1, step: 0 });
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
