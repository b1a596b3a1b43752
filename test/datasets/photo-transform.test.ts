import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { unzipSync } from 'fflate';
import { jpegPhoto, transformPhoto } from '../../lib/datasets/photo-decoder.js';
import {
  IMAGENET_TEST,
  IMAGENET_TRAIN,
  JITTERS,
  drawPhoto,
  jitterColors,
  middle,
  sizeWithShorter,
} from '../../lib/datasets/photo-transform.js';
import type { Jitter } from '../../lib/datasets/photo-transform.js';
import { copyPixels, normalizedValues } from '../../lib/datasets/augment.js';
import { foldIn, key } from '../../lib/math/random.js';
import { readNpy } from '../parity/fixtures.js';
import { projectRoot } from '../../lib/runs/home.js';

/** Made with Pillow (test/fixtures/photos/make.py). */
const file = (name: string): Buffer => readFileSync(join(projectRoot(), 'test/fixtures/photos', name));
const arrays = unzipSync(file('pillow.npz'));
const pillow = (name: string): Uint8Array => Uint8Array.from(readNpy(arrays[`${name}.npy`], name).data);
const DECODED = pillow('decoded');
const [WIDTH, HEIGHT] = [48, 36];

/** The whole image without a change of size or colour. */
const WHOLE = { ...IMAGENET_TRAIN, area: [1, 1], ratio: [4 / 3, 4 / 3], flip: false } as const;

describe('datasets: photographs beside Pillow’s', () => {
  it('are decoded to the same bytes, in colour and in grey', async () => {
    for (const [name, expected] of [
      ['photo.jpg', DECODED],
      ['grey.jpg', pillow('grey')],
    ] as const) {
      const photo = await jpegPhoto(file(name));
      expect(photo).to.include({ width: WIDTH, height: HEIGHT, raw: false });
      // At its own size, so that nothing is resized: the square in the middle.
      const square = { kind: 'test', shorter: HEIGHT, side: HEIGHT } as const;
      const pixels = await transformPhoto(photo, square, key(0));
      const left = (WIDTH - HEIGHT) / 2;
      for (let y = 0; y < HEIGHT; y++) {
        const from = 3 * (y * WIDTH + left);
        const row = pixels.subarray(3 * y * HEIGHT, 3 * (y + 1) * HEIGHT);
        expect(row, name).to.deep.equal(expected.subarray(from, from + 3 * HEIGHT));
      }
    }
  });

  const jitters = Object.keys(arrays).flatMap((entry) => {
    const found = /^jitter_(\w+)_(.*)\.npy$/.exec(entry);
    return found ? [{ kind: found[1] as Jitter, amount: Number(found[2]) }] : [];
  });
  it('have the fixture’s changes of colour', () => {
    expect(new Set(jitters.map(({ kind }) => kind))).to.deep.equal(new Set(JITTERS));
    expect(jitters).to.have.length(12);
  });
  for (const { kind, amount } of jitters) {
    it(`${kind} ${amount}: the same bytes`, () => {
      const pixels = DECODED.slice();
      jitterColors(pixels, kind, amount);
      // The fixture's names are Python's, which writes 1.0.
      const name = `jitter_${kind}_${Number.isInteger(amount) ? amount.toFixed(1) : amount}`;
      expect(Buffer.compare(pixels, pillow(name))).to.equal(0);
    });
  }

  it('are shrunk to the same bytes', async () => {
    const photo = await jpegPhoto(file('photo.jpg'));
    const test = { kind: 'test', shorter: 24, side: 24 } as const;
    const pixels = await transformPhoto(photo, test, key(0));
    const whole = pillow('short_24');
    const expected = Uint8Array.from({ length: 24 * 24 * 3 }, (_, i) => {
      const [y, rest] = [Math.floor(i / 72), i % 72];
      return whole[y * 32 * 3 + 4 * 3 + rest];
    });
    expect(Buffer.compare(pixels, expected)).to.equal(0);
  });

  it('are cropped where they are to be', async () => {
    const photo = await jpegPhoto(file('photo.jpg'));
    for (const name of ['crop_0_0_48_36', 'crop_5_3_36_33', 'crop_11_7_30_24']) {
      const [left, top, width, height] = name.split('_').slice(1).map(Number);
      // A transform whose draw is that crop: the photograph is cut to it beforehand, pixel for pixel.
      const cut = new Uint8Array(width * height * 3);
      for (let y = 0; y < height; y++) {
        const from = ((top + y) * WIDTH + left) * 3;
        cut.set(DECODED.subarray(from, from + width * 3), y * width * 3);
      }
      const pixels = await transformPhoto(
        { bytes: cut, width, height, raw: true },
        { kind: 'train', side: 16, area: [1, 1], ratio: [width / height, width / height], flip: false },
        key(0),
      );
      expect(Buffer.compare(pixels, pillow(name)), name).to.equal(0);
    }
    // And the draw's crop is the one that is taken: cutting it out of the pixels by hand gives the same bytes.
    const transform = {
      ...IMAGENET_TRAIN,
      side: 16,
      jitter: { brightness: 0, contrast: 0, saturation: 0, hue: 0 },
    };
    for (let i = 0; i < 10; i++) {
      const from = foldIn(key(3), i);
      const { crop } = drawPhoto(transform, WIDTH, HEIGHT, from);
      const cut = new Uint8Array(crop.width * crop.height * 3);
      for (let y = 0; y < crop.height; y++) {
        const start = ((crop.top + y) * WIDTH + crop.left) * 3;
        cut.set(DECODED.subarray(start, start + crop.width * 3), y * crop.width * 3);
      }
      const whole = await transformPhoto(
        { bytes: cut, width: crop.width, height: crop.height, raw: true },
        { ...transform, area: [1, 1], ratio: [crop.width / crop.height, crop.width / crop.height] },
        from,
      );
      const pixels = await transformPhoto(photo, transform, from);
      expect(Buffer.compare(pixels, whole)).to.equal(0);
    }
  });
});

