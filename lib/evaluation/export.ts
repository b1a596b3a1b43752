import { join } from 'node:path';
import type { Tensor, Tensor1D, Tensor4D } from '@tensorflow/tfjs-node';
import { exclusively, exportModel, runGraphModel, runSavedModel, seed, tf, vector } from '../engine/index.js';
import type { HostArray, ModelFiles } from '../engine/index.js';
import { ZartsError } from '../errors.js';
import type { Checkpoint } from '../runs/checkpoint.js';
import { explainFileError, writeFiles } from '../runs/files.js';
import { printGenotype } from '../spaces/genotype.js';
import { weightLayout } from '../supernet/weights.js';
import type { WeightLayout } from '../supernet/weights.js';
import type { ImageSource } from '../datasets/source.js';
import { filledUp, isNoisy, protocolClassifier, stateArrays, trainingProgram } from './program.js';
import type { EvaluationProtocol } from './protocol.js';

/**
 * A trained network for use elsewhere: as TensorFlow's SavedModel, as TensorFlow.js' graph model, in ONNX, and its
 * genotype as PyTorch's code base and as JSON read it.
 */

/** What was exported, and how far what was read back is from the trained network. */
export interface Exported {
  readonly folder: string;
  /** Paths below the folder. */
  readonly files: readonly string[];
  /** Largest difference of a class score, of the formats that TensorFlow.js reads back; null for a network that draws noise, which never repeats itself. */
  readonly largestDifference: { readonly savedModel: number; readonly graphModel: number } | null;
}

/** Images that the exported models are compared on. */
const COMPARED = 8;

/** Differences that rounding explains, as a share of the largest score. */
const TOLERANCE = 1e-4;

/**
 * Writes a trained network into a folder, reads it back with TensorFlow.js' own loaders and compares the class scores of
 * some test images with those of the network as it was trained.
 *
 * The models take images [batch, side, side, 3] of pixels in [0, 1], which they normalize, and give `logits` and
 * `probabilities`, [batch, classes], in inference mode without auxiliary head.
 *
 * @param trained  The last checkpoint of the protocol's training.
 * @param folder   Made if need be; files of the same names in it are replaced.
 * @throws {ZartsError} if the folder cannot be written, or what is read back gives other scores.
 */
export async function exportTrained(
  protocol: EvaluationProtocol,
  trained: Pick<Checkpoint, 'tensors'>,
  images: ImageSource,
  folder: string,
): Promise<Exported> {
  const { savedModel, graphModel, onnx } = exportModel(inferenceOf(protocol, trained, images));
  const { network } = protocol;
  const description = {
    input: {
      name: 'images',
      shape: [null, images.side, images.side, 3],
      pixels: 'red, green, blue in [0, 1]',
    },
    outputs: ['logits', 'probabilities'],
    classes: images.classes,
    protocol,
  };
  const encoded = (text: string): Uint8Array => new TextEncoder().encode(`${text}\n`);
  const files: ModelFiles = {
    ...below('saved_model', savedModel),
    ...below('tfjs', graphModel),
    'network.onnx': onnx,
    'network.json': encoded(JSON.stringify(description, undefined, 2)),
    ...(network.kind === 'genotype'
      ? {
          'genotype.txt': encoded(printGenotype(network.genotype)),
          'genotype.json': encoded(JSON.stringify(network.genotype)),
        }
      : {}),
  };
  try {
    writeFiles(folder, files);
  } catch (error) {
    throw new ZartsError(`The network could not be exported to ${folder}: ${explainFileError(error)}.`);
  }
  return {
    folder,
    files: Object.keys(files),
    largestDifference: isNoisy(protocol)
      ? null
      : await exclusively(() => compareExported(protocol, trained, images, folder)),
  };
}

const below = (folder: string, files: ModelFiles): ModelFiles =>
  Object.fromEntries(Object.entries(files).map(([name, bytes]) => [`${folder}/${name}`, bytes]));

