import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs-node';
import { moveToOpenScope, tf } from '../../lib/engine/index.js';
import type { HostArray, HostArrays, ProgramFunction } from '../../lib/engine/index.js';
import { ZartsError } from '../../lib/errors.js';
import { initialStatistics, runningStatistics, trainingStatistics } from '../../lib/supernet/statistics.js';
import type { Vec } from '../../lib/math/vec.js';
import { supernetProgram } from '../../lib/search/program.js';
import { SearchSession } from '../../lib/search/session.js';
import { reductionCells, spaceById } from '../../lib/spaces/spaces.js';
import type { SearchSpace } from '../../lib/spaces/spaces.js';
import { supernet } from '../../lib/supernet/supernet.js';
import type { Supernet } from '../../lib/supernet/supernet.js';
import { lossAndGradients, sgdStep } from '../../lib/supernet/training.js';
import type { WeightLayout } from '../../lib/supernet/weights.js';
import type { FixtureCase, Fixtures, ParamEntry } from './fixtures.js';
import {
  NotCovered,
  arrayOf,
  checkEpsilon,
  compare,
  hostArray,
  hostArrays,
  inBothForms,
  listedSpace,
  nodesOf,
  norm,
  numberOf,
  specOf,
  specsOf,
  withLayout,
} from './network-case.js';
import type { ArrayError, CaseRunner } from './network-case.js';

/** Runners of the cases of whole supernets: 4 and 5 one pass, 6 SGD, 7 second order. */
export const supernetCases: Readonly<Record<string, CaseRunner>> = {
  '4': supernetCase(passErrors),
  '5': supernetCase(passErrors),
  '6': supernetCase(sgdErrors),
  '7': supernetCase(secondOrderErrors),
};

/** Works on a case with its supernet and where the reference keeps each weight. */
type SupernetErrors = (c: FixtureCase, net: Supernet, index: readonly ParamEntry[]) => ArrayError[];

function supernetCase(errors: SupernetErrors): CaseRunner {
  return (c, fixtures) => {
    const net = caseSupernet(c);
    const index = paramIndex(c, fixtures);
    return withLayout(sameSupernet(c, net, index), () => errors(c, net, index));
  };
}

/** The network that a case's constants describe. */
export function caseSupernet(c: FixtureCase): Supernet {
  checkEpsilon(c);
  const nodes = c.constants.steps === undefined ? nodesOf(c) : numberOf(c, 'steps');
  const fixed = { stem_multiplier: 3, multiplier: nodes };
  for (const [name, ours] of Object.entries(fixed)) {
    const theirs = c.constants[name];
    if (theirs !== undefined && theirs !== ours) {
      throw new NotCovered(`its ${name} is ${JSON.stringify(theirs)}; that of our supernet is ${ours}`);
    }
  }
  const shape = { cells: numberOf(c, 'layers'), channels: numberOf(c, 'C'), classes: numberOf(c, 'classes') };
  return supernet(caseSpace(c, nodes), shape);
}

/** Our names of the spaces that the reference numbers. */
export const SPACE_OF_REFERENCE: Readonly<Record<string, string>> = {
  s1: 's1',
  s2: 's2',
  s3: 's3',
  s4: 's4',
  s5: 'darts-zero',
  s6: 'darts',
  nb201: 'nb201',
};

/** The space of a case: as its constants list it, else the one it names. */
function caseSpace(c: FixtureCase, nodes: number): SearchSpace {
  const named = String(c.constants.space);
  const known = SPACE_OF_REFERENCE[named];
  const space = listedSpace(c, nodes) ?? (known === undefined ? undefined : spaceById(known));
  if (!space) throw new NotCovered(`it lists no primitives, and its space "${named}" is none here`);
  return space;
}

/** Where the reference keeps each weight in the flat vector. */
export function paramIndex(c: FixtureCase, { paramIndexes }: Fixtures): readonly ParamEntry[] {
  const name = String(c.constants.param_index);
  if (!(name in paramIndexes))
    throw new ZartsError(`Case ${c.id} names the weight layout "${name}", which the manifest lacks.`);
  return paramIndexes[name];
}

