import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import type { Tensor1D, Tensor4D } from '@tensorflow/tfjs-node';
import { tf } from '../../lib/engine/index.js';
import type { CallOptions, HostArray, HostArrays } from '../../lib/engine/index.js';
import { InterruptedError, UsageError } from '../../lib/errors.js';
import { conditionPerturbations } from '../../lib/analysis/condition.js';
import type { LossGrid } from '../../lib/analysis/landscape.js';
import { axpy, dot, norm } from '../../lib/math/vec.js';
import { key } from '../../lib/math/random.js';
import { LANDSCAPE, CONDITION, PATH, SPECTRUM, VALIDATION } from '../../lib/search/landscape-protocol.js';
import type {
  ConditionProtocol,
  LandscapeProtocol,
  PathProtocol,
  PathSolver,
  SpectrumProtocol,
} from '../../lib/search/landscape-protocol.js';
import { runKind } from '../../lib/runs/kept.js';
import { PlaneObjective } from '../../lib/search/plane.js';
import { spaceOf } from '../../lib/search/protocol.js';
import { supernet } from '../../lib/supernet/supernet.js';
import { hessianSpectrum } from '../../lib/analysis/curvature.js';
import type { Vec } from '../../lib/math/vec.js';
import { fullSearch, withBudget } from '../../lib/search/presets.js';
import { searchProgram, supernetParts, supernetProgram } from '../../lib/search/program.js';
import { SUPERNET_KINDS, runSearch, searchData, trainedSupernet } from '../../lib/search/run.js';
import type { RunOptions } from '../../lib/search/run.js';
import { cosineLr } from '../../lib/search/schedules.js';
import { SearchSession } from '../../lib/search/session.js';
import { describe as describeFields } from '../../lib/settings.js';
import { runningStatistics } from '../../lib/supernet/statistics.js';
import { lossAndGradients, lossAndGradientsAround, sgdStep } from '../../lib/supernet/training.js';
import { stopAt } from '../support/runs.js';
import { withSet } from '../support/with-set.js';
import { longIt } from '../support/long.js';

const data = 'synthetic';

const runLandscape = (protocol: LandscapeProtocol, options: RunOptions) =>
  runKind(SUPERNET_KINDS.landscape, protocol, options);
const runPath = (protocol: PathProtocol, options: RunOptions) =>
  runKind(SUPERNET_KINDS.path, protocol, options);
const runCondition = (protocol: ConditionProtocol, options: RunOptions) =>
  runKind(SUPERNET_KINDS.condition, protocol, options);
const runSpectrum = (protocol: SpectrumProtocol, options: RunOptions) =>
  runKind(SUPERNET_KINDS.spectrum, protocol, options);

/** A 5×5 landscape of the smoke supernet (S2, 3 cells, 4 channels, batches of 8) at M = 2, on two validation batches. */
function landscape(...settings: string[]): LandscapeProtocol {
  const supernet = withBudget(fullSearch('s2', 'darts-1st'), 'smoke');
  const base = LANDSCAPE.parse({
    version: 2,
    kind: 'landscape',
    budget: 'smoke',
    seed: 1,
    supernet,
    directions: 'orthonormal',
    points: 5,
    extent: 1,
    omega: { kind: 'finetuned', iterations: 2, lr: 'scheduled', momentum: 'zero', split: 'train' },
    normalization: 'batch',
    validationBatches: 2,
  });
  return withSet(LANDSCAPE, base, ...settings);
}

const current = (base = landscape()): LandscapeProtocol => ({ ...base, omega: { kind: 'current' } });

function pathOf(solver: PathSolver, ...settings: string[]): PathProtocol {
  const base = PATH.parse({
    version: 1,
    kind: 'path',
    budget: 'smoke',
    seed: 1,
    landscape: landscape(),
    solver,
    updates: 3,
    weightSteps: 1,
    start: { x: -0.5, y: 0.5 },
  });
  return withSet(PATH, base, ...settings);
}

const GLD: PathSolver = { kind: 'gld', radiusMax: 0.2, radiusMin: 0.05 };
const RS: PathSolver = { kind: 'rs', estimator: 'multi-point', law: 'sphere', samples: 2, mu: 0.1, xi: 1 };

const imageTensor = ({ data: values, shape }: HostArray): Tensor4D =>
  tf.tensor4d(values, [...shape] as [number, number, number, number]);

