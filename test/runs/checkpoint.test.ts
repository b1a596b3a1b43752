import { expect } from 'chai';
import fc from 'fast-check';
import { ZartsError } from '../../lib/errors.js';
import type { Checkpoint, TensorData } from '../../lib/runs/checkpoint.js';
import { decodeCheckpoint, encodeCheckpoint, packState, unpackState } from '../../lib/runs/checkpoint.js';
import { sha256 } from '../../lib/runs/canonical.js';

const mark = { bytes: 12, sha256: sha256('metrics') };
const whole = (checkpoint: Checkpoint): Buffer => Buffer.concat(encodeCheckpoint(checkpoint, mark));
const bits = (data: TensorData): string =>
  Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex');

const tensors = fc.dictionary(
  fc.string(),
  fc.oneof(
    fc.float32Array({ maxLength: 9 }),
    fc.float64Array({ maxLength: 9 }),
    fc.int32Array({ maxLength: 9 }),
    fc.uint8Array({ maxLength: 9 }),
  ),
  { maxKeys: 6 },
);

/** JSON without the one property name that is refused. */
const storable = fc
  .jsonValue({ noUnicodeString: false })
  .filter((value) => !JSON.stringify(value).includes('"__proto__":'));

describe('runs: the checkpoint file', () => {
  it('gives back every bit: step, meta, names in order, types, values with NaN and −0', () => {
    fc.assert(
      fc.property(fc.nat(), storable, tensors, (step, value, arrays) => {
        const meta = JSON.parse(JSON.stringify({ value })) as Checkpoint['meta'];
        const { checkpoint, metrics } = decodeCheckpoint(whole({ step, meta, tensors: arrays }), 'x');
        expect(checkpoint.step).to.equal(step);
        expect(metrics).to.deep.equal(mark);
        expect(JSON.stringify(checkpoint.meta)).to.equal(
          JSON.stringify(meta).replaceAll(/(?<=[[:,])-0(?=[\],}])/g, '0'),
        );
        expect(Object.keys(checkpoint.tensors)).to.deep.equal(Object.keys(arrays));
        for (const [name, data] of Object.entries(arrays)) {
          expect(checkpoint.tensors[name].constructor).to.equal(data.constructor);
          expect(bits(checkpoint.tensors[name])).to.equal(bits(data));
        }
      }),
    );
  });

  it('keeps the part of a buffer that a view shows, and hands out memory of its own', () => {
    const view = Float64Array.of(1, 2, 3, 4).subarray(1, 3);
    const file = whole({ step: 1, meta: null, tensors: { view } });
    const read = decodeCheckpoint(file, 'x').checkpoint.tensors.view;
    expect(Array.from(read)).to.deep.equal([2, 3]);
    file.fill(0);
    expect(Array.from(read)).to.deep.equal([2, 3]);
  });

  it('notices a change of any byte, and any length but its own', () => {
    const file = whole({
      step: 7,
      meta: { a: [1] },
      tensors: { w: Float32Array.of(1, 2, 3), v: Uint8Array.of(9) },
    });
    for (let i = 0; i < file.length; i++) {
      const damaged = Buffer.from(file);
      damaged[i] ^= 1 << (i % 8);
      expect(() => decodeCheckpoint(damaged, 'x.ckpt'), `byte ${i}`).to.throw(
        ZartsError,
        /^Checkpoint x\.ckpt is damaged: /,
      );
      expect(() => decodeCheckpoint(file.subarray(0, i), 'x.ckpt'), `length ${i}`).to.throw(
        ZartsError,
        'is damaged',
      );
    }
    expect(() => decodeCheckpoint(Buffer.concat([file, Buffer.of(0)]), 'x')).to.throw(
      `it has ${file.length + 1} bytes, expected ${file.length}`,
    );
  });

  it('refuses steps, meta and arrays that it cannot keep', () => {
    expect(() => whole({ step: -1, meta: null, tensors: {} })).to.throw(
      ZartsError,
      'non-negative integer, not -1',
    );
    expect(() => whole({ step: 0, meta: { x: NaN }, tensors: {} })).to.throw(
      ZartsError,
      'checkpoint meta.x is NaN',
    );
    const wrong = { w: new Int16Array(1) as unknown as Int32Array };
    expect(() => whole({ step: 0, meta: null, tensors: wrong })).to.throw(ZartsError, 'Checkpoint array "w"');
  });

  it('keeps a state of plain data and arrays, each in its place', () => {
    const state = {
      step: 3,
      none: null,
      solver: { alpha: Float64Array.of(1, -0), step: 2 },
      losses: Float32Array.of(0.5),
      snapshots: [{ epoch: 0, weights: [Float32Array.of(1), Int32Array.of(2)] }, { epoch: 1 }],
    };
    const packed = packState(state);
    expect(Object.keys(packed.tensors)).to.have.members([
      'solver.alpha',
      'losses',
      'snapshots.0.weights.0',
      'snapshots.0.weights.1',
    ]);
    const { checkpoint } = decodeCheckpoint(whole({ step: 3, ...packed }), 'x');
    expect(unpackState(checkpoint)).to.deep.equal(state);
  });
});