/** The trained network in inference mode, pixels in [0, 1] to class scores, with all that it learned as constants. */
function inferenceOf(
  protocol: EvaluationProtocol,
  { tensors }: Pick<Checkpoint, 'tensors'>,
  { classes, side, mean, std }: ImageSource,
): Parameters<typeof exportModel>[0] {
  const classifier = protocolClassifier(protocol, classes.length);
  const values = tensors as Record<string, Float32Array>;
  const placed = (layout: WeightLayout) => new Map(layout.parameters.map((each) => [each.name, each]));
  const weightPlaces = placed(classifier.layout);
  // Running statistics lie one after the other too.
  const statisticPlaces = placed(
    weightLayout(
      classifier.normalizations.map(({ name, channels }) => ({
        name,
        shape: [channels],
        init: { kind: 'zeros' },
      })),
    ),
  );
  return {
    image: [side, side, 3],
    run: (pixels, constant) => {
      const piece = (name: string, from: Float32Array, { offset, size, shape }: Placed): Tensor =>
        constant(name, { shape, data: from.slice(offset, offset + size) });
      const statistics = (name: string) => {
        const place = statisticPlaces.get(name)!;
        return {
          mean: piece(`${name}.running_mean`, values.mean, place) as Tensor1D,
          variance: piece(`${name}.running_var`, values.variance, place) as Tensor1D,
        };
      };
      const ofChannels = (name: string, data: readonly number[]) =>
        constant(name, vector(Float32Array.from(data)));
      const centered = tf.sub(pixels, ofChannels('pixels.mean', mean));
      const normalized: Tensor4D = tf.div(centered, ofChannels('pixels.std', std));
      const { logits } = classifier.scores(
        (name) => piece(name, values.weights, weightPlaces.get(name)!),
        normalized,
        { normalization: { kind: 'running', statistics }, seed: tf.tensor1d([0, 0], 'int32') },
      );
      return { logits, probabilities: tf.softmax(logits) };
    },
  };
}

type Placed = WeightLayout['parameters'][number];

/** The largest differences of class scores between the trained network and the two models as they are on the disk. */
async function compareExported(
  protocol: EvaluationProtocol,
  { tensors }: Pick<Checkpoint, 'tensors'>,
  images: ImageSource,
  folder: string,
): Promise<NonNullable<Exported['largestDifference']>> {
  const { batchSize } = protocol;
  const count = Math.min(COMPARED, batchSize, images.testCount);
  const { images: normalized } = await images.test(0, count);
  const { mean, std } = images;
  const pixels = normalized.data.map((value, i) => value * std[i % 3] + mean[i % 3]);
  const input: HostArray = { ...normalized, data: pixels };

  const { program } = trainingProgram(protocol, images.classes.length, true);
  program.write(stateArrays(tensors));
  const { logits } = program.call('test', { images: filledUp(normalized, batchSize), seed: seed([0, 0]) });
  const expected = (logits.data as Float32Array).subarray(0, count * images.classes.length);
  const largest = expected.reduce((most, score) => Math.max(most, Math.abs(score)), 1);
  const differenceOf = (what: string, found: Readonly<Record<string, HostArray>>): number => {
    const { data } = found.logits;
    const difference = expected.reduce(
      (most, score, i) => Math.max(most, Math.abs(score - (data[i] ?? NaN))),
      0,
    );
    if (data.length === expected.length && difference <= TOLERANCE * largest) return difference;
    throw new ZartsError(
      `The ${what} in ${folder} does not give the trained network's scores: they differ by up to ${difference}.`,
    );
  };
  return {
    savedModel: differenceOf('SavedModel', await runSavedModel(join(folder, 'saved_model'), input)),
    graphModel: differenceOf('TensorFlow.js model', await runGraphModel(join(folder, 'tfjs'), input)),
  };
}
