import { reductionCells } from '../spaces/spaces.js';
import type { Supernet } from '../supernet/supernet.js';

/** A supernet as the peer builds it, and where its parameters lie in our flat weight vector. */
export function peerNetwork({ space, shape, layout }: Supernet) {
  const { nodes, edges } = space;
  const { cells, channels, classes } = shape;
  return {
    network: { nodes, edges, cells, channels, classes, reductions: reductionCells(cells) },
    parameters: layout.parameters.map(({ name, shape, offset, size }) => ({ name, shape, offset, size })),
  };
}
