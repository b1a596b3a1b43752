import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { unzipSync } from 'fflate';
import { jpegPhoto, photoPixels, transformPhoto } from '../../lib/datasets/photo-decoder.js';
import type { Rectangle } from '../../lib/datasets/photo-transform.js';
import { sizeWithShorter } from '../../lib/datasets/photo-transform.js';
import { fromInks, mirror, resample } from '../../lib/datasets/resample.js';
import { key } from '../../lib/math/random.js';
import { projectRoot } from '../../lib/runs/home.js';
import { readNpy } from '../parity/fixtures.js';

/** Made with Pillow (test/fixtures/resize/make.py). */
const file = (name: string): Buffer => readFileSync(join(projectRoot(), 'test/fixtures/resize', name));
const arrays = unzipSync(file('pillow.npz'));
const pillow = (name: string): Uint8Array => Uint8Array.from(readNpy(arrays[`${name}.npy`], name).data);

interface Crop {
  readonly photo: string;
  readonly crop: Rectangle;
  readonly width: number;
  readonly height: number;
}
const CROPS = JSON.parse(file('crops.json').toString()) as readonly Crop[];
const PHOTOS = [...new Set(CROPS.map(({ photo }) => photo))];

/** How far bytes lie apart at most. */
const apart = (pixels: Uint8Array, expected: Uint8Array): number => {
  expect(pixels).to.have.length(expected.length);
  return pixels.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i])), 0);
};

const pixel = fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 3, maxLength: 3 });

describe('datasets: photographs resized as Pillow does', () => {
  it('the fixture enlarges and shrinks, each direction by itself, up to eight- and tenfold', () => {
    const factors = CROPS.flatMap(({ crop, width, height }) => [width / crop.width, height / crop.height]);
    expect(CROPS).to.have.length(200);
    expect(Math.max(...factors)).to.be.above(7);
    expect(Math.min(...factors)).to.be.below(1 / 9);
    const opposed = CROPS.filter(({ crop, width, height }) => width > crop.width !== height > crop.height);
    expect(opposed.length).to.be.above(50);
  });

  let start = 0;
  for (const name of PHOTOS) {
    const own = CROPS.filter(({ photo }) => photo === name);
    const from = start;
    start = own.reduce((sum, { width, height }) => sum + 3 * width * height, start);
    it(`${name}: 40 crops, to the same bytes`, async () => {
      const expected = pillow('crops');
      const photo = await jpegPhoto(file(name));
      let at = from;
      for (const { crop, width, height } of own) {
        const pixels = resample(await photoPixels(photo, crop), width, height);
        const where = JSON.stringify({ crop, width, height });
        expect(apart(pixels, expected.subarray(at, (at += pixels.length))), where).to.equal(0);
      }
    });
  }

  it('test images too: the whole with its shorter side resized, and the middle of that', async () => {
    for (const [i, name] of PHOTOS.entries()) {
      const photo = await jpegPhoto(file(name));
      const wholes = Object.keys(arrays).filter((each) => each.startsWith(`whole_${i}_`));
      expect(wholes).to.have.length(4);
      for (const each of wholes) {
        const shorter = Number(/_(\d+)\.npy$/.exec(each)![1]);
        expect(Math.min(...Object.values(sizeWithShorter(photo.width, photo.height, shorter)))).to.equal(
          shorter,
        );
        const pixels = await transformPhoto(photo, { kind: 'test', side: 16, shorter }, key(0));
        expect(apart(pixels, pillow(each.slice(0, -4))), `${name} ${shorter}`).to.equal(0);
      }
    }
  });

  it('inks of every strength become the colours that Pillow gives them', () => {
    const strengths = [0, 51, 102, 153, 204, 255];
    // NumPy's meshgrid has its first two directions exchanged.
    const inks = strengths.flatMap((m) =>
      strengths.flatMap((c) => strengths.flatMap((y) => strengths.map((k) => [c, m, y, k]))),
    );
    expect(apart(fromInks(Uint8Array.from(inks.flat())), pillow('inks'))).to.equal(0);
    expect([...fromInks(Uint8Array.of(10, 20, 30, 255))]).to.deep.equal([0, 0, 0]);
  });

  it('one colour stays it, and a window is a part of the whole', () => {
    const side = fc.integer({ min: 1, max: 40 });
    fc.assert(
      fc.property(side, side, side, side, pixel, (width, height, toWidth, toHeight, colour) => {
        const bytes = Uint8Array.from({ length: width * height * 3 }, (_, i) => colour[i % 3]);
        const resized = resample({ bytes, width, height }, toWidth, toHeight);
        expect([...resized]).to.deep.equal(Array.from(resized, (_, i) => colour[i % 3]));
      }),
      { numRuns: 60 },
    );
    fc.assert(
      fc.property(side, side, side, side, fc.infiniteStream(fc.nat(255)), (width, height, w, h, stream) => {
        const bytes = Uint8Array.from({ length: width * height * 3 }, () => stream.next().value as number);
        const whole = resample({ bytes, width, height }, w, h);
        const window = { left: w >> 2, top: h >> 1, width: w - (w >> 1), height: h - (h >> 1) };
        const part = resample({ bytes, width, height }, w, h, window);
        for (let y = 0; y < window.height; y++) {
          const at = 3 * ((window.top + y) * w + window.left);
          const row = 3 * window.width;
          expect(part.subarray(y * row, (y + 1) * row)).to.deep.equal(whole.subarray(at, at + row));
        }
      }),
      { numRuns: 60 },
    );
  });

  it('mirrored twice it is as before; mirrored once its columns are exchanged', () => {
    const bytes = Uint8Array.from({ length: 2 * 5 * 3 }, (_, i) => i);
    const mirrored = bytes.slice();
    mirror(mirrored, 5);
    expect([...mirrored.subarray(0, 6)]).to.deep.equal([12, 13, 14, 9, 10, 11]);
    mirror(mirrored, 5);
    expect(mirrored).to.deep.equal(bytes);
  });
});