/** One call of the landscape's program. */
interface Call {
  readonly name: string;
  readonly inputs: HostArrays;
  readonly options: CallOptions;
  readonly loss: number | undefined;
}

describe('search/landscape', function () {
  this.timeout(120_000);
  const homes: string[] = [];
  const newHome = (): string => {
    homes.push(mkdtempSync(path.join(tmpdir(), 'zarts-')));
    return homes[homes.length - 1];
  };
  /** Where the supernet is trained once; what is measured there is found again. */
  let home: string;
  let unwatch: (() => void) | undefined;
  before(async () => {
    home = newHome();
    await trainedSupernet(landscape().supernet, { home, data });
  });
  afterEach(() => {
    unwatch?.();
    unwatch = undefined;
  });
  after(() => {
    for (const each of homes) rmSync(each, { recursive: true, force: true });
  });

  /** Calls to the program that landscapes of the smoke supernet use, as they are made. */
  function watch(): Call[] {
    const { program } = searchProgram(landscape().supernet, 10, true);
    const call = program.call.bind(program);
    const calls: Call[] = [];
    program.call = (name, inputs = {}, options = {}) => {
      const results = call(name, inputs, options);
      calls.push({ name, inputs, options, loss: results.loss?.data[0] });
      return results;
    };
    unwatch = () => (program.call = call);
    return calls;
  }

  const objective = async (protocol = landscape()): Promise<PlaneObjective> => {
    const trained = await trainedSupernet(protocol.supernet, { home, data });
    return new PlaneObjective(protocol, trained, await searchData(protocol.supernet, { data }), true);
  };

  const floats = ({ data: values }: { data: Float32Array | Int32Array }) => Float64Array.from(values);

  describe('the grid', () => {
    it('is the same to the bit twice, and when it is stopped and resumed', async () => {
      const { result, known } = await runLandscape(landscape(), { home, data });
      expect(known).to.be.false;
      const again = await runLandscape(landscape(), { home: newHome(), data });
      expect(again.result).to.deep.equal(result);

      const elsewhere = newHome();
      for (const point of [0, 7, 24]) {
        const stopped = await runLandscape(landscape(), {
          home: elsewhere,
          data,
          ...stopAt(point, /^landscape/),
        }).catch((error: unknown) => error);
        expect(stopped).to.be.instanceOf(InterruptedError);
        expect(String(stopped)).to.match(/Stopped after point \d+ of 25/);
      }
      const calls = watch();
      const resumed = await runLandscape(landscape(), { home: elsewhere, data });
      expect(resumed.result).to.deep.equal(result);
      expect(calls.filter(({ name }) => name === 'begin').length, 'points that were left').to.equal(1);
      expect((await runLandscape(landscape(), { home: elsewhere, data })).known).to.be.true;
    });

    it('is that of the supernet trained again where the store has no more than its result', async () => {
      const { supernet } = landscape();
      const elsewhere = newHome();
      const search = await runSearch(supernet, { home, data });
      const folder = path.join(elsewhere, search.key);
      const result = path.join(folder, 'result.json');
      mkdirSync(folder);
      for (const name of ['protocol.json', 'result.json']) {
        copyFileSync(path.join(home, search.key, name), path.join(folder, name));
      }
      const kept = readFileSync(result, 'utf8');

      const trained = await trainedSupernet(supernet, { home: elsewhere, data });
      expect(trained).to.deep.equal(await trainedSupernet(supernet, { home, data }));
      expect(readFileSync(result, 'utf8')).to.equal(kept);
      const calls = watch();
      expect(await trainedSupernet(supernet, { home: elsewhere, data })).to.deep.equal(trained);
      expect(calls, 'steps once the weights are there').to.be.empty;
    });

    it('is another one for another seed, which turns the plane', async () => {
      const [one, two] = [await objective(landscape()), await objective(landscape('seed=2'))];
      expect(two.plane.center).to.deep.equal(one.plane.center);
      expect(two.plane.directions).to.not.deep.equal(one.plane.directions);
    });

    it('is shown coarse first, then finer, and never with other values', async () => {
      const grids: LossGrid[] = [];
      const protocol = current(landscape('points=9', 'validationBatches=1'));
      const { result } = await runLandscape(protocol, {
        home,
        data,
        onGrid: (grid) => {
          grids.push(grid);
        },
      });
      expect(grids.map(({ xs }) => xs.length)).to.deep.equal([5, 9]);
      expect(grids[1]).to.deep.equal(result.grid);
      const [{ xs, losses }] = grids;
      losses.forEach((line, r) => {
        line.forEach((loss, c) => expect(loss).to.equal(result.grid.losses[2 * r][2 * c]));
      });
      expect(xs).to.deep.equal([-1, -0.5, 0, 0.5, 1]);
    });

    it('has every point from the same weights on the same batches, x along columns', async () => {
      const elsewhere = newHome();
      await trainedSupernet(landscape().supernet, { home: elsewhere, data });
      const calls = watch();
      const { result } = await runLandscape(landscape(), { home: elsewhere, data });
      const { xs, ys, losses } = result.grid;
      const from = calls.findIndex(({ name }) => name === 'begin');
      const own = calls.slice(from);
      expect(own).to.have.length(25 * 5);
      const alphaAt = new Map<string, Float64Array>();
      for (let point = 0; point < 25; point++) {
        const [begin, ...steps] = own.slice(5 * point, 5 * point + 5);
        expect(begin.name).to.equal('begin');
        expect(steps.map(({ name }) => name)).to.deep.equal(['step', 'step', 'step', 'step']);
        // Fine-tuning changes ω and tells nothing; a loss changes nothing.
        expect(steps.map(({ options }) => options.update ?? true)).to.deep.equal([true, true, false, false]);
        expect(steps.map(({ options }) => options.outputs)).to.deep.equal([[], [], ['loss'], ['loss']]);
        steps.forEach(({ inputs }, i) => {
          for (const same of ['images', 'labels', 'noiseSeed']) {
            expect(inputs[same]).to.deep.equal(own[1 + i].inputs[same]);
          }
          expect(inputs.alphas).to.deep.equal(steps[0].inputs.alphas);
        });
        const loss = (steps[2].loss! + steps[3].loss!) / 2;
        const row = losses.findIndex((line) => line.includes(loss));
        const column = losses[row].indexOf(loss);
        alphaAt.set(`${row} ${column}`, floats(steps[0].inputs.alphas));
      }
      expect(alphaAt.size).to.equal(25);
      const { plane } = await objective();
      const [d1, d2] = plane.directions;
      ys.forEach((y, row) => {
        xs.forEach((x, column) => {
          const moved = axpy(-1, plane.center, alphaAt.get(`${row} ${column}`)!);
          expect(dot(moved, d1)).to.be.closeTo(x, 1e-6);
          expect(dot(moved, d2)).to.be.closeTo(y, 1e-6);
          expect(norm(moved)).to.be.closeTo(Math.hypot(x, y), 1e-6);
        });
      });
    });

    it('keeps directions out of what the network does not see, where that is asked', async () => {
      const { plane } = await objective(landscape('directions=centered'));
      for (const direction of plane.directions) {
        expect(norm(direction)).to.be.closeTo(1, 1e-12);
        // Every edge of S2 has two operations.
        for (let i = 0; i < direction.length; i += 2) {
          expect(direction[i] + direction[i + 1]).to.be.closeTo(0, 1e-12);
        }
      }
    });

    it('leaves no tensors behind', async () => {
      const made = await objective();
      made.lossAt(0, 0);
      const tensors = tf.memory().numTensors;
      made.lossAt(0.5, 0.2);
      made.gradientAt(0.5, 0.2);
      made.train(0, 0);
      expect(tf.memory().numTensors).to.equal(tensors);
    });
  });

  describe('the weights', () => {
    /** The loss at a point computed step by step with tensors, from the batches that the program was fed. */
    async function byHand(protocol: LandscapeProtocol, x: number, y: number) {
      const made = await objective(protocol);
      const calls = watch();
      const measured = made.lossAt(x, y);
      const { omega: start } = await trainedSupernet(protocol.supernet, { home, data });
      const { net } = searchProgram(protocol.supernet, 10, true);
      const { momentum, weightDecay, clip, lr, lrMin } = protocol.supernet.weights;
      const { epochs } = protocol.supernet;
      const sgd =
        protocol.omega.kind === 'unrolled'
          ? { momentum: 0, weightDecay: 0, clip: null }
          : { momentum, weightDecay, clip };
      const rate = cosineLr(epochs - 1, { epochs, lr, lrMin });
      const computed = tf.tidy(() => {
        let omega = tf.tensor1d(start);
        let buffer: Tensor1D = tf.zeros([start.length]);
        const losses: number[] = [];
        for (const { inputs, options } of calls.filter(({ name }) => name === 'step')) {
          const { images, labels, alphas, noiseSeed } = inputs;
          const found = lossAndGradients(
            net,
            omega,
            tf.tensor1d(alphas.data as Float32Array),
            imageTensor(images),
            tf.tensor1d(labels.data, 'int32'),
            { noiseSeed: tf.tensor1d(noiseSeed.data, 'int32') },
          );
          if (options.update === false) losses.push(found.loss.dataSync()[0]);
          else {
            const next = sgdStep(omega, buffer, found.weights, tf.scalar(rate), sgd);
            [omega, buffer] = [next.weights, next.momentum];
          }
        }
        return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
      });
      return { measured, computed };
    }

    it('are those that each estimate says', async () => {
      const base = landscape('omega.lr=0.05');
      const estimates: LandscapeProtocol[] = [
        current(),
        { ...base, omega: { kind: 'unrolled', lr: 'scheduled', momentum: false, weightDecay: false } },
        landscape(),
      ];
      const measured: number[] = [];
      for (const protocol of estimates) {
        const found = await byHand(protocol, 0.7, -0.4);
        expect(found.measured / found.computed).to.be.closeTo(1, 1e-5);
        measured.push(found.measured);
      }
      expect(new Set(measured).size).to.equal(3);
    });

    it('stay as they were, whatever was measured', async () => {
      const { omega, momentum } = await trainedSupernet(landscape().supernet, { home, data });
      const made = await objective();
      const at = made.lossAt(0.5, -1);
      made.gradientAt(-1, 1);
      made.lossAt(-0.3, 0.9);
      expect(made.lossAt(0.5, -1)).to.equal(at);
      const { steps, ...state } = made.state();
      expect(state).to.deep.equal({ omega, momentum });
      expect(steps).to.equal(0);
    });

    it('are trained again where they were lost beside the search’s result', async () => {
      const elsewhere = newHome();
      const { supernet } = landscape();
      const search = await trainedSupernet(supernet, { home: elsewhere, data });
      const folder = path.join(elsewhere, search.key, 'checkpoint');
      for (const name of readdirSync(folder)) rmSync(path.join(folder, name));
      const { result } = await runLandscape(landscape(), { home: elsewhere, data });
      expect(result).to.deep.equal((await runLandscape(landscape(), { home, data })).result);
    });
  });

  describe('the gradient over the plane', () => {
    it('is the slope of the landscape with ω as it is', async () => {
      const made = await objective(current());
      const [gx, gy] = made.gradientAt(0.3, -0.6);
      // So short that few activations change sign on the way, and long enough for losses in float32.
      const h = 0.002;
      const slope = (dx: number, dy: number): number =>
        (made.lossAt(0.3 + dx, -0.6 + dy) - made.lossAt(0.3 - dx, -0.6 - dy)) / (2 * h);
      const length = Math.hypot(gx, gy);
      expect(slope(h, 0)).to.be.closeTo(gx, 0.05 * length);
      expect(slope(0, h)).to.be.closeTo(gy, 0.05 * length);
      expect(Math.abs(gx - gy), 'told apart').to.be.greaterThan(0.2 * length);
    });
  });

  describe('with running statistics', () => {
    it('reads losses with statistics that move with the batches', async () => {
      const protocol = landscape();
      const { omega, momentum, alpha } = await trainedSupernet(protocol.supernet, { home, data });
      const made = await objective();
      const calls = watch();
      made.lossAt(0, 0);
      const { images, labels } = calls.find(({ name }) => name === 'step')!.inputs;
      const pass = { batch: { images, labels }, alpha, noise: [1, 2] as const };
      const form = { mixing: 'softmax', statistics: 'running', dropPath: false } as const;
      const parts = supernetParts(protocol.supernet, 10, true);
      const session = new SearchSession(supernetProgram(parts, form));
      session.writeWeights(omega, momentum);
      session.forgetStatistics();
      const untouched = session.loss(pass);
      for (let i = 0; i < 200; i++) session.observe(pass);
      const settled = session.loss(pass);
      session.observe(pass);
      expect(session.loss(pass)).to.be.closeTo(settled, 1e-5);
      expect(untouched).to.not.be.closeTo(settled, 1e-3);

      // The same with tensors: mean 0 and variance 1 before the first batch.
      const { net } = searchProgram(protocol.supernet, 10, true);
      const fresh = tf.tidy(() => {
        const width = net.normalizations.reduce((sum, { channels }) => sum + channels, 0);
        const normalization = runningStatistics(net.normalizations, {
          mean: tf.zeros([width]),
          variance: tf.ones([width]),
        });
        return lossAndGradients(
          net,
          tf.tensor1d(omega),
          tf.tensor1d(Float32Array.from(alpha)),
          imageTensor(images),
          tf.tensor1d(labels.data, 'int32'),
          { noiseSeed: tf.tensor1d([1, 2], 'int32'), normalization },
        ).loss.dataSync()[0];
      });
      expect(untouched / fresh).to.be.closeTo(1, 1e-5);
    });

    it('gives a landscape of its own, from the same statistics at every point', async () => {
      const protocol: LandscapeProtocol = { ...landscape(), normalization: 'running' };
      const made = await objective(protocol);
      const at = made.lossAt(0.2, 0.1);
      made.lossAt(1, 1);
      expect(made.lossAt(0.2, 0.1)).to.equal(at);
      expect(at).to.not.equal((await objective()).lossAt(0.2, 0.1));
    });
  });

  describe('a path', () => {
    it('by gradient descent goes down the gradient', async () => {
      const { result } = await runPath(pathOf({ kind: 'gradient', step: 2 }, 'weightSteps=0'), {
        home,
        data,
      });
      const made = await objective();
      expect(result.points).to.have.length(4);
      expect(result).to.include({ evaluations: 0, gradients: 3 });
      expect(result.points[0]).to.deep.equal({ x: -0.5, y: 0.5, loss: made.lossAt(-0.5, 0.5) });
      for (let i = 0; i < 3; i++) {
        const { x, y } = result.points[i];
        const [gx, gy] = made.gradientAt(x, y);
        expect(result.points[i + 1]).to.deep.include({ x: x - 2 * gx, y: y - 2 * gy });
      }
    });

    it('lies on the landscape: its heights are the grid’s where it meets the grid', async () => {
      const { result } = await runPath(pathOf(GLD), { home, data });
      const { grid } = (await runLandscape(landscape(), { home, data })).result;
      // (−0.5, 0.5) is column 1, row 3.
      expect(result.points[0].loss).to.equal(grid.losses[3][1]);
      expect(result.points[0].loss).to.not.equal(grid.losses[1][3]);
    });

    it('by GLD never goes up while the weights stay', async () => {
      const { result } = await runPath(pathOf(GLD, 'weightSteps=0'), { home, data });
      const losses = result.points.map(({ loss }) => loss);
      losses.slice(1).forEach((loss, i) => expect(loss).to.be.at.most(losses[i]));
      expect(losses[3]).to.be.below(losses[0]);
      // Radii 0.2, 0.1, 0.05 and the place itself, three times.
      expect(result.evaluations).to.equal(12);
    });

    it('is the same when it is stopped and resumed, its weights included', async () => {
      const { result } = await runPath(pathOf(RS), { home, data });
      const elsewhere = newHome();
      for (const update of [1, 2]) {
        const stopped = await runPath(pathOf(RS), {
          home: elsewhere,
          data,
          ...stopAt(update, /^path/),
        }).catch((error: unknown) => error);
        expect(String(stopped)).to.contain(`Stopped after update ${update} of 3`);
      }
      expect((await runPath(pathOf(RS), { home: elsewhere, data })).result).to.deep.equal(result);
    });

    it('trains ω by as many steps whatever the solver', async () => {
      const trained = async (solver: PathSolver): Promise<number> => {
        const elsewhere = newHome();
        await trainedSupernet(landscape().supernet, { home: elsewhere, data });
        const calls = watch();
        await runPath(pathOf(solver, 'weightSteps=2', 'updates=2'), { home: elsewhere, data });
        unwatch!();
        // Each weight step is kept; the objective keeps the supernet's weights first, and again for the heights.
        return calls.filter(({ name }) => name === 'save').length;
      };
      const counts = [await trained({ kind: 'gradient', step: 1 }), await trained(GLD), await trained(RS)];
      expect(counts).to.deep.equal([6, 6, 6]);
    });
  });

  describe('a condition number', () => {
    const condition = (base: LandscapeProtocol, perturbations = 6): ConditionProtocol =>
      CONDITION.parse({
        version: 1,
        kind: 'condition',
        budget: 'smoke',
        seed: 4,
        landscape: base,
        perturbations,
        radius: 0.01,
      });

    it('is the largest relative change over the relative perturbation, every loss measured alike', async () => {
      const { result } = await runCondition(condition(landscape()), { home, data });
      const made = await objective();
      const { center } = made.plane;
      // The grid's middle is the same point, measured the same way.
      const { grid } = (await runLandscape(landscape(), { home, data })).result;
      expect(result.base).to.equal(grid.losses[2][2]);
      const deltas = conditionPerturbations(key(4), center.length, 6, 0.01);
      const changes = deltas.map((delta) => made.lossOf(axpy(1, delta, center)) - result.base);
      expect(result.changes).to.deep.equal(changes);
      const ratios = changes.map((change) => (Math.abs(change) * norm(center)) / (0.01 * result.base));
      expect(result.raw.q).to.be.closeTo(Math.max(...ratios), 1e-9 * Math.max(...ratios));
      expect(result.raw.alphaNorm).to.equal(norm(center));
      // Every edge of S2 has two operations: what is left of α are half the differences within each.
      const half = center.filter((_, i) => i % 2 === 0).map((value, e) => (value - center[2 * e + 1]) / 2);
      expect(result.centered.alphaNorm).to.be.closeTo(Math.SQRT2 * norm(half), 1e-12);
      expect(result.centered.q).to.not.equal(result.raw.q);
    });

    it('is the same when it is stopped and resumed', async () => {
      const protocol = condition(current());
      const { result } = await runCondition(protocol, { home, data });
      const elsewhere = newHome();
      const stopped = await runCondition(protocol, {
        home: elsewhere,
        data,
        ...stopAt(3, /^condition/),
      }).catch((error: unknown) => error);
      expect(String(stopped)).to.contain('Stopped after 3 of 7 losses');
      expect((await runCondition(protocol, { home: elsewhere, data })).result).to.deep.equal(result);
    });
  });

  describe('the loss at the end of a search', () => {
    const { supernet: trained, seed } = current();
    const protocol = VALIDATION.parse({
      version: 1,
      kind: 'validation',
      budget: 'smoke',
      seed,
      supernet: trained,
    });
    const runValidation = (options: RunOptions) => runKind(SUPERNET_KINDS.validation, protocol, options);

    it('is the middle of the landscape at ω as it is, on the whole half; beside it that of uniform weights', async () => {
      const { result } = await runValidation({ home, data });
      const whole = { ...current(), validationBatches: 'all' as const };
      const { grid } = (await runLandscape(whole, { home, data })).result;
      expect(result.loss).to.equal(grid.losses[2][2]);
      const made = await objective(whole);
      expect(result.uniform).to.equal(made.lossOf(new Float64Array(made.plane.center.length)));
      expect(result.uniform).to.not.equal(result.loss);
    });

    it('goes on after the first of its two losses', async () => {
      const { result } = await runValidation({ home, data });
      const elsewhere = newHome();
      const stopped = await runValidation({ home: elsewhere, data, ...stopAt(1, /^validation/) }).catch(
        (error: unknown) => error,
      );
      expect(String(stopped)).to.contain('Stopped after 1 of 2 validation losses');
      expect((await runValidation({ home: elsewhere, data })).result).to.deep.equal(result);
    });

    it('names what its search must not be', () => {
      const bad = { ...protocol, supernet: { ...trained, epochs: 0 } };
      expect(() => VALIDATION.parse(bad)).to.throw(/supernet\.epochs is 0/);
    });
  });

  describe('a spectrum', () => {
    const spectrum = (base: LandscapeProtocol, products = 56): SpectrumProtocol =>
      SPECTRUM.parse({
        version: 1,
        kind: 'spectrum',
        budget: 'smoke',
        seed: 4,
        landscape: base,
        products,
        values: 3,
      });

    longIt('is that of the mean loss over the batches, at the ω* of the landscape', async () => {
      const { result } = await runSpectrum(spectrum(landscape()), { home, data });
      const made = await objective();
      const { center: alpha } = made.plane;
      const omega = made.weightsAt(alpha);
      const { supernet: trained } = landscape();
      const net = supernet(spaceOf(trained), { ...trained, classes: 10 });
      const gradient = (at: Vec): Vec => {
        const parts = made.passes.map(({ batch, noise }) =>
          tf.tidy(() =>
            lossAndGradientsAround(
              net,
              tf.tensor1d(omega),
              tf.tensor1d(Float32Array.from(at)),
              tf.tensor1d(Float32Array.from(alpha)),
              imageTensor(batch.images),
              tf.tensor1d(batch.labels.data, 'int32'),
              { noiseSeed: tf.tensor1d([...noise], 'int32') },
            ).alphas.dataSync(),
          ),
        );
        return Float64Array.from(alpha, (_, i) => (parts[0][i] + parts[1][i]) / 2);
      };
      const [{ value }] = (await hessianSpectrum(gradient, alpha, { key: key(9), steps: 10 })).values;
      expect(result.largest[0].value / value).to.be.closeTo(1, 0.01);
      expect(result.largest).to.have.length(3);
      expect(result.largest[1].value).to.be.below(result.largest[0].value);
      expect(result.smallest.value).to.be.below(result.largest[2].value);
      const untuned = await runSpectrum(spectrum(current()), { home, data });
      expect(untuned.result.largest[0].value / value).to.not.be.closeTo(1, 0.01);
    });

    it('is the same when it is stopped and begun anew', async () => {
      const protocol = spectrum(current(), 4);
      const { result } = await runSpectrum(protocol, { home, data });
      expect(result.products).to.equal(4);
      const elsewhere = newHome();
      const stopped = await runSpectrum(protocol, {
        home: elsewhere,
        data,
        ...stopAt(3, /^curvature/),
      }).catch((error: unknown) => error);
      expect(stopped).to.be.instanceOf(InterruptedError);
      expect(String(stopped)).to.contain('Stopped after 3 gradients');
      expect((await runSpectrum(protocol, { home: elsewhere, data })).result).to.deep.equal(result);
    });

    it('is refused with running statistics', () => {
      expect(() => spectrum({ ...current(), normalization: 'running' })).to.throw(
        UsageError,
        'landscape.normalization is "running"; it must be "batch"',
      );
    });
  });

  describe('the protocols', () => {
    const failure = (make: () => unknown): string => {
      try {
        make();
      } catch (error) {
        expect(error).to.be.instanceOf(UsageError);
        return String(error);
      }
      throw new Error('nothing was refused');
    };

    it('survive JSON', () => {
      expect(LANDSCAPE.parse(JSON.parse(JSON.stringify(landscape())))).to.deep.equal(landscape());
      expect(PATH.parse(JSON.parse(JSON.stringify(pathOf(RS))))).to.deep.equal(pathOf(RS));
    });

    it('name what is wrong, what was expected, and where', () => {
      expect(failure(() => landscape('points=2'))).to.contain(
        'points is 2; it must be an integer from 3 to 1001',
      );
      expect(failure(() => landscape('pionts=7'))).to.contain('Did you mean "points"?');
      expect(failure(() => landscape('supernet.epochs=0'))).to.contain('supernet.epochs is 0');
      expect(failure(() => landscape('validationBatches=5'))).to.contain('at most 4');
      expect(failure(() => landscape('omega.kind=current'))).to.contain('cannot be set');
      expect(failure(() => pathOf(RS, 'solver.mu=0'))).to.contain('solver.mu is 0');
      const running = { ...pathOf(RS), landscape: { ...landscape(), normalization: 'running' } };
      expect(failure(() => PATH.parse(running))).to.contain('landscape.normalization');
      expect(failure(() => LANDSCAPE.parse(7))).to.contain('must be a record of settings');
    });

    it('reach into the supernet’s search', () => {
      const { supernet } = landscape('supernet.space=s3', 'supernet.epochs=1');
      expect(supernet).to.include({ space: 's3', epochs: 1 });
      const fields = describeFields(LANDSCAPE.schema, landscape());
      const paths = fields.map(({ path }) => path);
      expect(paths).to.include.members(['points', 'omega.iterations', 'supernet.weights.lr']);
      for (const { bounds } of fields) expect(bounds).to.not.equal('');
    });
  });
});
