import { expect } from 'chai';
import { loadDataset } from '../../lib/datasets/load.js';
import type { Dataset } from '../../lib/datasets/load.js';
import { batchOf, evalTransform } from '../../lib/datasets/augment.js';
import { halves } from '../../lib/datasets/batches.js';
import { hessianSpectrum } from '../../lib/analysis/curvature.js';
import { tf } from '../../lib/engine/index.js';
import { InterruptedError } from '../../lib/errors.js';
import { key } from '../../lib/math/random.js';
import type { Vec } from '../../lib/math/vec.js';
import type { Checkpoint } from '../../lib/runs/checkpoint.js';
import { GRADIENT } from '../../lib/search/baselines.js';
import type { GradientId } from '../../lib/search/baselines.js';
import { SEARCH } from '../../lib/search/protocol.js';
import type { SearchProtocol } from '../../lib/search/protocol.js';
import { search } from '../../lib/search/search.js';
import type { SearchOptions } from '../../lib/search/search.js';
import { deriveGenotype } from '../../lib/spaces/genotype.js';
import { mixingWeights } from '../../lib/spaces/mixing.js';
import { uniformSpace } from '../../lib/spaces/spaces.js';
import { supernet } from '../../lib/supernet/supernet.js';
import { lossAndGradientsAround } from '../../lib/supernet/training.js';
import { memory, smokeIn, watchProgram } from './helpers.js';
import { stopAt } from '../support/runs.js';
import type { Call } from './helpers.js';
import { longIt } from '../support/long.js';

const IDS = Object.keys(GRADIENT) as GradientId[];

/** Two nodes and three primitives an edge, noise among them: 30 alphas, and a network that is quickly compiled. */
const SMALL = uniformSpace('small', ['skip_connect', 'sep_conv_3x3', 'noise'], 2);

/** A search of 3 epochs of 2 steps in {@link SMALL}; with warm-up in none and every eigenvalue that rises acted on. */
function tiny(solver: string, ...settings: string[]): SearchProtocol {
  const base = smokeIn(SMALL, solver, 'paper');
  return smokeIn(
    SMALL,
    solver,
    'paper',
    'dataset.imageSide=8',
    'dataset.trainSize=16',
    'batchSize=4',
    'epochs=4',
    'warmupEpochs=1',
    ...(base.cutout ? ['cutout.length=4'] : []),
    ...(base.stability ? ['stability.ratio=0.9999', 'stability.startEpoch=0', 'stability.products=30'] : []),
    ...settings,
  );
}

const TINY_STEPS = 8;

/** Whether a call is a step of the base weights. */
function isTraining({ inputs, options }: Call): boolean {
  return (options.outputs?.includes('correct') ?? false) && inputs.lr.data[0] > 0;
}

