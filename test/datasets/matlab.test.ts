import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { matlabVariables } from '../../lib/datasets/matlab.js';
import { projectRoot } from '../../lib/runs/home.js';
import { matlabFileOf } from '../support/stand-in.js';

/** Files written by SciPy (test/fixtures/matlab/make.py). */
const fixture = (name: string): Buffer => readFileSync(join(projectRoot(), 'test/fixtures/matlab', name));

/** Pixel [y, x, c, n] of the fixtures. */
const pixel = (y: number, x: number, c: number, n: number): number =>
  (7 * y + 3 * x + 50 * c + 13 * n + Math.floor((y * x) / 8)) % 256;

function pixels(count: number, side = 32): Uint8Array {
  return Uint8Array.from({ length: side * side * 3 * count }, (_, i) => {
    const [y, x] = [i % side, Math.floor(i / side) % side];
    const rest = Math.floor(i / side ** 2);
    return pixel(y, x, rest % 3, Math.floor(rest / 3));
  });
}

/** A MAT-file put together by hand from the format's description, big-endian, its small data inside their tags. */
function bigEndianFile(name: string, numbers: readonly number[]): Buffer {
  const header = Buffer.alloc(128, ' ');
  header.write('MATLAB 5.0 MAT-file, by hand');
  header.writeUInt16BE(0x0100, 124);
  header.write('MI', 126);
  const tag = (type: number, bytes: number): Buffer => {
    const buffer = Buffer.alloc(8);
    buffer.writeUInt32BE(type, 0);
    buffer.writeUInt32BE(bytes, 4);
    return buffer;
  };
  const flags = Buffer.from([0, 0, 0, 10, 0, 0, 0, 0]); // int16
  const shape = Buffer.alloc(8);
  shape.writeInt32BE(numbers.length, 0);
  shape.writeInt32BE(1, 4);
  // A small element: how many bytes and which type in one word, the data in the next.
  const small = Buffer.alloc(8);
  small.writeUInt32BE((name.length << 16) | 1, 0);
  small.write(name, 4);
  const data = Buffer.alloc(Math.ceil((2 * numbers.length) / 8) * 8);
  numbers.forEach((value, i) => data.writeInt16BE(value, 2 * i));
  const body = Buffer.concat([tag(6, 8), flags, tag(5, 8), shape, small, tag(3, 2 * numbers.length), data]);
  return Buffer.concat([header, tag(14, body.length), body]);
}

/** What is wrong with a file. */
class MatlabFault extends Error {}
const variablesOf = (file: Buffer) => matlabVariables(file, 1e6, (fault) => new MatlabFault(fault));

/** Shape and numbers of a variable. */
function read(file: Buffer, name: string) {
  const found = variablesOf(file).find((variable) => variable.name === name)!;
  return { shape: found.shape, data: found.numbers() };
}

describe('datasets: MATLAB files', () => {
  it('names the variables of a file by SciPy with their shapes, and reads bytes in column-major order', () => {
    const file = fixture('svhn-like.mat');
    expect(variablesOf(file).map(({ name }) => name)).to.deep.equal(['note', 'X', 'meta', 'y']);
    expect(read(file, 'X')).to.deep.equal({ shape: [32, 32, 3, 12], data: pixels(12) });
    expect(Array.from(read(file, 'y').data)).to.deep.equal([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1, 2]);
  });

  it('reads what is not compressed, doubles, 64-bit integers, and a single image', () => {
    const plain = fixture('plain-double.mat');
    expect(read(plain, 'X').data).to.deep.equal(pixels(3));
    expect(read(plain, 'y').data).to.deep.equal(Float64Array.of(1, 2, 3));
    const single = fixture('single-int64.mat');
    expect(read(single, 'X').shape).to.deep.equal([32, 32, 3]);
    expect(read(single, 'y').data).to.deep.equal(Float64Array.of(1));
  });

  it('reads big-endian numbers and data inside their tags', () => {
    const file = bigEndianFile('abc', [1, -2, 300, -32768, 7]);
    expect(read(file, 'abc')).to.deep.equal({
      shape: [5, 1],
      data: Float64Array.of(1, -2, 300, -32768, 7),
    });
  });

  it('reads any bytes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 600 }), { minLength: 1, maxLength: 3 }),
        (arrays) => {
          const variables = arrays.map((data, i) => ({ name: `v${i}`, shape: [data.length, 1], data }));
          const file = matlabFileOf(variables);
          for (const { name, shape, data } of variables) {
            expect(read(file, name)).to.deep.equal({ shape, data });
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  const whole = fixture('svhn-like.mat');
  const changed = (change: (bytes: Buffer) => void): Buffer => {
    const bytes = Buffer.from(whole);
    change(bytes);
    return bytes;
  };
  const faults: readonly (readonly [what: string, bytes: Buffer, says: RegExp, variable?: string])[] = [
    [
      'a file cut short',
      whole.subarray(0, 9000),
      /^ends at byte 9000 inside the variable at byte \d+, which reaches to byte \d+$/,
    ],
    ['a file cut inside a tag', whole.subarray(0, 131), /ends inside the variable at byte 128/],
    ['a file cut inside its header', whole.subarray(0, 100), /ends inside its header/],
    [
      'another kind of file',
      Buffer.from('PK\x03\x04 a zip archive and some more of it'),
      /is not a MATLAB file of version 5: it begins with "PK.*", expected "MATLAB 5\.0 MAT-file"/,
    ],
    ['a wrong byte-order mark', changed((b) => b.write('XX', 126)), /is not a MATLAB file of version 5/],
    [
      'a MATLAB 7.3 file',
      changed((b) => b.write('MATLAB 7.3', 0)),
      /is a MATLAB 7\.3 file \(HDF5\), expected version 5/,
    ],
    [
      'a wrong byte in compressed numbers',
      changed((b) => (b[8000] ^= 0x55)),
      /has a damaged variable at byte \d+: /,
    ],
    ['text', whole, /has a variable note that is not an array of real numbers/, 'note'],
    ['a structure', whole, /meta that is not an array of real numbers/, 'meta'],
    ['complex numbers', fixture('complex.mat'), /y that is not an array of real numbers/, 'y'],
  ];
  for (const [what, bytes, says, variable = 'X'] of faults) {
    it(`names ${what}`, () => {
      expect(() => read(bytes, variable)).to.throw(MatlabFault, says);
    });
  }

  it('never hands out wrong numbers: a changed byte is refused or changes nothing', () => {
    const expected = pixels(12);
    fc.assert(
      fc.property(
        fc.integer({ min: 128, max: whole.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        (at, flip) => {
          try {
            const found = variablesOf(changed((bytes) => (bytes[at] ^= flip)));
            const images = found.find(({ name }) => name === 'X');
            if (images) expect(images.numbers()).to.deep.equal(expected);
          } catch (error) {
            if (!(error instanceof MatlabFault)) throw error;
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('a file cut anywhere is refused', () => {
    for (let length = 0; length < whole.length; length += 97) {
      expect(() => variablesOf(whole.subarray(0, length))).to.throw(MatlabFault);
    }
  });
});