/** Whether parameters have the reference's names, order, shapes and places. */
export function sameLayout(layout: WeightLayout, theirs: readonly ParamEntry[]): boolean {
  const lines = (entries: WeightLayout['parameters'] | readonly ParamEntry[]) =>
    entries.map(({ name, shape, offset, size }) => `${name} [${shape.join()}] ${offset} ${size}`).join();
  return lines(layout.parameters) === lines(theirs);
}

/** Whether a supernet has the reference's layout, and its reduction cells are the reference's. */
function sameSupernet(c: FixtureCase, { layout, shape }: Supernet, theirs: readonly ParamEntry[]): boolean {
  const { reduction_layers: reductions, n_params: parameters } = c.constants;
  const ours = [...new Set(reductionCells(shape.cells))].filter((cell) => cell < shape.cells);
  return (
    sameLayout(layout, theirs) &&
    (reductions === undefined || ours.join() === [...new Set(reductions as number[])].join()) &&
    (parameters === undefined || parameters === layout.size)
  );
}

/** The alphas of all cells in one vector, as our supernet takes them. */
export function alphasOf(c: FixtureCase, { alphas }: Supernet): HostArray {
  const names = ['alpha_normal', 'alpha_reduce'].filter((name) => name in c.arrays);
  const data = Float32Array.from(names.flatMap((name) => [...arrayOf(c, name).data]));
  if (data.length !== alphas) {
    throw new NotCovered(`it has ${data.length} alphas where its edges have ${alphas} primitives`);
  }
  return { shape: [alphas], data };
}

/** The values of a flat vector. */
type Flat = HostArray['data'] | Vec;

/** A gradient with respect to all alphas, cell by cell under the manifest's names. */
export function byCell(prefix: string, { space }: Supernet, data: Flat): Record<string, ArrayLike<number>> {
  const normal = space.edges.normal.reduce((sum, primitives) => sum + primitives.length, 0);
  return { [`${prefix}_normal`]: data.slice(0, normal), [`${prefix}_reduce`]: data.slice(normal) };
}

/** The pieces of a flat vector under prefixed names. */
export function pieces(
  prefix: string,
  flat: Flat,
  index: readonly ParamEntry[],
): Record<string, ArrayLike<number>> {
  return Object.fromEntries(
    index.map(({ name, offset, size }) => [`${prefix}.${name}`, flat.subarray(offset, offset + size)]),
  );
}

/** The norm of every piece of a flat vector. */
export function pieceNorms(flat: Flat, index: readonly ParamEntry[]): number[] {
  return index.map(({ offset, size }) => norm(flat.subarray(offset, offset + size)));
}

/** The draws of the noise primitive that the case recorded, by input name `noise.<cell>.<edge>`. */
function noiseNames({ info }: FixtureCase): string[] {
  return Object.keys(info).filter((name) => /^noise\.\d+\.\d+$/.test(name));
}

/** The recorded draws as the supernet asks for them, by the operation's name. */
function injected(inputs: Readonly<Record<string, Tensor>>) {
  return (name: string): Tensor4D => {
    const [, cell, edge] = /^cells\.(\d+)\._ops\.(\d+)\./.exec(name) ?? [];
    const key = `noise.${cell}.${edge}`;
    if (!(key in inputs))
      throw new ZartsError(`There are no recorded draws for the noise primitive at ${name}.`);
    return inputs[key] as Tensor4D;
  };
}