describe('datasets: what chance decides of a photograph', () => {
  it('crops lie within it and have the areas and shapes asked for, or are the fallback', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 700 }),
        fc.integer({ min: 1, max: 700 }),
        fc.nat(1e6),
        (width, height, seed) => {
          const { crop } = drawPhoto(IMAGENET_TRAIN, width, height, key(seed));
          expect(crop.left).to.be.at.least(0);
          expect(crop.top).to.be.at.least(0);
          expect(crop.width).to.be.within(1, width - crop.left);
          expect(crop.height).to.be.within(1, height - crop.top);
          if (Math.min(width, height) > 100 && Math.max(width / height, height / width) < 4 / 3) {
            expect((crop.width * crop.height) / (width * height)).to.be.within(0.075, 1);
            expect(crop.width / crop.height).to.be.within(0.72, 1.4);
          }
        },
      ),
    );
  });

  const draws = Array.from({ length: 4000 }, (_, i) =>
    drawPhoto(IMAGENET_TRAIN, 500, 375, foldIn(key(1), i)),
  );
  const mean = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length;

  it('takes the whole of a photograph that is too long, as far as its shape allows, from the middle', () => {
    const { crop } = drawPhoto(IMAGENET_TRAIN, 1000, 10, key(0));
    expect(crop).to.deep.equal({ left: 493, top: 0, width: 13, height: 10 });
    expect(drawPhoto(IMAGENET_TRAIN, 10, 1000, key(0)).crop).to.deep.equal({
      left: 0,
      top: 493,
      width: 10,
      height: 13,
    });
    expect(drawPhoto(WHOLE, WIDTH, HEIGHT, key(5)).crop).to.deep.equal({
      left: 0,
      top: 0,
      width: WIDTH,
      height: HEIGHT,
    });
  });

  it('has uniform areas, as far as they fit, and log-uniform shapes', () => {
    // Of areas below a half nearly every crop fits into 4:3, so among those the law is seen undisturbed.
    const areas = draws
      .map(({ crop }) => (crop.width * crop.height) / (500 * 375))
      .filter((area) => area < 0.5);
    expect(mean(areas)).to.be.closeTo((0.08 + 0.5) / 2, (4 * 0.42) / Math.sqrt(12 * areas.length));
    const shapes = draws
      .filter(({ crop }) => crop.width * crop.height < 0.5 * 500 * 375)
      .map(({ crop }) => Math.log(crop.width / crop.height));
    const spread = 2 * Math.log(4 / 3);
    expect(mean(shapes)).to.be.closeTo(0, (4 * spread) / Math.sqrt(12 * shapes.length));
  });

  it('mirrors half, and changes colours by amounts in range, in every order', () => {
    expect(mean(draws.map(({ flip }) => (flip ? 1 : 0)))).to.be.closeTo(0.5, (4 * 0.5) / Math.sqrt(4000));
    for (const kind of JITTERS) {
      const amounts = draws.map(({ jitter }) => jitter.find((each) => each.kind === kind)!.amount);
      const [least, most] = kind === 'hue' ? [-0.2, 0.2] : [0.6, 1.4];
      expect(Math.min(...amounts)).to.be.within(least, least + 0.01);
      expect(Math.max(...amounts)).to.be.within(most - 0.01, most);
      expect(mean(amounts)).to.be.closeTo((least + most) / 2, (4 * (most - least)) / Math.sqrt(12 * 4000));
    }
    const orders = new Map<string, number>();
    for (const { jitter } of draws) {
      const order = jitter.map(({ kind }) => kind).join();
      orders.set(order, (orders.get(order) ?? 0) + 1);
    }
    expect(orders.size).to.equal(24);
    const chi2 = [...orders.values()].reduce((sum, n) => sum + (n - 4000 / 24) ** 2 / (4000 / 24), 0);
    expect((chi2 - 23) / Math.sqrt(2 * 23)).to.be.within(-4, 4);
  });

  it('leaves the crop as it is when other parts are switched off', () => {
    const still = { brightness: 0, contrast: 0, saturation: 0, hue: 0 };
    const some = drawPhoto({ ...IMAGENET_TRAIN, flip: false, jitter: still }, 500, 375, key(8));
    const all = drawPhoto(IMAGENET_TRAIN, 500, 375, key(8));
    expect(some.crop).to.deep.equal(all.crop);
    expect([some.flip, some.jitter, all.jitter.length]).to.deep.equal([false, [], 4]);
  });
});

