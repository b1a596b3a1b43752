import { expect } from 'chai';
import { countOperations, multiplyAdds } from './arithmetic.js';
import { benchNet, stepCounts } from './program.js';
import { countNetwork, multiplyAdds as countedMultiplyAdds, sumCounts } from '../../lib/evaluation/count.js';
import { KNOWN_GENOTYPES } from '../../lib/spaces/genotype.js';
import { BENCH_SHAPES } from './shapes.js';
import type { SearchShape } from './shapes.js';
import { nativeKernels } from '../../lib/engine/index.js';
import type { GraphNode } from '../../lib/engine/index.js';
import { multiplyAdds as forwardMultiplyAdds } from '../parity/cases-supernet.js';

const source = (name: string, shape: readonly number[]): GraphNode => ({
  name,
  op: 'Placeholder',
  inputs: [],
  attributes: [],
  shapes: [shape],
});

const node = (
  op: string,
  inputs: readonly string[],
  shape: readonly number[],
  attributes: GraphNode['attributes'] = [],
): GraphNode => ({ name: op, op, inputs, attributes, shapes: [shape] });

const transposed = { name: 'transpose_a', type: 4, value: true };

describe('bench/arithmetic', () => {
  // Each count is written as the product of the loops that a plain program would run.
  const CASES: readonly { what: string; nodes: readonly GraphNode[]; dense?: number; depthwise?: number }[] =
    [
      {
        what: 'a matrix product',
        nodes: [source('a', [5, 7]), source('b', [7, 3]), node('MatMul', ['a', 'b'], [5, 3])],
        dense: 5 * 3 * 7,
      },
      {
        what: 'a fused block',
        nodes: [
          source('x', [2, 8, 8, 6]),
          source('none', [0]),
          source('depthwise', [3, 3, 6, 1]),
          source('pointwise', [1, 1, 6, 5]),
          node('ZartsBlock', ['x', 'none', 'none', 'none', 'depthwise', 'pointwise'], [2, 4, 4, 5]),
        ],
        dense: 2 * 4 * 4 * 5 * 6,
        depthwise: 2 * 4 * 4 * 6 * (3 * 3),
      },
      {
        what: 'the gradients of a fused block without a depthwise convolution',
        nodes: [
          source('x', [2, 8, 8, 6]),
          source('none', [0]),
          source('pointwise', [1, 1, 6, 5]),
          source('z', [2, 8, 8, 5]),
          source('k', [3, 5]),
          node(
            'ZartsBlockGrad',
            ['x', 'none', 'none', 'none', 'none', 'pointwise', 'z', 'z', 'k', 'none'],
            [2, 8, 8, 6],
          ),
        ],
        dense: 2 * (2 * 8 * 8 * 5 * 6),
      },
      {
        what: 'a product with its first operand transposed',
        nodes: [source('a', [7, 5]), source('b', [7, 3]), node('MatMul', ['a', 'b'], [5, 3], [transposed])],
        dense: 5 * 3 * 7,
      },
      {
        what: 'a convolution',
        nodes: [
          source('x', [2, 8, 8, 3]),
          source('f', [3, 3, 3, 6]),
          node('Conv2D', ['x', 'f'], [2, 4, 4, 6]),
        ],
        dense: 2 * 4 * 4 * 6 * (3 * 3 * 3),
      },
      {
        what: 'its input gradient',
        nodes: [
          source('sizes', [4]),
          source('f', [3, 3, 3, 6]),
          source('dy', [2, 4, 4, 6]),
          node('Conv2DBackpropInput', ['sizes', 'f', 'dy'], [2, 8, 8, 3]),
        ],
        dense: 2 * 4 * 4 * 6 * (3 * 3 * 3),
      },
      {
        what: 'its filter gradient',
        nodes: [
          source('x', [2, 8, 8, 3]),
          source('sizes', [4]),
          source('dy', [2, 4, 4, 6]),
          node('Conv2DBackpropFilter', ['x', 'sizes', 'dy'], [3, 3, 3, 6]),
        ],
        dense: 2 * 4 * 4 * 6 * (3 * 3 * 3),
      },
      {
        what: 'a depthwise convolution',
        nodes: [
          source('x', [2, 8, 8, 5]),
          source('f', [3, 3, 5, 1]),
          node('DepthwiseConv2dNative', ['x', 'f'], [2, 4, 4, 5]),
        ],
        depthwise: 2 * 4 * 4 * 5 * (3 * 3),
      },
      {
        what: 'its filter gradient',
        nodes: [
          source('x', [2, 8, 8, 5]),
          source('sizes', [4]),
          source('dy', [2, 4, 4, 5]),
          node('DepthwiseConv2dNativeBackpropFilter', ['x', 'sizes', 'dy'], [3, 3, 5, 1]),
        ],
        depthwise: 2 * 4 * 4 * 5 * (3 * 3),
      },
      {
        what: 'a second result of a split',
        nodes: [
          {
            ...source('parts', [4, 9]),
            shapes: [
              [4, 9],
              [4, 2],
            ],
          },
          source('b', [2, 3]),
          node('MatMul', ['parts:1', 'b'], [4, 3]),
        ],
        dense: 4 * 3 * 2,
      },
      {
        what: 'a depthwise convolution of an image with zeros between its pixels by the pixels alone',
        nodes: [
          source('dy', [2, 3, 3, 4]),
          source('paddings', [4, 2]),
          node('PadV2', ['dy', 'paddings'], [2, 3, 3, 16]),
          node('DepthToSpace', ['PadV2'], [2, 6, 6, 4]),
          source('filter', [5, 5, 4, 1]),
          node('DepthwiseConv2dNative', ['DepthToSpace', 'filter'], [2, 6, 6, 4]),
        ],
        depthwise: 2 * 3 * 3 * 4 * 25,
      },
      { what: 'nothing that multiplies', nodes: [source('x', [2, 2]), node('Relu', ['x'], [2, 2])] },
    ];

  for (const { what, nodes, dense = 0, depthwise = 0 } of CASES) {
    it(`counts ${what}`, () => {
      expect(multiplyAdds(nodes)).to.deep.equal({ dense, depthwise, total: dense + depthwise });
    });
  }

  it('refuses to pass over a convolution that it does not know, or one without shapes', () => {
    expect(() => multiplyAdds([node('Conv3D', [], [1])])).to.throw(/Conv3D are not counted/);
    expect(() => multiplyAdds([node('MatMul', ['a', 'b'], [5, 3])])).to.throw(/shapes are not known/);
  });

  it('counts as kernels what a kernel has work for', () => {
    const nodes = [source('x', [1]), node('Reshape', ['x'], [1, 1]), node('Relu', ['Reshape'], [1, 1])];
    expect(countOperations(nodes)).to.deep.equal({ operations: 3, kernels: 1 });
  });

  for (const name of ['darts-small', 's2-small'] as const) {
    it(`agrees with the layers' own count forward, and makes about twice as many backward: ${name}`, () => {
      const shape: SearchShape = BENCH_SHAPES[name];
      const { forwardMultiplyAdds: forward, multiplyAdds: both, parameters } = stepCounts(shape);
      const net = benchNet(shape);
      const { convolutions, linear } = forwardMultiplyAdds(net, shape.image, shape.image);
      expect(forward.total).to.equal(shape.batch * (convolutions + linear));
      expect(parameters).to.equal(net.layout.size);
      // A gradient with respect to inputs and one with respect to filters, each as much as the forward pass, but for the
      // images, which have none. Fused kernels make depthwise convolutions once more instead of keeping their results.
      const again = nativeKernels.level === 'none' ? 0 : forward.depthwise;
      expect(both.total - again).to.be.within(2.9 * forward.total, 3 * forward.total);
    });
  }

  it('agrees with the count of a derived network, auxiliary head included', () => {
    const shape = BENCH_SHAPES['retrain-small'];
    const { forwardMultiplyAdds: forward, multiplyAdds: both, parameters } = stepCounts(shape);
    const size = { form: 'cifar', cells: shape.cells, channels: shape.channels, classes: 10 } as const;
    const { network, auxiliary } = countNetwork(KNOWN_GENOTYPES[shape.genotype], size, {
      height: shape.image,
      width: shape.image,
    });
    const whole = sumCounts(network, auxiliary!);
    expect(parameters).to.equal(whole.parameters);
    expect(forward.total).to.equal(shape.batch * countedMultiplyAdds(whole));
    const again = nativeKernels.level === 'none' ? 0 : forward.depthwise;
    expect(both.total - again).to.be.within(2.9 * forward.total, 3 * forward.total);
  });
});
