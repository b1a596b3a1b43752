import path from 'node:path';
import { expect } from 'chai';
import ts from 'typescript';
import { axisTicks } from '../../lib/analysis/landscape.js';
import { foldIn, key } from '../../lib/math/random.js';
import {
  gradientAt,
  isSlider,
  labPath,
  labSolvers,
  lossAt,
  mapScale,
  pathMap,
  stepText,
  surfaceMap,
  toySurfaces,
  updatesChart,
  weightsChart,
} from '../../lib/report/laboratory.js';
import type { LabChoice } from '../../lib/report/laboratory.js';
import { projectRoot } from '../../lib/runs/home.js';
import { measuredStep } from '../../lib/solvers/alpha-step.js';
import { mgs } from '../../lib/solvers/mgs.js';

const xs = axisTicks(5, 1);
/** Longer upwards than across, so that every mistake between the two shows. */
const ys = axisTicks(9, 2);
const plane = { xs, ys, losses: ys.map((y) => xs.map((x) => 1 + 2 * x - 3 * y)) };

const settingsOf = (id: string): LabChoice['settings'] => {
  const { controls } = labSolvers().find((each) => each.id === id)!;
  return Object.fromEntries(controls.map(({ name, value }) => [name, value]));
};
const choice = (solver: string, more: Partial<LabChoice> = {}): LabChoice => ({
  solver,
  settings: settingsOf(solver),
  start: { x: -0.5, y: 0.7 },
  seed: 0,
  updates: 8,
  ...more,
});

describe('report/laboratory', () => {
  it('reads losses between the points, exactly on a plane, and slopes as steep', () => {
    for (const [x, y] of [
      [0.3, -1.1],
      [-1, 2],
      [0.99, 0],
    ] as const) {
      expect(lossAt(plane, { x, y })).to.be.closeTo(1 + 2 * x - 3 * y, 1e-12);
      expect(gradientAt(plane, { x, y })[0]).to.be.closeTo(2, 1e-12);
      expect(gradientAt(plane, { x, y })[1]).to.be.closeTo(-3, 1e-12);
    }
  });

  it('goes on flat beyond the border', () => {
    expect(lossAt(plane, { x: 9, y: 0.5 })).to.be.closeTo(lossAt(plane, { x: 1, y: 0.5 }), 1e-12);
    expect(gradientAt(plane, { x: 9, y: 0.5 })[0]).to.equal(0);
    expect(gradientAt(plane, { x: 9, y: 0.5 })[1]).to.be.closeTo(-3, 1e-12);
  });

  it('takes the steps that the library’s solver takes', () => {
    const settings = { samples: 6, sigma: 0.2, tau: 0.3, density: 'flat' } as const;
    const { start, ...rest } = choice('mgs', { settings, seed: 3 });
    const steps = labPath(plane, { start, ...rest });
    const solver = mgs(settings);
    let at = start;
    for (const [i, step] of steps.entries()) {
      const state = { ...solver.init(Float64Array.of(at.x, at.y)), step: i };
      const context = { key: foldIn(key(3), i), gradient: Float64Array.from(gradientAt(plane, at)) };
      const told = measuredStep(solver, state, context, ([x, y]) => lossAt(plane, { x, y }));
      expect([step.to.x, step.to.y]).to.deep.equal([...told.state.alpha]);
      expect(step.candidates.map(({ weight }) => weight)).to.deep.equal([...told.diagnostics.weights]);
      expect(step.effective!.ess).to.equal(told.diagnostics.ess);
      at = step.to;
    }
    expect(steps).to.have.length(8);
  });

  for (const { id, controls } of labSolvers()) {
    it(`draws ${id} on every surface, at its defaults and at the ends of its sliders`, () => {
      const ends = [0, 1].map((end) =>
        Object.fromEntries(
          controls.map((each) => [each.name, isSlider(each) ? each.among[end] : each.value]),
        ),
      );
      for (const surface of toySurfaces()) {
        for (const settings of [settingsOf(id), ...ends]) {
          const chosen = choice(id, { settings });
          const steps = labPath(surface.grid, chosen);
          const drawn = [
            surfaceMap(surface),
            pathMap(surface, chosen.start, steps, 0),
            weightsChart(steps[0]),
            updatesChart(surface, steps, 0),
            stepText(steps, 0),
          ];
          expect(drawn.join('')).to.not.match(/NaN|Infinity|undefined/);
          for (const { candidates, effective } of steps) {
            if (!effective) continue;
            const total = candidates.reduce((sum, { weight }) => sum + weight!, 0);
            expect(total).to.be.closeTo(1, 1e-9);
            expect(effective.ess).to.be.within(1, candidates.length);
          }
        }
      }
    });
  }

  it('moves more slowly where the step is smaller, and says where it stays', () => {
    const [first] = labPath(plane, choice('gradient', { settings: { step: 0.01 } }));
    expect(first.to).to.deep.equal({ x: -0.5 - 0.01 * 2, y: 0.7 + 0.01 * 3 });
    const flat = { xs, ys, losses: ys.map(() => xs.map(() => 1)) };
    expect(stepText(labPath(flat, choice('gradient')), 0)).to.contain('α stays');
  });

  it('draws a place where it lies, and finds it there again', () => {
    const scale = mapScale(plane);
    expect([scale.left(-1), scale.top(2), scale.left(1), scale.top(-2)]).to.deep.equal([0, 0, 400, 400]);
    expect(scale.place(scale.left(0.25), scale.top(-1.5))).to.deep.equal({ x: 0.25, y: -1.5 });
  });

  it('is put on the page by a program that the compiler takes', function () {
    this.timeout(60_000);
    const folder = path.join(projectRoot(), 'lib', 'report', 'browser');
    const read = ts.readConfigFile(path.join(folder, 'tsconfig.json'), (file) => ts.sys.readFile(file));
    const { fileNames, options } = ts.parseJsonConfigFileContent(read.config, ts.sys, folder);
    expect(fileNames).to.have.length(1);
    const program = ts.createProgram(fileNames, options);
    const complaints = fileNames.flatMap((file) => {
      const source = program.getSourceFile(file);
      return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    });
    expect(
      complaints.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' ')),
    ).to.deep.equal([]);
  });
});