describe('search/baselines', function () {
  this.timeout(120_000);
  let dataset: Dataset;
  let calls: Call[];
  let beforeCall: ((call: Call) => void) | undefined;
  let unwatch: (() => void) | undefined;

  const run = (protocol: SearchProtocol, options: Partial<SearchOptions> = {}) =>
    search(protocol, { dataset, ...options });

  function watch(protocol: SearchProtocol) {
    const watched = watchProgram(protocol, dataset.classes.length, {
      before: (call) => {
        calls.push(call);
        beforeCall?.(call);
      },
    });
    unwatch = watched.unwatch;
    return watched;
  }

  before(async () => {
    dataset = await loadDataset({ name: 'synthetic', image: 8, trainSize: 16, testSize: 10 });
  });
  beforeEach(() => {
    calls = [];
    beforeCall = undefined;
  });
  afterEach(() => {
    unwatch?.();
    unwatch = undefined;
  });

  /** What a search gives when it is stopped after every step that it makes, each time going on from its checkpoint. */
  async function inParts(protocol: SearchProtocol) {
    const whole = memory();
    const metrics: unknown[] = [];
    let from: Checkpoint | undefined;
    for (let parts = 0; parts < 100; parts++) {
      const part = memory();
      try {
        const result = await run(protocol, { store: part.store, from, ...stopAt(0) });
        return { result, metrics: [...metrics, ...part.metrics], last: part.checkpoints.at(-1), parts };
      } catch (error) {
        expect(error).to.be.instanceOf(InterruptedError);
        from = part.checkpoints.at(-1);
        metrics.push(...part.metrics);
      }
    }
    return { result: undefined, metrics, last: whole.checkpoints.at(-1), parts: 100 };
  }

  /** The alphas that each solver found, joined. */
  const found = new Map<string, GradientId>();

  for (const id of IDS) {
    // Every solver is stopped and goes on in matrix.test.ts.
    const test = id === 'darts-1st' || id === 'sdarts-rs' ? it : longIt;
    test(`${id} finds the same to the last bit again, and in parts`, async () => {
      // With this seed the eigenvalue rises, so that what watches it acts.
      const protocol = tiny(id, 'seed=1');
      const [first, second] = [memory(), memory()];
      const once = await run(protocol, { store: first.store });
      const tensors = tf.memory().numTensors;
      expect(await run(protocol, { store: second.store })).to.deep.equal(once);
      expect(tf.memory().numTensors).to.equal(tensors);
      expect(second.metrics).to.deep.equal(first.metrics);
      expect(second.checkpoints).to.deep.equal(first.checkpoints);

      const parts = await inParts(protocol);
      expect(parts.result).to.deep.equal(once);
      expect(parts.metrics).to.deep.equal(first.metrics);
      expect(parts.parts).to.be.at.least(5);

      const text = once.alpha.join();
      expect(found.get(text), `${id} found the alphas of another`).to.equal(undefined);
      found.set(text, id);
      expect(once.genotype.normal).to.have.length(4);
      for (const value of once.alpha) expect(value).to.be.finite;
      // One update after each step but in the epoch of warm-up.
      expect(once.updates).to.equal(once.steps - 2);
      for (const { losses } of first.updates()) {
        expect(losses).to.have.length(1);
        expect(losses[0]).to.be.within(0.5, 10);
      }
    });
  }

  it('find others with another seed', async () => {
    const { alpha } = await run(tiny('darts-1st', 'seed=4'));
    expect(found.get(alpha.join())).to.equal(undefined);
  });

  it('move alpha by Adam: its first step is lr along the gradient’s signs', async () => {
    const protocol = tiny('darts-1st', 'epochs=1', 'warmupEpochs=0', 'updateEvery=2', 'solver.weightDecay=0');
    const start = await run(tiny('darts-1st', 'epochs=1', 'warmupEpochs=1'));
    const { alpha, epochs } = await run(protocol);
    alpha.forEach((value, i) => expect(Math.abs(value - start.alpha[i])).to.be.closeTo(3e-4, 1e-6));
    expect(epochs[0].cosine).to.be.within(0.3, 1);
    expect(epochs[0].updateNorm).to.be.closeTo(3e-4 * Math.sqrt(alpha.length), 1e-5);
  });

  it('move alpha before each weight step, as DARTS’ code does, or after it where that is asked for', async () => {
    const order = async (...settings: string[]) => {
      const protocol = tiny('darts-1st', 'epochs=2', ...settings);
      watch(protocol);
      const { updates } = await run(protocol);
      unwatch?.();
      const made = calls.filter(({ name }) => name === 'step').map((call) => (isTraining(call) ? 'ω' : 'α'));
      calls = [];
      expect(made.filter((each) => each === 'α')).to.have.length(updates);
      return made.join('');
    };
    expect(await order('warmupEpochs=0')).to.equal('αωαωαωαω');
    expect(await order('warmupEpochs=0', 'alphaFirst=false')).to.equal('ωαωαωαωα');
    // The first update is that of the first epoch after warm-up.
    expect(await order('warmupEpochs=1')).to.equal('ωωαωαω');
    expect(await order('warmupEpochs=1', 'alphaFirst=false')).to.equal('ωωωαωα');
    expect(await order('warmupEpochs=0', 'updateEvery=2')).to.equal('αωωαωω');
  });

  it('of second order leave the weights bit for bit', async () => {
    for (const id of ['darts-2nd', 'rdarts-dp']) {
      const protocol = tiny(id);
      const { weights } = watch(protocol);
      let before: ReturnType<typeof weights> | undefined;
      let updates = 0;
      beforeCall = ({ name }) => {
        if (name === 'save') before = weights();
      };
      const { store } = memory();
      await run(protocol, {
        store: {
          ...store,
          appendMetrics: (record) => {
            if ((record as { kind?: string }).kind !== 'update') return;
            expect(weights()).to.deep.equal(before);
            updates++;
          },
        },
      });
      unwatch?.();
      expect(updates).to.equal(TINY_STEPS - 2);
      const displaced = calls
        .filter(({ name }) => name === 'displace')
        .map(({ inputs }) => inputs.by.data[0]);
      expect(displaced).to.have.length(2 * updates);
      for (let i = 0; i < displaced.length; i += 2) {
        expect(displaced[i]).to.be.above(0);
        expect(displaced[i + 1]).to.equal(-displaced[i]);
      }
      calls = [];
    }
  });

  it('of second order unroll the weight step that comes next', async () => {
    const protocol = tiny('darts-2nd');
    watch(protocol);
    await run(protocol);
    const at = calls.findIndex(({ name }) => name === 'unroll');
    const [unrolled, train] = [calls[at], calls[at - 1]];
    const next = calls.slice(at).find(isTraining)!;
    expect(train.inputs.images).to.deep.equal(next.inputs.images);
    expect(train.inputs.noiseSeed).to.deep.equal(next.inputs.noiseSeed);
    expect(unrolled.inputs.lr).to.deep.equal(next.inputs.lr);
    expect(unrolled.inputs.momentumShare.data[0]).to.be.closeTo(0.9, 1e-7);
    expect(unrolled.inputs.weightDecay.data[0]).to.be.closeTo(3e-4, 1e-10);
    // Eq. 2 as printed has neither.
    unwatch?.();
    calls = [];
    const printed = tiny('darts-2nd', 'omega.momentum=false', 'omega.weightDecay=false');
    watch(printed);
    await run(printed);
    const plain = calls.find(({ name }) => name === 'unroll')!;
    expect([plain.inputs.momentumShare.data[0], plain.inputs.weightDecay.data[0]]).to.deep.equal([0, 0]);
  });

  it('drop paths and cut squares out, from none in the first epoch to all that is asked in the last', async () => {
    const protocol = tiny('rdarts-dp');
    watch(protocol);
    await run(protocol);
    const trained = calls.filter(isTraining);
    expect(trained).to.have.length(TINY_STEPS);
    const probabilities = trained.map(({ inputs }) => inputs.dropPath.data[0]);
    [0, 0, 0.2, 0.2, 0.4, 0.4, 0.6, 0.6].forEach((expected, i) =>
      expect(probabilities[i]).to.be.closeTo(expected, 1e-7),
    );
    // A cut-out pixel is exactly 0 in all channels, which no normalized byte is.
    const cut = trained.map(({ inputs }) => inputs.images.data.filter((value) => value === 0).length);
    expect(cut.slice(0, 2)).to.deep.equal([0, 0]);
    // A square of 4×4, clipped to a quarter of it at a corner, in each of 4 images.
    for (const zeros of cut.slice(-2)) expect(zeros).to.be.within(4 * 4 * 3, 4 * 16 * 3);
    // Alpha is scored with dropped paths as well, as in the public code.
    const scored = calls.filter(({ name, options }) => name === 'step' && options.update === false);
    expect(Math.max(...scored.map(({ inputs }) => inputs.dropPath.data[0]))).to.be.closeTo(0.6, 1e-7);
  });

  it('decay the weights as asked, in the same program as DARTS', async () => {
    watch(tiny('darts-2nd'));
    await run(tiny('rdarts-l2'));
    const steps = calls.filter(isTraining);
    expect(steps).to.have.length(TINY_STEPS);
    for (const { inputs } of steps) expect(inputs.weightDecay.data[0]).to.be.closeTo(81e-4, 1e-9);
  });

  describe('with perturbed shares', () => {
    for (const id of ['sdarts-rs', 'sdarts-adv']) {
      it(`${id} trains the weights beside alpha's shares and moves alpha at them`, async () => {
        const protocol = tiny(id, 'perturbation.epsilonStart=0.01', 'perturbation.epsilonEnd=0.2');
        const alphas: Vec[] = [];
        watch(protocol);
        const { store } = memory();
        await run(protocol, {
          store: { ...store, saveCheckpoint: ({ tensors }) => alphas.push(tensors['solver.alpha'] as Vec) },
        });
        const trained = calls.filter(isTraining);
        // An alpha update comes right after a weight step.
        const updated = calls.filter(
          ({ options }, i) => options.outputs?.join() === 'loss,alphaGradient' && isTraining(calls[i - 1]),
        );
        expect(updated).to.have.length(TINY_STEPS - 2);
        // In warm-up alpha stays: both steps are made beside the same shares, each at another point.
        const clean = mixingWeights(SMALL, alphas[0]);
        const distances = trained.slice(0, 2).map(({ inputs }) => {
          const shares = Float64Array.from(inputs.alphas.data);
          for (let start = 0; start < shares.length; start += 3) {
            expect(shares[start] + shares[start + 1] + shares[start + 2]).to.be.closeTo(1, 1e-6);
          }
          return Math.max(...shares.map((share, i) => Math.abs(share - clean[i])));
        });
        // Repairing a sum that is off by up to three radii moves a share of a third once more.
        for (const distance of distances) expect(distance).to.be.within(1e-3, 0.021);
        expect(trained[0].inputs.alphas).to.not.deep.equal(trained[1].inputs.alphas);
        const first = Float32Array.from(clean);
        expect(updated[0].inputs.alphas.data).to.deep.equal(first);
        if (id === 'sdarts-adv') {
          // Two losses and seven gradients before each weight step, on its batch.
          const steps = calls.filter(({ name }) => name === 'step');
          const at = steps.indexOf(trained[3]);
          const outputs = steps.slice(at - 9, at).map(({ options }) => options.outputs?.join());
          const ascent = Array.from({ length: 7 }, () => 'loss,alphaGradient');
          expect(outputs).to.deep.equal(['loss', ...ascent, 'loss']);
          for (const { inputs } of steps.slice(at - 9, at)) {
            expect(inputs.images).to.deep.equal(trained[3].inputs.images);
            expect(inputs.noiseSeed).to.deep.equal(trained[3].inputs.noiseSeed);
          }
        }
      });
    }
  });

  it('with partial channels have an alpha an edge, which decides the genotype with the others', async () => {
    const { alpha, genotype, updates } = await run(tiny('pc-darts'));
    const edges = 2 * 5;
    expect(alpha).to.have.length(2 * 5 * 3 + edges);
    const vector = Float64Array.from(alpha);
    expect(genotype).to.deep.equal(deriveGenotype(SMALL, vector, { edgeNormalization: true }));
    expect(updates).to.equal(TINY_STEPS - 2);
    // Each has moved from its start.
    const start = await run(tiny('pc-darts', 'warmupEpochs=4'));
    alpha.forEach((value, i) => expect(value).to.not.equal(start.alpha[i]));
    const without = await run(tiny('pc-darts', 'partialChannels.edgeNormalization=false'));
    expect(without.alpha).to.have.length(2 * 5 * 3);
  });

  describe('with the dominant eigenvalue', () => {
    longIt('record what differences of eager gradients give', async () => {
      const quiet = uniformSpace('quiet', ['skip_connect', 'sep_conv_3x3', 'max_pool_3x3'], 2);
      const { space, ...settings } = tiny('darts-1st', 'stability.action=record', 'stability.products=30');
      expect(space).to.deep.equal({ ...SMALL });
      const protocol = SEARCH.parse({ ...settings, space: quiet });
      const { store, checkpoints } = memory();
      const { epochs } = await run(protocol, { store });
      expect(epochs).to.have.length(4);
      const { cells, channels, batchSize } = protocol;
      const net = supernet(quiet, { cells, channels, classes: 10 });
      // The first images of the validation half, as they are.
      const indices = halves(16).val.slice(0, batchSize);
      const { images, labels } = batchOf(dataset.train, indices, evalTransform(dataset), key(0));
      const { 'solver.alpha': alpha, omega } = checkpoints[3].tensors as Record<'solver.alpha', Vec> &
        Record<'omega', Float32Array>;
      const gradient = (at: Vec): Vec => {
        let found: Vec | undefined;
        tf.tidy(() => {
          const { alphas } = lossAndGradientsAround(
            net,
            tf.tensor1d(omega),
            tf.tensor1d(Float32Array.from(at)),
            tf.tensor1d(Float32Array.from(alpha)),
            tf.tensor4d(images.data, [batchSize, 8, 8, 3]),
            tf.tensor1d(labels.data, 'int32'),
          );
          found = Float64Array.from(alphas.dataSync());
        });
        return found!;
      };
      const options = { key: key(1), steps: 30, tolerance: 1e-4 };
      const [{ value }] = (await hessianSpectrum(gradient, alpha, options)).values;
      expect(epochs[3].dominantEigenvalue! / value).to.be.closeTo(1, 0.01);
    });

    it('change nothing in a search that only records it', async () => {
      const settings = ['omega.iterations=1'];
      const plain = await run(tiny('mgs', ...settings));
      const recorded = await run(tiny('mgs', ...settings, 'stability.action=record', 'stability.products=3'));
      const { epochs, ...rest } = recorded;
      const bare = epochs.map(({ dominantEigenvalue, eigenvalueError, ...record }) => {
        expect(dominantEigenvalue).to.be.finite;
        expect(eigenvalueError).to.be.above(0);
        return record;
      });
      expect({ ...rest, epochs: bare }).to.deep.equal(plain);
    });

    it('record as many of the largest as are asked for, dominant first', async () => {
      const settings = ['stability.action=record', 'stability.products=30', 'epochs=2'];
      const one = await run(tiny('darts-1st', ...settings));
      const three = await run(tiny('darts-1st', ...settings, 'stability.values=3'));
      three.epochs.forEach(({ dominantEigenvalue, eigenvalues }, i) => {
        expect(eigenvalues).to.have.length(3);
        expect(eigenvalues![0]).to.equal(dominantEigenvalue);
        expect(eigenvalues).to.deep.equal([...eigenvalues!].sort((a, b) => b - a));
        expect(dominantEigenvalue! / one.epochs[i].dominantEigenvalue!).to.be.closeTo(1, 0.01);
        expect(one.epochs[i]).to.not.have.property('eigenvalues');
      });
      expect(three.alpha).to.deep.equal(one.alpha);
    });

    it('record it every so many epochs and in the last, with how far it may be off', async () => {
      const settings = ['stability.action=record', 'stability.products=30'];
      const all = await run(tiny('darts-1st', ...settings));
      const some = await run(tiny('darts-1st', ...settings, 'stability.every=2'));
      expect(some.alpha).to.deep.equal(all.alpha);
      some.epochs.forEach((record, i) => {
        if (i === 1) {
          expect(record).to.not.have.any.keys('dominantEigenvalue', 'eigenvalueError');
          return;
        }
        const { dominantEigenvalue, eigenvalueError } = all.epochs[i];
        expect(record).to.deep.include({ dominantEigenvalue, eigenvalueError });
        // Rounding in single precision, seen over a difference of 0.01.
        expect(eigenvalueError! / Math.abs(dominantEigenvalue!), `epoch ${i}`).to.be.within(1e-7, 0.05);
      });
      // What acts on the eigenvalue needs no such number beside it.
      const acting = await run(tiny('darts-es', 'stability.ratio=0.0001'));
      expect(acting.epochs[0]).to.not.have.property('eigenvalueError');
    });

    // Of this seed the eigenvalue rises.
    const rising = ['epochs=6', 'seed=2'];

    it('stop with the alphas from before it rose', async () => {
      const protocol = tiny('darts-es', ...rising);
      const { store, checkpoints, metrics } = memory();
      const { interventions, alpha, epochs, genotype } = await run(protocol, { store });
      expect(interventions).to.have.length(1);
      const [{ action, epoch, backTo }] = interventions!;
      expect(action).to.equal('stop');
      expect(epoch).to.equal(backTo + 1);
      expect(epochs).to.have.length(epoch + 1);
      expect(epochs[epoch].dominantEigenvalue! * 0.9999).to.be.above(epochs[backTo].dominantEigenvalue!);
      const before = checkpoints.find(({ step }) => step === 2 * (backTo + 1))!;
      expect(Float64Array.from(alpha)).to.deep.equal(before.tensors['solver.alpha']);
      expect(genotype).to.deep.equal(deriveGenotype(SMALL, before.tensors['solver.alpha'] as Vec));
      expect(metrics.filter(({ kind }) => kind === 'intervention')).to.have.length(1);
      // Finished is finished.
      const again = await run(protocol, { from: checkpoints.at(-1) });
      expect(again.interventions).to.deep.equal(interventions);
      expect(again.alpha).to.deep.equal(alpha);
    });

    it('go on to the end where it never rises enough', async () => {
      const { interventions, epochs } = await run(tiny('darts-es', 'stability.ratio=0.0001'));
      expect(interventions).to.deep.equal([]);
      expect(epochs).to.have.length(4);
    });

    it('go back and decay the weights more, up to the highest decay', async () => {
      const protocol = tiny('darts-ada', ...rising);
      const { weights } = watch(protocol);
      const { store, checkpoints, metrics } = memory();
      // What the first pass after each intervention, which alpha moves by, starts from.
      const starts: { omega: Float32Array; momentum: Float32Array; call: Call }[] = [];
      let pending = false;
      beforeCall = (call) => {
        if (!pending || call.name !== 'step') return;
        starts.push({ ...weights(), call });
        pending = false;
      };
      const { interventions, epochs, steps } = await run(protocol, {
        store: {
          ...store,
          appendMetrics: (record) => {
            store.appendMetrics(record);
            if ((record as { kind?: string }).kind === 'intervention') pending = true;
          },
        },
      });
      expect(interventions).to.have.length(2);
      expect(interventions!.map(({ weightDecay }) => weightDecay)).to.deep.equal([3e-4 * 10, 0.03]);
      let repeated = 0;
      interventions!.forEach(({ action, epoch, backTo, weightDecay }, i) => {
        expect(action).to.equal('regularize');
        expect(epoch - backTo).to.equal(1);
        repeated += epoch - backTo;
        // The last checkpoint of that epoch's end before the intervention holds the state that it went back to.
        const line = metrics.filter(({ kind }) => kind === 'intervention')[i];
        const kept = checkpoints.filter(({ step }) => step < line.step).at(-1)!;
        expect(starts[i].omega).to.deep.equal(kept.tensors.omega);
        expect(starts[i].momentum).to.deep.equal(kept.tensors.momentum);
        expect(starts[i].call.inputs.alphas.data).to.deep.equal(
          Float32Array.from(kept.tensors['solver.alpha'] as Vec),
        );
        const trained = calls.slice(calls.indexOf(starts[i].call)).find(isTraining)!;
        expect(trained.inputs.weightDecay.data[0]).to.be.closeTo(weightDecay!, 1e-8);
      });
      expect(epochs.map(({ epoch }) => epoch)).to.deep.equal([0, 1, 2, 3, 4, 5]);
      expect(steps).to.equal(2 * (6 + repeated));
      expect(epochs[0].weightDecay).to.equal(3e-4);
      expect(epochs[5].weightDecay).to.equal(0.03);
    });
  });

  longIt('agree between the compiled and the eager form to rounding', async () => {
    const protocol = tiny(
      'pc-darts',
      'epochs=2',
      'omega.kind=unrolled',
      'dropPath.probability=0.5',
      'perturbation.kind=rs',
      'stability.action=record',
      'stability.products=2',
    );
    const compiled = await run(protocol);
    const eager = await run(protocol, { compile: false });
    eager.epochs.forEach((record, i) => {
      for (const name of ['trainLoss', 'candidateLoss', 'dominantEigenvalue'] as const) {
        const [ours, theirs] = [record[name] ?? 0, compiled.epochs[i][name] ?? 0];
        expect(ours, name).to.be.closeTo(theirs, 1e-3 * Math.max(1, Math.abs(theirs)));
      }
    });
    // Adam steps by the gradients' signs: where one is nearly 0, rounding decides it.
    const close = eager.alpha.filter((value, i) => Math.abs(value - compiled.alpha[i]) < 1e-5);
    expect(close.length / eager.alpha.length).to.be.above(0.9);
  });

  longIt('lend their parts to a zero-order search, which goes on in parts as well', async () => {
    const protocol = tiny(
      'mgs',
      'epochs=3',
      'solver.samples=2',
      'omega.iterations=1',
      'dropPath.probability=0.3',
      'perturbation.kind=rs',
      'partialChannels.k=2',
      'stability.action=regularize',
      'stability.ratio=0.9999',
      'stability.window=1',
      'stability.lag=1',
      'stability.startEpoch=0',
      'stability.products=3',
    );
    const { store, metrics } = memory();
    const whole = await run(protocol, { store });
    const parts = await inParts(protocol);
    expect(parts.result).to.deep.equal(whole);
    expect(parts.metrics).to.deep.equal(metrics);
    expect(whole.alpha).to.have.length(2 * 5 * 3 + 2 * 5);
  });
});
