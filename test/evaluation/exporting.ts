import { memoryImages } from '../../lib/datasets/source.js';
import type { ImageSource } from '../../lib/datasets/source.js';
import { loadDataset } from '../../lib/datasets/load.js';
import type { HostArray } from '../../lib/engine/index.js';
import { evaluationBudget, fullEvaluation } from '../../lib/evaluation/presets.js';
import type { EvaluationProtocol } from '../../lib/evaluation/protocol.js';
import { train } from '../../lib/evaluation/train.js';
import type { Checkpoint } from '../../lib/runs/checkpoint.js';
import { checkGenotype } from '../../lib/spaces/genotype.js';
import type { Genotype } from '../../lib/spaces/genotype.js';

/** What tests of exported networks begin with. */

/** Every primitive that a known genotype lacks, at both strides where there are two. */
export const RARE = checkGenotype({
  normal: [
    ['dil_conv_5x5', 0],
    ['conv_7x1_1x7', 1],
    ['avg_pool_3x3', 0],
    ['none', 2],
  ],
  normalConcat: [2, 3],
  reduce: [
    ['dil_conv_3x3', 0],
    ['conv_7x1_1x7', 1],
    ['skip_connect', 0],
    ['none', 1],
  ],
  reduceConcat: [2, 3],
});

/** Images of the size that the networks are for. */
export const someImages = async (): Promise<ImageSource> =>
  memoryImages(await loadDataset({ name: 'synthetic', image: 16, trainSize: 64, testSize: 40 }));

export const smoke = (genotype: Genotype): EvaluationProtocol =>
  evaluationBudget(fullEvaluation(genotype, { dataset: 'synthetic' }), 'smoke');

/** The last checkpoint of a training. */
export async function trained(protocol: EvaluationProtocol, images: ImageSource): Promise<Checkpoint> {
  let last: Checkpoint | undefined;
  const store = { appendMetrics: () => undefined, saveCheckpoint: (each: Checkpoint) => (last = each) };
  await train(protocol, { images, store });
  return last!;
}

/** Pixels of some images in [0, 1]. */
export const pixels = (count: number): HostArray => ({
  shape: [count, 16, 16, 3],
  data: Float32Array.from({ length: count * 768 }, (_, i) => ((i * 37) % 101) / 100),
});
