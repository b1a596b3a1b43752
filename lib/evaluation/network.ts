import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs-node';
import * as engine from '../engine/index.js';
import type { FusedTerm } from '../engine/index.js';
import { UsageError } from '../errors.js';
import type { Key } from '../math/random.js';
import type { Genotype } from '../spaces/genotype.js';
import { cellEdges } from '../spaces/spaces.js';
import {
  FeatureMap,
  batchNorm,
  contentsOf,
  convolution,
  dropTerms,
  factorizedReduce,
  fusedMap,
  kernel,
  largeStem,
  linear,
  linearParameters,
  mapOf,
  named,
  operation,
  output,
  plain,
  pointwise,
  relu,
  reluConvBn,
  sequence,
  smallStem,
  stateShape,
  sumTerms,
} from '../supernet/layers.js';
import type { Contents, Scope, Term } from '../supernet/layers.js';
import { stagedNetwork } from '../supernet/stages.js';
import type { StagedShape } from '../supernet/stages.js';
import type { Normalization } from '../supernet/statistics.js';
import { noiseSource, normalizer } from '../supernet/supernet.js';
import { initialWeights, unflatten, weightLayout } from '../supernet/weights.js';
import type { WeightLayout } from '../supernet/weights.js';
import { AUXILIARY_HEADS, AUXILIARY_WIDTHS, auxiliaryPooledSide, checkForm, planNetwork } from './plan.js';
import type { CellPlan, NetworkPlan, NetworkShape } from './plan.js';

/**
 * The network that a genotype stands for (DARTS `model.py`: `NetworkCIFAR`, `NetworkImageNet`): a stem, cells whose nodes
 * each add two operations, a linear classifier, and in training an auxiliary one; or NAS-Bench-201's. A pure function of
 * weights and images: it holds no tensors. Batch norms have trained scales and offsets, pools have no batch norm.
 */

const { tf } = engine;

/** How one pass through a derived network is made. */
export interface NetworkPass {
  /** Default: the batch's own statistics. */
  readonly normalization?: Normalization;
  /** int32 [2]: seeds the noise primitive and drop path; the same seed draws the same. */
  readonly seed?: Tensor1D;
  /**
   * Scalar in [0, 1): the probability with which each operation but the plain identity is dropped, sample by sample.
   * Default: nothing is dropped.
   */
  readonly dropPath?: Tensor;
  /** Whether the auxiliary head is computed too, for a network that has one. Default: false. */
  readonly auxiliary?: boolean;
}

/** Class scores, [batch, classes]; those of the auxiliary head where they were asked for. */
export interface Scores {
  readonly logits: Tensor2D;
  readonly auxiliary?: Tensor2D;
}

/** Every parameter of a network by its name. */
export type NamedWeights = (name: string) => Tensor;

/** What is trained on images: a network that a genotype stands for, or a baseline beside it. */
export interface Classifier {
  /** Every trainable parameter in the flat weight vector, in PyTorch's order and with its names. */
  readonly layout: WeightLayout;
  /** Every batch norm, in definition order. */
  readonly normalizations: Contents['normalizations'];
  /** Fresh weights [layout.size]. */
  init(key: Key): Float32Array;
  /**
   * Class scores.
   *
   * @param weights  [layout.size], or each parameter by its name.
   * @param images   [batch, height, width, 3].
   */
  scores(weights: Tensor1D | NamedWeights, images: Tensor4D, pass?: NetworkPass): Scores;
}

/** The network of a genotype. */
export interface DerivedNetwork extends Classifier {
  readonly genotype: Genotype;
  /** Absent for the network of NAS-Bench-201. */
  readonly plan?: NetworkPlan;
  /** Whether it has an auxiliary head. */
  readonly auxiliary: boolean;
}

/**
 * The network of a genotype.
 *
 * @param auxiliary  Whether it has an auxiliary head, whose parameters then stand before the classifier's.
 * @throws {UsageError} as {@link planNetwork}.
 */
