import type { Tensor2D } from '@tensorflow/tfjs-node';
import * as engine from '../engine/index.js';
import { stagePlan } from '../spaces/spaces.js';
import {
  contentsOf,
  lastActivation,
  linear,
  linearParameters,
  mapOf,
  named,
  residualReduction,
  stem,
} from './layers.js';
import type { Contents, FeatureMap, Scope } from './layers.js';
import { weightLayout } from './weights.js';

/**
 * The skeleton of NAS-Bench-201's networks (Dong and Yang 2020), which its supernet and the networks of its architectures have
 * in common: a stem, three stages of cells with a residual block between them that halves the maps and doubles the channels,
 * batch norm, ReLU, the mean over all pixels, a linear classifier.
 */

/** The size of such a network. */
export interface StagedShape {
  /** Cells in all stages together, a multiple of 3; the blocks between the stages are not counted. */
  readonly cells: number;
  /** Channels of the stem and of the first stage. */
  readonly channels: number;
  readonly classes: number;
}

/** What stands in the network's path: a cell, or the block between two stages. */
type Link<C> = { readonly cell: C } | { readonly block: ReturnType<typeof residualReduction> };

/**
 * The skeleton around cells.
 *
 * @param cellOf  Makes a cell from the name that its parameters begin with, and its width.
 * @throws {UsageError} for a number of cells that is no multiple of 3.
 */
export function stagedNetwork<C extends Contents>(
  { classes, ...shape }: StagedShape,
  cellOf: (name: string, width: number) => C,
) {
  const first = named('stem', stem(3, shape.channels));
  const links: Link<C>[] = [];
  const name = () => `cells.${links.length}`;
  const plan = stagePlan(shape);
  for (const { width, reduced } of plan) {
    if (reduced) links.push({ block: named(name(), residualReduction(width / 2, width)) });
    links.push({ cell: cellOf(name(), width) });
  }
  const features = plan[plan.length - 1].width;
  const last = named('lastact', lastActivation(features));
  const { parameters, normalizations } = contentsOf([
    first,
    ...links.map((link) => ('cell' in link ? link.cell : link.block)),
    last,
  ]);
  return {
    layout: weightLayout([...parameters, ...linearParameters('classifier', features, classes)]),
    normalizations,
    /**
     * Class scores, [batch, classes].
     *
     * @param images  [batch, height, width, 3], height and width divisible by 4.
     * @param apply   What a cell makes of its input.
     */
    logits(images: FeatureMap, scope: Scope, apply: (cell: C, input: FeatureMap) => FeatureMap): Tensor2D {
      const map = links.reduce(
        (at, link) => ('cell' in link ? apply(link.cell, at) : mapOf(link.block, at, scope)),
        mapOf(first, images, scope),
      );
      return linear('classifier', engine.globalAverage(mapOf(last, map, scope).x), scope);
    },
  };
}
