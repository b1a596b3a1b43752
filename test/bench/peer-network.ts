import type { DerivedNetwork } from '../../lib/evaluation/network.js';
import { reductionCells } from '../../lib/spaces/spaces.js';
import type { Supernet } from '../../lib/supernet/supernet.js';
import type { WeightLayout } from '../../lib/supernet/weights.js';

/** A supernet as the peer builds it. */
export function peerSupernet({ space, shape }: Supernet) {
  const { nodes, edges } = space;
  const { cells, channels, classes } = shape;
  return { nodes, edges, cells, channels, classes, reductions: reductionCells(cells) };
}

/** A derived network as the peer builds it; without auxiliary head where it has none. */
export function peerDerivedNetwork({ genotype, plan, auxiliary }: DerivedNetwork, auxiliaryWeight: number) {
  const { cells, classes } = plan;
  return {
    genotype,
    cells: cells.length,
    stem: plan.stem[0],
    widths: cells.map(({ width }) => width),
    classes,
    reductions: reductionCells(cells.length),
    auxiliary: auxiliary ? { cell: plan.auxiliaryCell, weight: auxiliaryWeight } : null,
  };
}

/** Where parameters lie in our flat weight vector. */
export function peerParameters({ parameters }: WeightLayout) {
  return parameters.map(({ name, shape, offset, size }) => ({ name, shape, offset, size }));
}
