import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs-node';
import { compile, crossEntropy, moveToOpenScope, tf, vector } from '../engine/index.js';
import type { HostArray, HostArrays, Program, ProgramFunction } from '../engine/index.js';
import { keepLatest } from '../latest.js';
import type { Checkpoint } from '../runs/checkpoint.js';
import { countOps } from '../spaces/genotype.js';
import { sgdStep } from '../supernet/training.js';
import { derivedNetwork, linearClassifier } from './network.js';
import type { Classifier, NetworkPass } from './network.js';
import type { EvaluationProtocol } from './protocol.js';
import { initialStatistics, runningStatistics, trainingStatistics } from '../supernet/statistics.js';

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
  readonly sgd: Pick<EvaluationProtocol['weights'], 'momentum' | 'weightDecay' | 'clip' | 'nesterov'>;
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
  const { momentum, weightDecay, clip, nesterov } = weights;
  const parts: TrainingParts = {
    network,
    batchSize,
    labelSmoothing,
    sgd: { momentum, weightDecay, clip, ...(nesterov && { nesterov }) },
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
  const zeros = new Float32Array(layout.size);
  const statistics = normalizations.length > 0 ? initialStatistics(normalizations) : {};
  return stateArrays({ weights: zeros, momentum: zeros, ...statistics });
}

/** Entries of a program's state, as a checkpoint has them, for the program. */
export function stateArrays(entries: Checkpoint['tensors']): HostArrays {
  return Object.fromEntries(
    Object.entries(entries).map(([name, data]) => [name, vector(data as Float32Array)]),
  );
}

/** Images as a program takes them, whose batches have one size: with empty ones at the end, which are not looked at. */
export function filledUp({ shape: [count, ...image], data }: HostArray, batchSize: number): HostArray {
  const filled = new Float32Array((data.length / count) * batchSize);
  filled.set(data);
  return { shape: [batchSize, ...image], data: filled };
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

/** How the loss of a batch is made of the scores. */
export interface LossSettings {
  /** Weight of the auxiliary head's loss, for a network that has one. */
  readonly auxiliaryWeight: number;
  /** The share ε of every target that is spread evenly over all classes. */
  readonly labelSmoothing: number;
}

/** Mean loss of a batch in nats, its gradient, and what the scores say. */
export interface TrainingPass {
  /** Scalar: what is minimized, the weighted auxiliary loss included. */
  readonly loss: Tensor;
  /** Scalar, int32: images that the network itself classifies correctly. */
  readonly correct: Tensor;
  /** [batch, classes], the network's own. */
  readonly logits: Tensor2D;
  /** The same of the auxiliary head, where its loss has a weight. */
  readonly auxiliary?: Tensor2D;
  /** [layout.size]. */
  readonly gradient: Tensor1D;
}

/**
 * The training loss at the given weights on a batch, with its gradient.
 *
 * @param weights  [layout.size].
 * @param images   [batch, height, width, 3].
 * @param labels   int32 [batch].
 */
export function trainingPass(
  classifier: Classifier,
  weights: Tensor1D,
  images: Tensor4D,
  labels: Tensor1D,
  { auxiliaryWeight, labelSmoothing }: LossSettings,
  pass: NetworkPass = {},
): TrainingPass {
  let logits: Tensor2D;
  let auxiliary: Tensor2D | undefined;
  const lossOf = (omega: Tensor): Tensor => {
    const scores = classifier.scores(omega as Tensor1D, images, { ...pass, auxiliary: auxiliaryWeight > 0 });
    logits = tf.keep(scores.logits);
    const own = smoothedCrossEntropy(scores.logits, labels, labelSmoothing);
    if (!scores.auxiliary) return own;
    auxiliary = tf.keep(scores.auxiliary);
    const beside = smoothedCrossEntropy(scores.auxiliary, labels, labelSmoothing);
    return tf.add(own, tf.mul(beside, auxiliaryWeight));
  };
  const { value, grad } = tf.valueAndGrad(lossOf)(weights);
  const own = moveToOpenScope(logits!);
  return {
    loss: value,
    correct: tf.sum(tf.cast(tf.equal(tf.argMax(own, 1), labels), 'int32')),
    logits: own,
    ...(auxiliary ? { auxiliary: moveToOpenScope(auxiliary) } : {}),
    gradient: grad as Tensor1D,
  };
}

/**
 * Mean cross-entropy in nats where each target is 1 − ε for the label plus ε spread evenly over all classes, the label's
 * included.
 *
 * @param logits     [batch, classes].
 * @param labels     int32 [batch].
 * @param smoothing  ε in [0, 1); 0 for plain cross-entropy.
 */
export function smoothedCrossEntropy(logits: Tensor2D, labels: Tensor1D, smoothing: number): Tensor {
  const sharp = crossEntropy(logits, labels);
  if (smoothing === 0) return sharp;
  const uniform = tf.mean(tf.sub(tf.logSumExp(logits, 1), tf.mean(logits, 1)));
  return tf.add(tf.mul(sharp, 1 - smoothing), tf.mul(uniform, smoothing));
}
