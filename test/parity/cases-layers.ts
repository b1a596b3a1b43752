import type { Rank, Tensor, Tensor1D, Tensor4D } from '@tensorflow/tfjs-node';
import {
  batchNorm,
  normalizeExactly,
  batchNormInference,
  compile,
  dropPath,
  dropPathFactors,
  moveToOpenScope,
  tf,
} from '../../lib/engine/index.js';
import type {
  BatchStatistics,
  HostArrays,
  NormalizedBatch,
  ProgramFunction,
} from '../../lib/engine/index.js';
import { ZartsError } from '../../lib/errors.js';
import { isPrimitive } from '../../lib/spaces/primitives.js';
import type { Primitive } from '../../lib/spaces/primitives.js';
import {
  FeatureMap,
  factorizedReduce,
  operation,
  output,
  reluConvBn,
  stem,
  stridedConvBn,
} from '../../lib/supernet/layers.js';
import type { Layer, Scope } from '../../lib/supernet/layers.js';
import type { FixtureCase } from './fixtures.js';
import {
  NotCovered,
  arrayOf,
  checkEpsilon,
  exact,
  hostArray,
  hostArrays,
  inBothForms,
  numberOf,
  specOf,
  specsOf,
  withLayout,
} from './network-case.js';
import type { ArrayError, CaseRunner } from './network-case.js';

type Shape4D = [number, number, number, number];

/** Runners of the cases of single layers: 1 primitives, 2 preprocessing and stems, 3 batch norm. */
export const layerCases: Readonly<Record<string, CaseRunner>> = {
  '1': (c) => ('gy' in c.arrays ? layerCase(c, primitiveLayer(c)) : shapeCase(c)),
  '2': (c) => layerCase(c, preprocessLayer(c)),
  '3': batchNormCase,
};

/** One step of a layer as the manifest lists them: a bare name or a record. */
interface Item {
  readonly type: string;
  readonly affine?: boolean;
  readonly kernel?: readonly number[];
  readonly stride?: number | readonly number[];
  readonly padding?: number | readonly number[];
}

function sequenceOf({ id, constants }: FixtureCase): Item[] {
  const { sequence } = constants;
  if (!Array.isArray(sequence))
    throw new ZartsError(`Case ${id} lists no sequence of steps; it cannot be run.`);
  return (sequence as (string | Item)[]).map((item) => (typeof item === 'string' ? { type: item } : item));
}

function primitiveLayer(c: FixtureCase): Layer {
  checkEpsilon(c);
  const { op } = c.constants;
  if (!isPrimitive(op)) throw new NotCovered(`its operation "${String(op)}" is no primitive here`);
  const items = sequenceOf(c);
  return operation(op, {
    channels: numberOf(c, 'C'),
    stride: strideOf(numberOf(c, 'stride')),
    affine: items.some(({ affine }) => affine === true),
    poolsNormalized: items.some(({ type }) => type === 'batchnorm'),
  });
}

function strideOf(stride: number): 1 | 2 {
  if (stride !== 1 && stride !== 2) throw new NotCovered(`its stride is ${stride}; ours are 1 and 2`);
  return stride;
}

function preprocessLayer(c: FixtureCase): Layer {
  checkEpsilon(c);
  const items = sequenceOf(c);
  const affine = c.constants.affine === true;
  const [inputs, outputs] = [arrayOf(c, 'x').shape[3], arrayOf(c, 'gy').shape[3]];
  const convolution = items.find(({ type }) => type === 'conv');
  switch (items.map(({ type }) => type).join()) {
    case 'relu,conv,batchnorm':
      if (convolution?.kernel?.join() === '1,1' && convolution.stride === 1) {
        return reluConvBn(inputs, outputs, affine);
      }
      break;
    case 'factorized_reduce':
      return factorizedReduce(inputs, outputs, affine);
    case 'conv,batchnorm':
      if (convolution?.kernel?.join() === '3,3' && convolution.padding === 1 && affine) {
        return convolution.stride === 1 ? stem(inputs, outputs) : stridedConvBn(['0', '1'], inputs, outputs);
      }
  }
  throw new NotCovered('its sequence of steps is no layer here');
}

/** A layer's output, its gradients for the cotangent `gy`, and the running statistics after the one pass. */
function layerCase(c: FixtureCase, layer: Layer): ArrayError[] {
  return withLayout(sameParameters(c, layer), () => layerErrors(c, layer));
}

