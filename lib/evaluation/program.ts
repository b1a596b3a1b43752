import type { Tensor1D, Tensor4D } from '@tensorflow/tfjs-node';
import { compile } from '../engine/index.js';
import type { HostArrays, Program, ProgramFunction } from '../engine/index.js';
import { keepLatest } from '../latest.js';
import { countOps } from '../spaces/genotype.js';
import { sgdStep } from '../supernet/training.js';
import { derivedNetwork, linearClassifier } from './network.js';
import type { Classifier, NetworkPass } from './network.js';
import type { EvaluationProtocol } from './protocol.js';
import { initialStatistics, runningStatistics, trainingStatistics } from '../supernet/statistics.js';
import { trainingPass } from './training.js';

/**
 * A network in training as one compiled program: weights, momentum and running statistics stay in the session.
 */

/** `train`: one step of SGD; `test`: scores in inference mode, with running statistics. */
export type TrainingFunction = 'train' | 'test';

/** A compiled network and what it was made from. */
export interface TrainingProgram {
  readonly classifier: Classifier;
  readonly program: Program<TrainingFunction>;
}

/** The part of a protocol that decides the program; evaluations that agree in it share one. */
export type TrainingParts = Pick<EvaluationProtocol, 'network' | 'batchSize' | 'labelSmoothing'> & {
  readonly sgd: Pick<EvaluationProtocol['weights'], 'momentum' | 'weightDecay' | 'clip'>;
  readonly image: number;
  readonly classes: number;
  readonly compile: boolean;
};

/** The network that a protocol trains. */
export function protocolClassifier(
  { network, dataset }: Pick<EvaluationProtocol, 'network' | 'dataset'>,
  classes: number,
): Classifier {
  if (network.kind === 'linear') return linearClassifier(3 * dataset.imageSide ** 2, classes);
  const { genotype, form, cells, channels, auxiliaryWeight } = network;
  return derivedNetwork(genotype, { form, cells, channels, classes }, auxiliaryWeight > 0);
}

/** Whether a protocol's network draws noise, also where it is tested. */
export function isNoisy({ network }: Pick<EvaluationProtocol, 'network'>): boolean {
  if (network.kind === 'linear') return false;
  const { normal, reduce } = countOps(network.genotype);
  return normal.noise + reduce.noise > 0;
}

const latest = keepLatest<TrainingProgram>(({ program }) => {
  program.dispose();
});

/**
 * The program for a protocol. The last one made is kept: the seeds of an evaluation share it. Its state is whatever the
 * last user left; write it first.
 */
export function trainingProgram(
  protocol: EvaluationProtocol,
  classes: number,
  compiled: boolean,
): TrainingProgram {
  const { network, batchSize, labelSmoothing, weights, dataset } = protocol;
  const { momentum, weightDecay, clip } = weights;
  const parts: TrainingParts = {
    network,
    batchSize,
    labelSmoothing,
    sgd: { momentum, weightDecay, clip },
    image: dataset.imageSide,
    classes,
    compile: compiled,
  };
  return latest(parts, () => {
    const classifier = protocolClassifier(protocol, classes);
    const functions = trainingFunctions(classifier, parts);
    return { classifier, program: compile(zeroState(classifier), functions, { compile: compiled }) };
  });
}

/** Weights, momentum and running statistics of a classifier, as a program keeps them. */
export function zeroState({ layout, normalizations }: Classifier): HostArrays {
  const vector = (data: Float32Array) => ({ shape: [data.length], data });
  const { mean, variance } = initialStatistics(normalizations);
  return {
    weights: vector(new Float32Array(layout.size)),
    momentum: vector(new Float32Array(layout.size)),
    ...(normalizations.length > 0 ? { mean: vector(mean), variance: vector(variance) } : {}),
  };
}

/** The functions of a classifier's program. */
export function trainingFunctions(
  classifier: Classifier,
  { batchSize, image, network, labelSmoothing, sgd }: Omit<TrainingParts, 'classes' | 'compile'>,
): Record<TrainingFunction, ProgramFunction> {
  const { normalizations } = classifier;
  const float = (...shape: number[]) => ({ shape, dtype: 'float32' as const });
  const images = float(batchSize, image, image, 3);
  const seed = { shape: [2], dtype: 'int32' as const };
  const derived = network.kind === 'genotype' ? network : undefined;
  const loss = { auxiliaryWeight: derived?.auxiliaryWeight ?? 0, labelSmoothing };
  const drops = (derived?.dropPath ?? 0) > 0;
  return {
    train: {
      inputs: {
        images,
        labels: { shape: [batchSize], dtype: 'int32' },
        lr: float(),
        seed,
        ...(drops ? { dropPath: float() } : {}),
      },
      run: (state, inputs) => {
        const [weights, momentum] = [state.weights as Tensor1D, state.momentum as Tensor1D];
        const normalized = normalizations.length > 0 ? trainingStatistics(normalizations, state) : undefined;
        const pass: NetworkPass = {
          ...(normalized ? { normalization: normalized.normalization } : {}),
          seed: inputs.seed as Tensor1D,
          ...(drops ? { dropPath: inputs.dropPath } : {}),
        };
        const passed = trainingPass(
          classifier,
          weights,
          inputs.images as Tensor4D,
          inputs.labels as Tensor1D,
          loss,
          pass,
        );
        const next = sgdStep(weights, momentum, passed.gradient, inputs.lr, sgd);
        const { loss: value, correct } = passed;
        return {
          outputs: { loss: value, correct, gradientNorm: next.gradientNorm },
          state: { weights: next.weights, momentum: next.momentum, ...normalized?.moved() },
        };
      },
    },
    test: {
      inputs: { images, seed },
      run: (state, inputs) => {
        const pass: NetworkPass =
          normalizations.length === 0
            ? {}
            : { normalization: runningStatistics(normalizations, state), seed: inputs.seed as Tensor1D };
        const { logits } = classifier.scores(state.weights as Tensor1D, inputs.images as Tensor4D, pass);
        return { outputs: { logits } };
      },
    },
  };
}