export function derivedNetwork(genotype: Genotype, shape: NetworkShape, auxiliary = false): DerivedNetwork {
  const { form } = shape;
  checkForm(genotype, form);
  if (form === 'stages') return stagesNetwork(genotype, shape);
  const plan = planNetwork(genotype, { ...shape, form });
  const { classes, features } = plan;
  const first = plan.form === 'imagenet' ? largeStem(plan.stem) : smallStem(plan.stem[0]);
  let paths = 0;
  const cells = plan.cells.map((cell, i) => derivedCell(genotype, cell, `cells.${i}`, () => paths++));
  const head = auxiliary ? auxiliaryHead(plan) : undefined;
  const parts = [first, ...cells, ...(head ? [head] : [])];
  const layout = weightLayout([
    ...parts.flatMap(({ parameters }) => parameters),
    ...linearParameters('classifier', features, classes),
  ]);

  return {
    genotype,
    plan,
    auxiliary,
    layout,
    normalizations: contentsOf(parts).normalizations,
    init: (key) => initialWeights(layout, key),
    scores(weights, images, pass = {}) {
      const scope: Scope = {
        weight: byName(layout, weights),
        ...normalizer(pass.normalization ?? { kind: 'batch' }),
        noise: noiseSource(pass.seed),
      };
      const dropping = droppings(paths, images.shape[0], pass);
      const fuses = engine.canFuse() && pass.normalization?.kind !== 'running';
      let [s0, s1] = first.apply(new FeatureMap(images), scope);
      let auxiliaryScores: Tensor2D | undefined;
      for (const [i, cell] of cells.entries()) {
        const compute = (fuses ? cell.fused : undefined) ?? cell.apply;
        [s0, s1] = [s1, compute(s0, s1, scope, dropping)];
        if (i === plan.auxiliaryCell && head && pass.auxiliary) auxiliaryScores = head.scores(s1, scope);
      }
      const logits = linear('classifier', engine.globalAverage(s1.x), scope);
      return auxiliaryScores ? { logits, auxiliary: auxiliaryScores } : { logits };
    },
  };
}

/**
 * The network of an architecture of NAS-Bench-201 (`TinyNetwork`): batch norms have a scale and an offset, pools and skip
 * connections no batch norm. There is no auxiliary head, and no path is dropped.
 */
function stagesNetwork(genotype: Genotype, shape: StagedShape): DerivedNetwork {
  const places = cellEdges(genotype.normalConcat[0], 1);
  const network = stagedNetwork(shape, (name, width) => {
    const layers = genotype.normal.map(([primitive], e) => {
      const form = { channels: width, stride: 1, affine: true, poolsNormalized: false } as const;
      return { ...places[e], primitive, layer: named(`${name}.layers.${e}`, operation(primitive, form)) };
    });
    return { ...contentsOf(layers.map(({ layer }) => layer)), layers };
  });
  const { layout, normalizations } = network;
  return {
    genotype,
    auxiliary: false,
    layout,
    normalizations,
    init: (key) => initialWeights(layout, key),
    scores(weights, images, pass = {}) {
      const scope: Scope = {
        weight: byName(layout, weights),
        ...normalizer(pass.normalization ?? { kind: 'batch' }),
        noise: noiseSource(pass.seed),
      };
      const logits = network.logits(new FeatureMap(images), scope, ({ layers }, input) => {
        const states = [input];
        for (const { node } of places) {
          if (states.length > node) continue;
          const terms = layers
            .filter((each) => each.node === node && each.primitive !== 'none')
            .map((each) => each.layer.apply(states[each.input], scope));
          states.push(new FeatureMap(terms.length > 0 ? sumTerms(terms) : tf.mul(input.x, 0)));
        }
        return states[states.length - 1];
      });
      return { logits };
    },
  };
}

/**
 * Multinomial logistic regression on the pixels: the baseline that a convolutional network has to beat on the same data,
 * trained through the same pipeline (same batches, augmentation, SGD). Its weights start at 0: the loss is convex, and a
 * random start would only be noise to unlearn.
 *
 * @param pixels  Values of an image: height · width · channels.
 */
export function linearClassifier(pixels: number, classes: number): Classifier {
  const parameters = linearParameters('classifier', pixels, classes);
  const layout = weightLayout(parameters.map((each) => ({ ...each, init: { kind: 'zeros' as const } })));
  return {
    layout,
    normalizations: [],
    init: (key) => initialWeights(layout, key),
    scores: (weights, images) => ({
      logits: linear('classifier', tf.reshape(images, [images.shape[0], pixels]), {
        weight: byName(layout, weights),
      }),
    }),
  };
}

/** The parameters by name, whichever way they were given. */
function byName(layout: WeightLayout, weights: Tensor1D | NamedWeights): NamedWeights {
  return typeof weights === 'function' ? weights : unflatten(layout, weights);
}

/** What drop path multiplies operation number i by, [batch]; undefined where nothing is dropped. */
type Droppings = (path: number) => Tensor1D | undefined;

/** One draw decides for all operations and samples of a pass. @param paths  Operations that may be dropped. */
function droppings(paths: number, batch: number, { dropPath, seed }: NetworkPass): Droppings {
  if (!dropPath || paths === 0) return () => undefined;
  if (!seed) throw new UsageError('Drop path needs a seed.');
  // The noise primitive's streams differ in the second number.
  const stream: Tensor1D = tf.add(seed, tf.tensor1d([1, 0], 'int32'));
  const factors = engine.drawnPathFactors(paths, batch, stream, dropPath);
  return (path) => factors[path];
}

/** A cell of a derived network. */
interface DerivedCell extends Contents {
  readonly apply: (s0: FeatureMap, s1: FeatureMap, scope: Scope, dropping: Droppings) => FeatureMap;
  /** The same by the fused kernels, where they know all of the cell's operations. */
  readonly fused: DerivedCell['apply'] | undefined;
}

