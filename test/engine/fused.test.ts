import { expect } from 'chai';
import * as engine from '../../lib/engine/index.js';
import type { CellForm, Kind } from './fused-cell.js';
import { cellInputs, fusedSubject } from './fused-cell.js';
import { statistics } from './reference.js';
import { check, evaluate, random } from './subject.js';

const { tf } = engine;

const block = (size: number, stride: 1 | 2 = 1, dilation: 1 | 2 = 1): Kind => ({
  blocks: [{ size, stride, dilation }],
});

/** A cell of one node with one operation. */
const alone = (shape: CellForm['shape'], width: number, kind: Kind, reduces = false): CellForm => ({
  shape,
  width,
  reduces,
  nodes: [[{ input: 1, kind }]],
});

describe('engine/fused', function () {
  this.timeout(120_000);

  before(function () {
    if (!engine.canFuse()) this.skip();
  });

  const KINDS: readonly [string, Kind][] = [
    ...[3, 5, 7].flatMap((size) =>
      ([1, 2] as const).flatMap((stride) =>
        ([1, 2] as const).map((dilation): [string, Kind] => [
          `${size}×${size}, stride ${stride}, dilation ${dilation}`,
          block(size, stride, dilation),
        ]),
      ),
    ),
    ['1×1', block(0)],
    ['max pooling', { pool: 'max', stride: 1 }],
    ['max pooling, stride 2', { pool: 'max', stride: 2 }],
    ['average pooling', { pool: 'avg', stride: 1 }],
    ['average pooling, stride 2', { pool: 'avg', stride: 2 }],
    ['identity', 'identity'],
    ['a given map', 'given'],
  ];
  for (const [i, [what, kind]] of KINDS.entries()) {
    it(`${what}: values and gradients are those of the definition`, () => {
      check(fusedSubject(alone([2, 5, 7, 3], 2, kind)), 10 + i);
    });
  }

  it('a factorized reduction, alone and in preprocessing', () => {
    check(fusedSubject(alone([2, 4, 6, 3], 2, block(0, 2), true)), 40);
  });

  it('blocks that follow each other, nodes that read nodes, pools and identities that are shared', () => {
    const twice: Kind = { blocks: [3, 5].map((size) => ({ size, stride: 1, dilation: 1 })) };
    const form: CellForm = {
      shape: [2, 4, 4, 3],
      width: 4,
      nodes: [
        [
          { input: 0, kind: twice },
          { input: 1, kind: 'identity' },
          { input: 0, kind: { pool: 'max', stride: 1 } },
        ],
        [
          { input: 2, kind: block(3, 1, 2) },
          { input: 0, kind: { pool: 'max', stride: 1 } },
          { input: 1, kind: 'identity' },
          { input: 2, kind: 'identity' },
          { input: 1, kind: 'given' },
        ],
      ],
    };
    check(fusedSubject(form), 50);
  });

  it('batch norms with scale and offset, images with factors', () => {
    const twice: Kind = { blocks: [3, 0].map((size) => ({ size, stride: 1, dilation: 1 })) };
    for (const [i, kind] of [twice, block(0, 2), 'identity', 'given'].entries() as Iterable<[number, Kind]>) {
      const form: CellForm = {
        shape: [3, 4, 4, 3],
        width: 4,
        affine: true,
        factors: [2, 0, 1.5],
        nodes: [
          [
            { input: 1, kind },
            { input: 0, kind: i === 1 ? block(3, 2) : block(3) },
          ],
        ],
      };
      check(fusedSubject(form), 80 + i);
    }
  });

  it('tell the statistics of the batch', () => {
    const told: { mean: number[]; variance: number[] }[] = [];
    const [x] = random(90, [[3, 4, 4, 2]]);
    const values = tf.tidy(() => {
      const image = tf.tensor4d(Float32Array.from(x.data), [3, 4, 4, 2]);
      const pointwise = tf.tensor4d([1, 0.5, -1, 2], [1, 1, 2, 2]);
      const silent = { pointwise, stride: 1, dilation: 1 } as const;
      const onStatistics = ({ mean, variance }: engine.BatchStatistics) => {
        told.push({ mean: [...mean.dataSync()], variance: [...variance.dataSync()] });
      };
      const nodes = [[{ input: 0, operation: { kind: 'identity' }, place: 0 }]] as const;
      engine.fusedCell([image, image], [{ ...silent, onStatistics }, silent], nodes, [2], tf.ones([1]));
      return engine.pointwise(engine.relu(image), pointwise).dataSync().slice();
    });
    const { mean, unbiased } = statistics({ shape: [3, 4, 4, 2], data: Float64Array.from(values) });
    expect(told).to.have.lengthOf(1);
    for (const c of [0, 1]) {
      expect(told[0].mean[c]).to.be.closeTo(mean[c], 1e-6);
      expect(told[0].variance[c]).to.be.closeTo(unbiased[c], 1e-5);
    }
  });

  it('pass on what is no number: a search that diverges is told by its loss', () => {
    const form = alone([1, 5, 4, 3], 2, block(3));
    const [first, second, ...weights] = random(62, cellInputs(form));
    const [dy] = random(63, [[1, 5, 4, 2]]);
    const broken = { ...second, data: second.data.with(7, NaN) };
    const { y } = evaluate(fusedSubject(form), [first, broken, ...weights], dy, true);
    expect([...y.data].filter(Number.isNaN)).to.not.be.empty;
  });

  it('give the same bits again, eagerly and compiled', () => {
    const form = alone([4, 9, 8, 24], 16, block(5));
    const subject = fusedSubject(form);
    const inputs = random(60, cellInputs(form));
    const [dy] = random(61, [[4, 9, 8, 16]]);
    const [first, ...others] = [false, true, true].map((compiled) => evaluate(subject, inputs, dy, compiled));
    for (const other of others) {
      expect(other.y.data).to.deep.equal(first.y.data);
      expect(other.gradients.map(({ data }) => data)).to.deep.equal(first.gradients.map(({ data }) => data));
    }
  });

  it('skip what weighs nothing and change no bit of the rest, the gradient of its weight aside', () => {
    const twice: Kind = { blocks: [3, 5].map((size) => ({ size, stride: 1, dilation: 1 })) };
    const kinds: readonly Kind[] = [twice, block(3), 'identity', 'given', { pool: 'max', stride: 1 }];
    const terms = kinds.flatMap((kind) => [0, 1].map((input) => ({ input, kind })));
    for (const affine of [false, true]) {
      const form: CellForm = {
        shape: [3, 6, 5, 9],
        width: 8,
        reduces: false,
        affine,
        nodes: [terms, [...terms, { input: 2, kind: twice }]],
      };
      const inputs = random(64, cellInputs(form));
      const [dy] = random(65, [[3, 6, 5, 16]]);
      const zero = inputs[2].data.map((value, i) => (i % 3 === 0 ? 0 : value));
      // All that a node adds up.
      const none = zero.map((value, i) => (i < terms.length ? 0 : value));
      for (const weights of [zero, none]) {
        const given = inputs.map((input, i) => (i === 2 ? { ...input, data: weights } : input));
        const [whole, part] = [false, true].map((skips) =>
          evaluate(fusedSubject({ ...form, skips }), given, dy, true),
        );
        const unsigned = (values: ArrayLike<number>) => Array.from(values, (value) => value + 0);
        expect(unsigned(part.y.data)).to.deep.equal(unsigned(whole.y.data));
        for (const [i, { data }] of part.gradients.entries()) {
          const expected = Array.from(whole.gradients[i].data, (value, place) =>
            i === 2 && weights[place] === 0 ? 0 : value,
          );
          expect(unsigned(data), `gradient ${i}`).to.deep.equal(unsigned(expected));
        }
      }
    }
  });

  it('leave no tensors behind', () => {
    const form = alone([1, 4, 4, 4], 4, block(3));
    const before = engine.tensorCounts();
    const [dy] = random(71, [[1, 4, 4, 4]]);
    for (const compiled of [false, true])
      evaluate(fusedSubject(form), random(70, cellInputs(form)), dy, compiled);
    expect(engine.tensorCounts()).to.deep.equal(before);
  });
});