/** One pass forward and backward. */
function passErrors(c: FixtureCase, net: Supernet, index: readonly ParamEntry[]): ArrayError[] {
  const inputs: HostArrays = {
    ...hostArrays(c, ['x', 'target', ...noiseNames(c)]),
    alphas: alphasOf(c, net),
  };
  const run: ProgramFunction['run'] = ({ weights }, given) => {
    const { x, target, alphas } = given as { x: Tensor4D; target: Tensor1D; alphas: Tensor1D };
    let logits: Tensor2D;
    // The scores that the loss is made of, not those of a second pass.
    const watched: Supernet = { ...net, logits: (...args) => (logits = tf.keep(net.logits(...args))) };
    const gradients = lossAndGradients(watched, weights as Tensor1D, alphas, x, target, {
      noise: injected(given),
    });
    const { loss, weights: gradient, alphas: alphaGradient } = gradients;
    return { outputs: { logits: moveToOpenScope(logits!), loss, gradient, alphaGradient } };
  };
  const functions = { pass: { inputs: specsOf(inputs), run } };
  return inBothForms(c, { weights: hostArray(c, 'weights') }, functions, (program) => {
    const { logits, loss, gradient, alphaGradient } = program.call('pass', inputs);
    return {
      logits: logits.data,
      loss: loss.data,
      ...byCell('g_alpha', net, alphaGradient.data),
      grad_norms: pieceNorms(gradient.data, index),
      ...pieces('gw', gradient.data, index),
      global_grad_norm: [norm(gradient.data)],
    };
  });
}

/** Several SGD steps on ω with running statistics, then one pass in inference mode. */
function sgdErrors(c: FixtureCase, net: Supernet, index: readonly ParamEntry[]): ArrayError[] {
  const bnMomentum = numberOf(c, 'bn_momentum');
  const settings = {
    momentum: numberOf(c, 'momentum'),
    weightDecay: numberOf(c, 'weight_decay'),
    clip: c.constants.grad_clip_norm === null ? null : numberOf(c, 'grad_clip_norm'),
    nesterov: c.constants.nesterov === true,
  };
  if ((c.constants.dampening ?? 0) !== 0) throw new NotCovered('its SGD has dampening; ours has none');
  const lr = { shape: [], data: Float32Array.of(numberOf(c, 'lr')) };
  const alphas = alphasOf(c, net);
  const vector = (data: Float32Array) => ({ shape: [data.length], data });
  const statistics = initialStatistics(net.normalizations);
  const state: HostArrays = {
    weights: hostArray(c, 'weights'),
    momentum: vector(new Float32Array(net.layout.size)),
    mean: vector(statistics.mean),
    variance: vector(statistics.variance),
  };
  const batch = (i: number): HostArrays => ({
    images: hostArray(c, `x${i}`),
    labels: hostArray(c, `target${i}`),
  });
  const functions: Record<'step' | 'infer', ProgramFunction> = {
    step: {
      inputs: specsOf({ ...batch(0), alphas, lr }),
      run: (state, inputs) => {
        const [weights, momentum] = [state.weights as Tensor1D, state.momentum as Tensor1D];
        const { normalization, moved } = trainingStatistics(net.normalizations, state, bnMomentum);
        const { loss, weights: gradient } = lossAndGradients(
          net,
          weights,
          inputs.alphas as Tensor1D,
          inputs.images as Tensor4D,
          inputs.labels as Tensor1D,
          { normalization },
        );
        const next = sgdStep(weights, momentum, gradient, inputs.lr, settings);
        return {
          outputs: { loss, gradientNorm: next.gradientNorm },
          state: { weights: next.weights, momentum: next.momentum, ...moved() },
        };
      },
    },
    infer: {
      inputs: { images: specOf(hostArray(c, 'x_eval')), alphas: specOf(alphas) },
      run: (state, inputs) => {
        const [weights, alphas] = [state.weights as Tensor1D, inputs.alphas as Tensor1D];
        const normalization = runningStatistics(net.normalizations, state);
        const logits = net.logits(weights, alphas, inputs.images as Tensor4D, { normalization });
        return { outputs: { logits } };
      },
    },
  };
  return inBothForms(c, state, functions, (program) => {
    const steps = arrayOf(c, 'losses').data.length;
    const [losses, norms]: number[][] = [[], []];
    for (let i = 0; i < steps; i++) {
      const { loss, gradientNorm } = program.call('step', { ...batch(i), alphas, lr });
      losses.push(loss.data[0]);
      norms.push(gradientNorm.data[0]);
    }
    const { logits } = program.call('infer', { images: hostArray(c, 'x_eval'), alphas });
    const { weights, momentum, mean, variance } = program.read();
    const statistics: Record<string, ArrayLike<number>> = {};
    let offset = 0;
    for (const { name, channels } of net.normalizations) {
      statistics[`running_mean.${name}`] = mean.data.subarray(offset, offset + channels);
      statistics[`running_var.${name}`] = variance.data.subarray(offset, offset + channels);
      offset += channels;
    }
    return {
      losses,
      grad_norms_before_clip: norms,
      final_param_norms: pieceNorms(weights.data, index),
      final_momentum_norms: pieceNorms(momentum.data, index),
      ...pieces('final', weights.data, index),
      ...statistics,
      logits_eval: logits.data,
    };
  });
}

