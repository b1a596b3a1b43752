import type { Tensor1D, Tensor4D } from '@tensorflow/tfjs-node';
import { compile, recoverFromInterrupt } from '../engine/index.js';
import type { HostArrays, Program, ProgramFunction } from '../engine/index.js';
import { countOps } from '../spaces/genotype.js';
import { sgdStep } from '../supernet/training.js';
import { derivedNetwork, linearClassifier } from './network.js';
import type { Classifier, NetworkPass } from './network.js';
import type { EvaluationProtocol } from './protocol.js';
import {
  CollectedStatistics,
  flatStatistics,
  initialStatistics,
  movedStatistics,
  statisticsByName,
} from '../supernet/statistics.js';
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

let latest: { readonly key: string; readonly made: TrainingProgram } | undefined;

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
  const key = JSON.stringify(parts);
  if (latest?.key !== key) {
    latest?.made.program.dispose();
    const classifier = protocolClassifier(protocol, classes);
    const functions = trainingFunctions(classifier, parts);
    latest = {
      key,
      made: { classifier, program: compile(zeroState(classifier), functions, { compile: compiled }) },
    };
  }
  return latest.made;
}

/** Whoever has the kept program's state to itself. */
let underWay: Promise<void> = Promise.resolve();

/**
 * Work with the program of {@link trainingProgram}, alone: what else in this process asks for it waits. A notebook cell that
 * was interrupted may still be finishing its last step when the next one starts.
 */
export async function alone<T>(work: () => Promise<T>): Promise<T> {
  const before = underWay;
  let finish: () => void = () => undefined;
  underWay = new Promise((resolve) => (finish = resolve));
  await before;
  try {
    recoverFromInterrupt();
    return await work();
  } finally {
    finish();
  }
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
      run: ({ weights, momentum, mean, variance }, inputs) => {
        const into = new CollectedStatistics();
        const pass: NetworkPass = {
          normalization: { kind: 'collect', into },
          seed: inputs.seed as Tensor1D,
          ...(drops ? { dropPath: inputs.dropPath } : {}),
        };
        const passed = trainingPass(
          classifier,
          weights as Tensor1D,
          inputs.images as Tensor4D,
          inputs.labels as Tensor1D,
          loss,
          pass,
        );
        const next = sgdStep(weights as Tensor1D, momentum as Tensor1D, passed.gradient, inputs.lr, sgd);
        const { loss: value, correct } = passed;
        const state = { weights: next.weights, momentum: next.momentum };
        const outputs = { loss: value, correct, gradientNorm: next.gradientNorm };
        if (normalizations.length === 0) return { outputs, state };
        const now = flatStatistics(normalizations, into.release());
        return {
          outputs,
          state: {
            ...state,
            mean: movedStatistics(mean, now.mean),
            variance: movedStatistics(variance, now.variance),
          },
        };
      },
    },
    test: {
      inputs: { images, seed },
      run: ({ weights, mean, variance }, inputs) => {
        const pass: NetworkPass =
          normalizations.length === 0
            ? {}
            : {
                normalization: {
                  kind: 'running',
                  statistics: statisticsByName(normalizations, {
                    mean: mean as Tensor1D,
                    variance: variance as Tensor1D,
                  }),
                },
                seed: inputs.seed as Tensor1D,
              };
        const { logits } = classifier.scores(weights as Tensor1D, inputs.images as Tensor4D, pass);
        return { outputs: { logits } };
      },
    },
  };
}