describe('datasets: sizes and places', () => {
  it('shrinks the shorter side and cuts out the middle as torchvision does', () => {
    expect(sizeWithShorter(500, 375, 256)).to.deep.equal({ width: 341, height: 256 });
    expect(sizeWithShorter(375, 500, 256)).to.deep.equal({ width: 256, height: 341 });
    expect(middle(341, 256, 224)).to.deep.equal({ left: 58, top: 16, width: 224, height: 224 });
    // Python's round takes the even one of two equally near: 57.5 → 58, 58.5 → 58.
    expect(middle(339, 341, 224)).to.include({ left: 58, top: 58 });
    expect(IMAGENET_TEST).to.deep.equal({ kind: 'test', side: 224, shorter: 256 });
  });

  it('writes normalized values, mirrored or not', () => {
    const pixels = Uint8Array.from({ length: 6 }, (_, i) => 20 * i);
    const values = normalizedValues([0, 0, 0], [1, 1, 1]);
    const batch = new Float32Array(12);
    copyPixels(pixels, 0, batch, 0, 2, 3, values);
    copyPixels(pixels, 0, batch, 9, 2, -3, values);
    const bytes = Array.from(batch, (value) => Math.round(value * 255));
    expect(bytes).to.deep.equal([...pixels, 60, 80, 100, 0, 20, 40]);
  });
});
