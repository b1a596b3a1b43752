import { expect } from 'chai';
import * as engine from '../../lib/engine/index.js';
import type { HostArray } from '../../lib/engine/index.js';
import { fusedSubject, todaySubject } from './fused-cell.js';
import type { CellForm, Kind } from './fused-cell.js';
import { evaluate, random } from './subject.js';
import type { Subject } from './subject.js';
import type { Values } from './reference.js';

/** Sizes and channels of the networks that are searched and trained, and odd ones. */
const SHAPES: readonly CellForm['shape'][] = [
  [1, 32, 32, 16],
  [1, 16, 16, 32],
  [1, 8, 8, 64],
  [4, 4, 4, 8],
  [1, 33, 31, 16],
  [1, 15, 18, 24],
  [1, 12, 12, 36],
  [1, 7, 6, 72],
  [3, 9, 5, 20],
  [2, 6, 10, 10],
];

const KINDS: readonly Kind[] = [
  ...[3, 5, 7].flatMap((size) =>
    ([1, 2] as const).flatMap((stride) =>
      ([1, 2] as const).map((dilation): Kind => ({ blocks: [{ size, stride, dilation }] })),
    ),
  ),
  { blocks: [5, 3].map((size) => ({ size, stride: 1, dilation: 1 })) },
  { blocks: [{ size: 0, stride: 1, dilation: 1 }] },
  ...(['max', 'avg'] as const).flatMap((pool) => ([1, 2] as const).map((stride): Kind => ({ pool, stride }))),
];

/** The largest difference of two arrays over the largest value of the second. */
function distance(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  let [difference, largest] = [0, 1e-30];
  for (let i = 0; i < expected.length; i++) {
    difference = Math.max(difference, Math.abs(found[i] - expected[i]));
    largest = Math.max(largest, Math.abs(expected[i]));
  }
  return difference / largest;
}

/**
 * The slope of Σ dy·y along a direction of one input by central differences in float64. The step is short, so that few
 * activations change sign on the way.
 */
function slope({ definition }: Subject, inputs: readonly Values[], which: number, along: Values, dy: Values) {
  const h = 1e-7;
  const at = (by: number): number => {
    const moved = inputs.map((input, i) =>
      i === which ? { ...input, data: input.data.map((value, k) => value + by * along.data[k]) } : input,
    );
    return definition(...moved).data.reduce((sum, value, i) => sum + value * dy.data[i], 0);
  };
  return (at(h) - at(-h)) / (2 * h);
}

const dot = (a: HostArray, b: Values): number => b.data.reduce((sum, value, i) => sum + value * a.data[i], 0);
const norm = ({ data }: HostArray | Values): number => Math.hypot(...data);

describe('engine/fused at many sizes', function () {
  this.timeout(1_800_000);

  before(function () {
    if (!engine.canFuse()) this.skip();
  });

  for (const [s, shape] of SHAPES.entries()) {
    for (const [k, kind] of KINDS.entries()) {
      it(`[${shape.join(', ')}] ${JSON.stringify(kind)}`, () => {
        const terms = [0, 1].map((input) => ({ input, kind }));
        const form: CellForm = { shape, width: shape[3], nodes: [terms] };
        const subject = fusedSubject(form);
        const inputs = random(1000 * s + k, subject.inputs).map(fanIn);
        const y = subject.definition(...inputs);
        const [dy] = random(7, [y.shape]);
        const fused = evaluate(subject, inputs, dy, true);
        const today = evaluate(todaySubject(form), inputs, dy, true);
        expect(distance(fused.y.data, y.data), 'y').to.be.below(3e-6);
        fused.gradients.forEach((gradient, i) => {
          expect(distance(gradient.data, today.gradients[i].data), `input ${i} as today`).to.be.below(2e-5);
          const [along] = random(8 + i, [inputs[i].shape]);
          const error = dot(gradient, along) - slope(subject, inputs, i, along, dy);
          expect(Math.abs(error) / (norm(gradient) + 1e-3), `input ${i}`).to.be.below(2e-4);
        });
      });
    }
  }
});

/** Filters about as large as a network's. */
function fanIn(values: Values): Values {
  const { shape, data } = values;
  if (shape.length !== 4 || shape[0] !== shape[1] || shape[0] > 7 || shape[0] % 2 === 0) return values;
  const seen = shape[3] === 1 ? shape[0] * shape[1] : shape[2];
  return { shape, data: data.map((value) => Math.fround(value / Math.sqrt(seen))) };
}
