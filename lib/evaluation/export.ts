import { join } from 'node:path';
import type { Tensor, Tensor4D } from '@tensorflow/tfjs-node';
import { exclusively, exportModel, runGraphModel, runSavedModel, tf } from '../engine/index.js';
import type { HostArray, ModelFiles } from '../engine/index.js';
import { ZartsError } from '../errors.js';
import type { Checkpoint } from '../runs/checkpoint.js';
import { explainFileError, writeFiles } from '../runs/files.js';
import { printGenotype } from '../spaces/genotype.js';
import type { ImageSource } from '../datasets/source.js';
import { isNoisy, protocolClassifier, trainingProgram } from './program.js';
import type { EvaluationProtocol } from './protocol.js';

/**
 * A trained network for use elsewhere: as TensorFlow's SavedModel, as TensorFlow.js' graph model, and its genotype as
 * PyTorch's code base and as JSON read it.
 */

/** What was exported, and how far what was read back is from the trained network. */
export interface Exported {
  readonly folder: string;
  /** Paths below the folder. */
  readonly files: readonly string[];
  /** Largest difference of a class score, by format; null for a network that draws noise, which never repeats itself. */
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
  const { savedModel, graphModel } = exportModel(inferenceOf(protocol, trained, images));
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
  const texts: ModelFiles = Object.fromEntries(
    Object.entries({
      'network.json': `${JSON.stringify(description, undefined, 2)}\n`,
      ...(network.kind === 'genotype'
        ? {
            'genotype.txt': `${printGenotype(network.genotype)}\n`,
            'genotype.json': `${JSON.stringify(network.genotype)}\n`,
          }
        : {}),
    }).map(([name, text]) => [name, new TextEncoder().encode(text)]),
  );
  const files: ModelFiles = {
    ...below('saved_model', savedModel),
    ...below('tfjs', graphModel),
    ...texts,
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
  const { layout, normalizations } = classifier;
  const values = tensors as Record<string, Float32Array>;
  const places = new Map(layout.parameters.map((parameter) => [parameter.name, parameter]));
  const starts = new Map<string, { at: number; channels: number }>();
  let width = 0;
  for (const { name, channels } of normalizations) {
    starts.set(name, { at: width, channels });
    width += channels;
  }
  return {
    image: [side, side, 3],
    run: (pixels, constant) => {
      const piece = (name: string, from: Float32Array, at: number, shape: readonly number[]): Tensor => {
        const size = shape.reduce((product, length) => product * length, 1);
        return constant(name, { shape, data: from.slice(at, at + size) });
      };
      const weights = (name: string): Tensor => {
        const { offset, shape } = places.get(name)!;
        return piece(name, values.weights, offset, shape);
      };
      const statistics = (name: string) => {
        const { at, channels } = starts.get(name)!;
        return {
          mean: piece(`${name}.running_mean`, values.mean, at, [channels]) as never,
          variance: piece(`${name}.running_var`, values.variance, at, [channels]) as never,
        };
      };
      const vector = (name: string, data: readonly number[]) =>
        constant(name, { shape: [data.length], data: Float32Array.from(data) });
      const normalized: Tensor4D = tf.div(
        tf.sub(pixels, vector('pixels.mean', mean)),
        vector('pixels.std', std),
      );
      const seed = tf.tensor1d([0, 0], 'int32');
      const { logits } = classifier.scores(weights, normalized, {
        normalization: { kind: 'running', statistics },
        seed,
      });
      return { logits, probabilities: tf.softmax(logits) };
    },
  };
}

/** The largest differences of class scores between the trained network and the two models as they are on the disk. */
async function compareExported(
  protocol: EvaluationProtocol,
  { tensors }: Pick<Checkpoint, 'tensors'>,
  images: ImageSource,
  folder: string,
): Promise<NonNullable<Exported['largestDifference']>> {
  const { batchSize } = protocol;
  const count = Math.min(COMPARED, batchSize, images.testCount);
  const { data: normalized } = (await images.test(0, count)).images;
  const { mean, std, side } = images;
  const pixels = normalized.map((value, i) => value * std[i % 3] + mean[i % 3]);
  const input: HostArray = { shape: [count, side, side, 3], data: pixels };

  const { program } = trainingProgram(protocol, images.classes.length, true);
  program.write(
    Object.fromEntries(
      Object.entries(tensors).map(([name, data]) => [
        name,
        { shape: [data.length], data: data as Float32Array },
      ]),
    ),
  );
  const filled = new Float32Array((normalized.length / count) * batchSize);
  filled.set(normalized);
  const { logits } = program.call('test', {
    images: { shape: [batchSize, side, side, 3], data: filled },
    seed: { shape: [2], data: new Int32Array(2) },
  });
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