function layerErrors(c: FixtureCase, layer: Layer): ArrayError[] {
  const names = layer.parameters.map(({ name }) => name);
  const inputs = hostArrays(c, ['x', 'gy']);
  const weights = hostArrays(
    c,
    names.map((name) => `w.${name}`),
  );
  const functions = { pass: { inputs: specsOf(inputs), run: passOf(layer) } };
  return inBothForms(c, weights, functions, (program) => {
    const outputs = program.call('pass', inputs);
    const computed = Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, data]));
    const momentum = layer.normalizations.length > 0 ? numberOf(c, 'bn_momentum') : 0;
    for (const { name } of layer.normalizations) {
      // Before the first pass a running mean is 0 and a running variance 1.
      const [mean, variance] = [outputs[`mean.${name}`].data, outputs[`variance.${name}`].data];
      computed[`buf.${name}.running_mean`] = mean.map((value) => momentum * value);
      computed[`buf.${name}.running_var`] = variance.map((value) => 1 - momentum + momentum * value);
    }
    return computed;
  });
}

/** Whether the case's weights are the layer's parameters: names, order and shapes. */
function sameParameters({ info }: FixtureCase, { parameters }: Layer): boolean {
  const theirs = Object.keys(info).filter((name) => name.startsWith('w.'));
  return (
    theirs.join() === parameters.map(({ name }) => `w.${name}`).join() &&
    parameters.every(({ name, shape }) => info[`w.${name}`].shape.join() === shape.join())
  );
}

function passOf(layer: Layer): ProgramFunction['run'] {
  const names = layer.parameters.map(({ name }) => name);
  return (state, { x, gy }) => {
    const statistics = new Map<string, BatchStatistics>();
    const collected = (name: string, { y, statistics: found }: NormalizedBatch): Tensor4D => {
      statistics.set(name, keepStatistics(found));
      return y;
    };
    const forward = (...args: Tensor[]) => {
      const [input, ...weights] = args;
      const byName = new Map(names.map((name, i) => [name, weights[i]]));
      const scope: Scope = {
        weight: (name) => byName.get(name)!,
        normalize: (name, values, scale, offset) => collected(name, normalizeBatch(values, scale, offset)),
        normalizeExactly: (name, ...values) => collected(name, normalizeExactly(...values)),
        noise: () => {
          throw new NotCovered('its operation is random');
        },
      };
      // Times 1, since the gradient of the identity itself is refused: no operation leads from x to it.
      return tf.mul(output(layer, new FeatureMap(input as Tensor4D), scope), 1);
    };
    const { value, grads } = tf.valueAndGrads(forward)([x, ...names.map((name) => state[`w.${name}`])], gy);
    const outputs: Record<string, Tensor> = { y: value, gx: grads[0] };
    names.forEach((name, i) => (outputs[`gw.${name}`] = grads[i + 1]));
    for (const [name, { mean, variance }] of statistics) {
      outputs[`mean.${name}`] = moveToOpenScope(mean);
      outputs[`variance.${name}`] = moveToOpenScope(variance);
    }
    return { outputs };
  };
}

function normalizeBatch(x: Tensor4D, scale?: Tensor1D, offset?: Tensor1D): NormalizedBatch {
  const channels: [number] = [x.shape[3]];
  return batchNorm(x, scale ?? tf.ones<Rank.R1>(channels), offset ?? tf.zeros<Rank.R1>(channels));
}

/** Takes statistics out of the scope of the forward pass, which ends before they are read. */
function keepStatistics({ mean, variance }: BatchStatistics): BatchStatistics {
  return { mean: tf.keep(mean), variance: tf.keep(variance) };
}

/**
 * A case without numbers: the shape that an operation gives, or that it is refused. Its operation and stride are named in
 * the description only; where they are not, the stride follows from the shapes.
 */
function shapeCase(c: FixtureCase): ArrayError[] {
  const values = c.values as { input_shape?: number[]; output_shape?: number[]; expect?: string } | undefined;
  const primitive = c.what.split(/[\s,]+/).find(isPrimitive);
  if (primitive === undefined || values?.input_shape === undefined) {
    throw new NotCovered('it has neither arrays nor a shape and the name of a primitive');
  }
  const { input_shape: input, output_shape: expected, expect } = values;
  const named = /stride (\d+)/.exec(c.what)?.[1];
  const stride = strideOf(
    named !== undefined ? Number(named) : expected ? Math.round(input[1] / expected[1]) : 1,
  );
  return (['eager', 'compiled'] as const).map((form) => {
    const shape = shapeOf(primitive, stride, input, form === 'compiled');
    if (expect === 'error') return exact('error', shape === 'refused', form);
    return exact('shape', Array.isArray(shape) && shape.join() === expected?.join(), form);
  });
}