/** DARTS' second-order architecture gradient, and the first-order one beside it, as a search's session takes them. */
function secondOrderErrors(c: FixtureCase, net: Supernet, index: readonly ParamEntry[]): ArrayError[] {
  const step = {
    lr: numberOf(c, 'eta'),
    momentum: numberOf(c, 'momentum'),
    weightDecay: numberOf(c, 'weight_decay'),
    radius: numberOf(c, 'r'),
  };
  const alpha = Float64Array.from(alphasOf(c, net).data);
  const pass = (half: 'train' | 'val') => ({
    batch: { images: hostArray(c, `x_${half}`), labels: hostArray(c, `target_${half}`) },
    alpha,
    noise: [0, 0] as const,
  });
  const [batchSize, image] = hostArray(c, 'x_val').shape;
  const omega = hostArray(c, 'weights').data as Float32Array;
  const buffer = c.arrays.momentum_buffer?.data as Float32Array | undefined;
  return (['eager', 'compiled'] as const).flatMap((form) => {
    const parts = { ...net.shape, space: net.space, batchSize, image, compile: form === 'compiled' };
    const made = supernetProgram(parts, { mixing: 'softmax', statistics: 'batch', dropPath: false });
    const session = new SearchSession(made);
    session.writeWeights(omega, buffer ?? new Float32Array(omega.length));
    let unrolled = omega;
    const call = made.program.call.bind(made.program);
    made.program.call = (name, ...rest) => {
      const results = call(name, ...rest);
      if (name === 'unroll') unrolled = session.readWeights().omega;
      return results;
    };
    const second = session.secondOrder(pass('train'), pass('val'), step);
    made.program.call = call;
    const first = session.firstOrder(pass('val'));
    return compare(c, form, {
      ...byCell('g_alpha', net, second.gradient),
      ...byCell('dalpha', net, second.direct),
      ...byCell('implicit', net, second.implicit),
      v_norm: [second.vNorm],
      R: [step.radius / second.vNorm],
      unrolled_val_loss: [second.loss],
      unrolled_param_norms: pieceNorms(unrolled, index),
      ...byCell('first_order', net, first.gradient),
      val_loss: [first.loss],
      train_loss: [second.trainLoss],
    });
  });
}

/**
 * Multiply-adds of one image's forward pass, every candidate operation run once: a kernel's size times the pixels it
 * gives, which are those of its cell's output, or of its input for what comes before the edges.
 */
export function multiplyAdds(
  net: Supernet,
  height: number,
  width: number,
): { convolutions: number; linear: number } {
  const reductions = new Set(reductionCells(net.shape.cells));
  const pixels = [height * width];
  for (let cell = 0; cell < net.shape.cells; cell++)
    pixels.push(pixels[cell] / (reductions.has(cell) ? 4 : 1));
  let convolutions = 0;
  let linear = 0;
  for (const { name, shape, size } of net.layout.parameters) {
    if (shape.length === 2) linear += size;
    if (shape.length !== 4) continue;
    const [, cell, part] = /^cells\.(\d+)\.(\w+)/.exec(name) ?? [];
    const before = cell === undefined ? 0 : Number(cell);
    convolutions += size * pixels[part === '_ops' ? before + 1 : before];
  }
  return { convolutions, linear };
}