/** A cell as the genotype describes it (DARTS `Cell` of the evaluation network). @param nextPath  Numbers a droppable operation. */
function derivedCell(genotype: Genotype, plan: CellPlan, name: string, nextPath: () => number): DerivedCell {
  const { kind, before, previous, width, halvesBefore } = plan;
  const preprocess0 = named(
    `${name}.preprocess0`,
    halvesBefore ? factorizedReduce(before, width, true) : reluConvBn(before, width, true),
  );
  const preprocess1 = named(`${name}.preprocess1`, reluConvBn(previous, width, true));
  const ops = genotype[kind].map(([primitive, input], o) => {
    // In a reduction cell the two inputs are halved on their way to every node.
    const stride = kind === 'reduce' && input < 2 ? 2 : 1;
    const form = { channels: width, stride, affine: true, poolsNormalized: false } as const;
    const isIdentity = primitive === 'skip_connect' && stride === 1;
    return {
      input,
      layer: named(`${name}._ops.${o}`, operation(primitive, form)),
      path: isIdentity ? undefined : nextPath(),
    };
  });
  const layers = [preprocess0, preprocess1, ...ops.map(({ layer }) => layer)];

  const concat = genotype[`${kind}Concat`];
  const fused: DerivedCell['apply'] = (s0, s1, scope, dropping) => {
    const shapeOf = stateShape(s1, width, kind === 'reduce');
    const terms = ops.map(({ input, layer, path }): FusedTerm => {
      const factors = path === undefined ? undefined : dropping(path);
      const operation = layer.fused!(scope, shapeOf(input));
      return { input, operation, place: -1, ...(factors && { factors }) };
    });
    const nodes = Array.from({ length: terms.length / 2 }, (_, i) => terms.slice(2 * i, 2 * i + 2));
    return fusedMap([preprocess0, preprocess1], [s0, s1], scope, nodes, concat, tf.zeros([1]));
  };

  return {
    ...contentsOf(layers),
    fused: layers.every((layer) => layer.fused) ? fused : undefined,
    apply(s0, s1, scope, dropping) {
      const states = [mapOf(preprocess0, s0, scope), mapOf(preprocess1, s1, scope)];
      for (let o = 0; o < ops.length; o += 2) {
        const terms = ops.slice(o, o + 2).flatMap(({ input, layer, path }): Term[] => {
          const term = layer.apply(states[input], scope);
          const factors = path === undefined ? undefined : dropping(path);
          return factors ? dropTerms([term], factors) : [term];
        });
        states.push(new FeatureMap(sumTerms(terms)));
      }
      const nodes = concat.map((node) => states[node].x);
      return new FeatureMap(nodes.length === 1 ? nodes[0] : tf.concat(nodes, 3));
    },
  };
}

/** A classifier that sees the map of an earlier cell. */
interface AuxiliaryHead extends Contents {
  scores(map: FeatureMap, scope: Scope): Tensor2D;
}

/** The auxiliary head (DARTS `AuxiliaryHeadCIFAR`, `AuxiliaryHeadImageNet`). */
function auxiliaryHead({ form, cells, auxiliaryCell, classes }: NetworkPlan): AuxiliaryHead {
  const { pool, stride, lastNormalized } = AUXILIARY_HEADS[form];
  const [narrow, wide] = AUXILIARY_WIDTHS;
  // A 2×2 convolution of a 2×2 map is a matrix product of all its pixels at once.
  const wholeMap = (x: Tensor4D, filter: Tensor4D): Tensor4D => {
    const pixels: Tensor4D = tf.reshape(x, [x.shape[0], 1, 1, 4 * narrow]);
    return engine.pointwise(pixels, tf.reshape(filter, [1, 1, 4 * narrow, wide]));
  };
  const features = named(
    'auxiliary_head.features',
    sequence(
      plain((_x, _scope, input) => tf.avgPool(input.rectified.x, pool, stride, 'valid')),
      pointwise('2', cells[auxiliaryCell].outputs, narrow),
      batchNorm('3', narrow, true),
      relu,
      convolution(kernel('5', [2, 2, narrow, wide]), wholeMap),
      ...(lastNormalized ? [batchNorm('6', wide, true)] : []),
      relu,
    ),
  );
  const parameters = linearParameters('auxiliary_head.classifier', wide, classes);
  return {
    ...contentsOf([features, { parameters, normalizations: [] }]),
    scores(map, scope) {
      const [batch, height, width] = map.x.shape;
      // What the convolutions do not fit.
      if ([height, width].some((side) => auxiliaryPooledSide(form, side) !== 2)) {
        throw new UsageError(
          `The auxiliary head of the ${form} form does not fit a map of ${height}×${width} pixels, which these images give it; train without it, or on images of ${form === 'cifar' ? '32×32' : '224×224'}.`,
        );
      }
      const flat: Tensor2D = tf.reshape(output(features, map, scope), [batch, wide]);
      return linear('auxiliary_head.classifier', flat, scope);
    },
  };
}