/** The shape of an operation's output, or that the operation is refused with a sentence. */
function shapeOf(
  primitive: Primitive,
  stride: 1 | 2,
  input: number[],
  compiled: boolean,
): number[] | 'refused' {
  const layer = operation(primitive, { channels: input[3], stride, affine: false, poolsNormalized: true });
  const x = { shape: input, data: new Float32Array(input.reduce((product, side) => product * side, 1)) };
  const run: ProgramFunction['run'] = (state, inputs) => {
    const scope: Scope = {
      weight: (name) => state[name],
      normalize: (_, values, scale, offset) => normalizeBatch(values, scale, offset).y,
      normalizeExactly: (_, ...values) => normalizeExactly(...values).y,
      noise: (_, shape) => tf.zeros<Rank.R4>(shape as Shape4D),
    };
    return { outputs: { y: tf.mul(output(layer, new FeatureMap(inputs.x as Tensor4D), scope), 1) } };
  };
  const weights: HostArrays = Object.fromEntries(
    layer.parameters.map(({ name, shape }) => [
      name,
      { shape, data: new Float32Array(shape.reduce((product, side) => product * side, 1)).fill(1) },
    ]),
  );
  const program = compile(weights, { pass: { inputs: { x: specOf(x) }, run } }, { compile: compiled });
  try {
    return [...program.call('pass', { x }).y.shape];
  } catch (error) {
    if (error instanceof ZartsError) return 'refused';
    throw error;
  } finally {
    program.dispose();
  }
}

/** Training passes with running statistics in the program's state, then inference and its input gradient. */
function batchNormCase(c: FixtureCase): ArrayError[] {
  checkEpsilon(c);
  const momentum = numberOf(c, 'bn_momentum');
  let passes = 0;
  while (`y_train${passes}` in c.info) passes++;
  if (passes === 0) throw new NotCovered('it has no training pass');
  const channels = arrayOf(c, 'x0').shape[3];
  const vector = (value: number) => ({ shape: [channels], data: new Float32Array(channels).fill(value) });
  const state: HostArrays = {
    mean: vector(numberOf(c, 'initial_running_mean')),
    variance: vector(numberOf(c, 'initial_running_var')),
    gamma: 'gamma' in c.arrays ? hostArray(c, 'gamma') : vector(1),
    beta: 'beta' in c.arrays ? hostArray(c, 'beta') : vector(0),
  };
  const x = hostArray(c, 'x0');
  const moved = (old: Tensor, now: Tensor) => tf.add(tf.mul(old, 1 - momentum), tf.mul(now, momentum));
  const functions: Record<'train' | 'infer', ProgramFunction> = {
    train: {
      inputs: { x: specOf(x) },
      run: ({ mean, variance, gamma, beta }, inputs) => {
        const { y, statistics } = batchNorm(inputs.x as Tensor4D, gamma as Tensor1D, beta as Tensor1D);
        return {
          outputs: { y },
          state: { mean: moved(mean, statistics.mean), variance: moved(variance, statistics.variance) },
        };
      },
    },
    infer: {
      inputs: { x: specOf(x), gy: specOf(x) },
      run: ({ mean, variance, gamma, beta }, inputs) => {
        const forward = (values: Tensor4D) =>
          batchNormInference(
            values,
            gamma as Tensor1D,
            beta as Tensor1D,
            mean as Tensor1D,
            variance as Tensor1D,
          );
        const { value, grad } = tf.valueAndGrad(forward as (values: Tensor) => Tensor)(inputs.x, inputs.gy);
        return { outputs: { y: value, gx: grad } };
      },
    },
  };
  return inBothForms(c, state, functions, (program) => {
    const computed: Record<string, ArrayLike<number>> = {};
    for (let i = 0; i < passes; i++) {
      computed[`y_train${i}`] = program.call('train', { x: hostArray(c, `x${i}`) }).y.data;
      const { mean, variance } = program.read(['mean', 'variance']);
      computed[`running_mean${i}`] = mean.data;
      computed[`running_var${i}`] = variance.data;
    }
    const { y, gx } = program.call('infer', { x: hostArray(c, `x${passes}`), gy: hostArray(c, 'gy') });
    return { ...computed, y_eval: y.data, gx_eval: gx.data };
  });
}

/** Drop path with the case's own draws, and its input gradient. */
export function dropPathCase(c: FixtureCase): ArrayError[] {
  const probability = numberOf(c, 'drop_prob');
  const inputs = hostArrays(c, ['x', 'mask', 'gy']);
  const run: ProgramFunction['run'] = (_, { x, mask, gy }) => {
    const forward = (values: Tensor) =>
      dropPath(values as Tensor4D, dropPathFactors(mask as Tensor1D, tf.scalar(probability))) as Tensor;
    const { value, grad } = tf.valueAndGrad(forward)(x, gy);
    return { outputs: { y: value, gx: grad } };
  };
  return inBothForms(c, {}, { pass: { inputs: specsOf(inputs), run } }, (program) => {
    const { y, gx } = program.call('pass', inputs);
    return { y: y.data, gx: gx.data };
  });
}
