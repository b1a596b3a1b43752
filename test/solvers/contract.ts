/** What every zero-order solver must do, whatever it is: tests that are run for each solver of the index. */
import { expect } from 'chai';
import fc from 'fast-check';
import { toyStep } from '../../lib/analysis/toy.js';
import { foldIn, key } from '../../lib/math/random.js';
import { SolverError, diagnosticNumbers } from '../../lib/solvers/solver.js';
import type { Solver, SolverState } from '../../lib/solvers/solver.js';
import { number } from '../support/numbers.js';
import { QUADRATIC, descend } from './reach.js';

/** Declares the tests of the interface: pure functions of plain data that no loss can break. */
export function behavesAsSolver(solver: Solver): void {
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
    let { state } = toyStep(solver, solver.init(QUADRATIC.start), QUADRATIC, { key: key(4) });
    const stored = JSON.parse(JSON.stringify({ ...state, alpha: Array.from(state.alpha) })) as {
      alpha: number[];
      step: number;
    };
    let resumed: SolverState = { ...stored, alpha: Float64Array.from(stored.alpha) };
    for (let i = 1; i < 5; i++) {
      const stepKey = foldIn(key(4), i);
      ({ state } = toyStep(solver, state, QUADRATIC, { key: stepKey }));
      ({ state: resumed } = toyStep(solver, resumed, QUADRATIC, { key: stepKey }));
    }
    expect(resumed).to.deep.equal(state);
    expect(state.step).to.equal(5);
  });

  it('refuses losses of another length, and alphas that are none or not finite', () => {
    const state = solver.init(QUADRATIC.start);
    const asked = solver.ask(state, { key: key(1), gradient: QUADRATIC.gradient(state.alpha) });
    expect(() => solver.tell(state, asked, new Float64Array(solver.evaluations + 1))).to.throw(
      SolverError,
      `The ${solver.kind} solver asked for ${solver.evaluations} losses and was told ${solver.evaluations + 1}`,
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
        fc.array(fc.oneof(number(-1e3, 1e3), fc.constantFrom(NaN, Infinity, -Infinity)), {
          minLength: 11,
          maxLength: 11,
        }),
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
          expect(told.diagnostics.discarded).to.equal(losses.filter((loss) => !Number.isFinite(loss)).length);
          JSON.stringify(diagnosticNumbers(told.diagnostics));
        },
      ),
    );
  });
}

/** Declares the test that a solver lowers the loss. */
export function goesDown(solver: Solver): void {
  it('leaves at most two thirds of what it starts with on a quadratic', () => {
    for (const seed of [1, 2, 3]) {
      const states = descend(solver, QUADRATIC, 400, { key: key(seed) });
      const last = QUADRATIC.loss(states[400].alpha);
      expect(last, `seed ${seed}`).to.be.at.most((2 * QUADRATIC.loss(QUADRATIC.start)) / 3);
    }
  });
}
