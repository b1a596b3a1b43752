import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { unzipSync } from 'fflate';
import { ZartsError } from '../../lib/errors.js';
import {
  batchOf,
  cutoutRange,
  drawAugmentation,
  evalTransform,
  normalizedValues,
  trainTransform,
} from '../../lib/datasets/augment.js';
import type { Transform } from '../../lib/datasets/augment.js';
import type { ImageSet } from '../../lib/datasets/images.js';
import { FILE_DATASETS } from '../../lib/datasets/registry.js';
import { foldIn, integers, key } from '../../lib/math/random.js';
import { readNpy } from '../parity/fixtures.js';
import { projectRoot } from '../../lib/runs/home.js';
import { thrown } from './helpers.js';

const { mean, std } = FILE_DATASETS.cifar10;

function randomSet(count: number, side: number, seed = 0): ImageSet {
  const images = Uint8Array.from(integers(key(seed), count * side * side * 3, 256));
  return {
    images,
    labels: integers(key(seed + 1), count, 10),
    count,
    side,
  };
}

const pixelsOf = (...given: Parameters<typeof batchOf>): Float32Array => batchOf(...given).images.data;

const all = (set: ImageSet): Int32Array => Int32Array.from({ length: set.count }, (_, i) => i);

/** The transform written down as its definition: no tables, no rows, one value at a time. */
function reference(
  set: ImageSet,
  index: number,
  transform: Transform,
  at: number,
  from: ReturnType<typeof key>,
): number[] {
  const { side, images } = set;
  const { pad, cutout } = transform;
  const draw = drawAugmentation(transform, side, foldIn(from, at));
  const out: number[] = [];
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const sy = y + draw.top - pad;
      const sx = (draw.flip ? side - 1 - x : x) + draw.left - pad;
      const inside = sy >= 0 && sy < side && sx >= 0 && sx < side;
      const half = Math.floor(cutout / 2);
      const cut =
        y >= draw.centerY - half &&
        y < draw.centerY + half &&
        x >= draw.centerX - half &&
        x < draw.centerX + half;
      for (let c = 0; c < 3; c++) {
        const byte = inside ? images[((index * side + sy) * side + sx) * 3 + c] : 0;
        const f = Math.fround;
        out.push(cut ? 0 : f(f(f(byte / 255) - f(mean[c])) / f(std[c])));
      }
    }
  }
  return out;
}

const transforms = fc.record({
  mean: fc.constant(mean),
  std: fc.constant(std),
  pad: fc.constantFrom(0, 1, 2, 4),
  flip: fc.boolean(),
  cutout: fc.constantFrom(0, 1, 5, 8, 16),
});

describe('datasets: batches of small images', () => {
  const set = randomSet(12, 16);

  it('equals the definition, value for value', () => {
    fc.assert(
      fc.property(
        transforms,
        fc.integer({ min: 0, max: 1e9 }),
        fc.array(fc.integer({ min: 0, max: 11 }), { minLength: 1, maxLength: 5 }),
        (transform, seed, indices) => {
          const batch = pixelsOf(set, Int32Array.from(indices), transform, key(seed));
          const expected = indices.flatMap((index, i) => reference(set, index, transform, i, key(seed)));
          expect(Array.from(batch)).to.deep.equal(expected);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('gives the same bits for the same key, other ones for another, and leaves the images alone', () => {
    const transform = trainTransform({ mean, std, train: set }, 8);
    const before = set.images.slice();
    const make = (seed: number) => Buffer.from(pixelsOf(set, all(set), transform, key(seed)).buffer);
    expect(make(3).equals(make(3))).to.equal(true);
    expect(make(3).equals(make(4))).to.equal(false);
    expect(set.images).to.deep.equal(before);
  });

  it('gives an image its draw by its place alone, whatever else is in the batch', () => {
    const transform = trainTransform({ mean, std, train: set });
    const size = 16 * 16 * 3;
    const long = pixelsOf(set, Int32Array.of(0, 5, 7), transform, key(9));
    const short = pixelsOf(set, Int32Array.of(3, 5), transform, key(9));
    expect(short.subarray(size)).to.deep.equal(long.subarray(size, 2 * size));
  });

  it('pads with black before normalizing: (0 − mean)/std, not 0', () => {
    const white: ImageSet = { ...randomSet(1, 32), images: new Uint8Array(3072).fill(255) };
    const transform = trainTransform({ mean, std, train: white });
    const batch = pixelsOf(white, new Int32Array(200), transform, key(0));
    for (let c = 0; c < 3; c++) {
      const seen = new Set(batch.filter((_, i) => i % 3 === c));
      const black = Math.fround(Math.fround(-mean[c]) / Math.fround(std[c]));
      expect(seen.size).to.equal(2);
      expect(seen.has(black), 'black').to.equal(true);
      expect([...seen].find((v) => v !== black)).to.be.closeTo((1 - mean[c]) / std[c], 1e-6);
    }
  });

  it('pads by an eighth of the side', () => {
    for (const [side, pad] of [
      [32, 4],
      [16, 2],
      [8, 1],
    ]) {
      expect(trainTransform({ mean, std, train: randomSet(1, side) }).pad).to.equal(pad);
    }
  });

  it('normalizes to mean 0 and deviation 1 what has the mean and deviation that it was told', () => {
    const { images } = randomSet(40, 32);
    const moments = [0, 1, 2].map((c) => {
      const values = Array.from(
        images.filter((_, i) => i % 3 === c),
        (byte) => byte / 255,
      );
      const m = values.reduce((s, v) => s + v, 0) / values.length;
      return { m, s: Math.sqrt(values.reduce((s, v) => s + (v - m) ** 2, 0) / values.length) };
    });
    const transform = evalTransform({ mean: moments.map(({ m }) => m), std: moments.map(({ s }) => s) });
    const big = randomSet(40, 32);
    const batch = pixelsOf(big, all(big), transform, key(0));
    for (let c = 0; c < 3; c++) {
      const channel = Array.from(batch.filter((_, i) => i % 3 === c));
      const m = channel.reduce((s, v) => s + v, 0) / channel.length;
      expect(m).to.be.closeTo(0, 1e-5);
      expect(channel.reduce((s, v) => s + v * v, 0) / channel.length).to.be.closeTo(1, 1e-5);
    }
  });

  it('has the float32 values that PyTorch computes', () => {
    // torch: (torch.tensor(200, dtype=torch.uint8).float().div(255) - 0.49139968) / 0.24703233, and so on, in float32.
    const values = normalizedValues(mean, std);
    expect(values[200]).to.be.closeTo((200 / 255 - 0.49139968) / 0.24703233, 2e-7);
    expect(values[256 + 17]).to.be.closeTo((17 / 255 - 0.48215827) / 0.24348505, 2e-7);
    expect(values[512]).to.be.closeTo(-0.44653124 / 0.26158768, 2e-7);
    expect(values).to.have.length(768);
  });

  it('names an index outside the set', () => {
    const transform = evalTransform({ mean, std });
    for (const bad of [-1, 12]) {
      const error = thrown(() => pixelsOf(set, Int32Array.of(0, bad), transform, key(0)));
      expect(error).to.be.instanceOf(ZartsError);
      expect(error.message).to.equal(`Image ${bad} of the batch is outside the set of 12.`);
    }
  });

  it('has the labels beside the images, and the shapes of both', () => {
    const { images, labels } = batchOf(set, Int32Array.of(4, 4, 0), evalTransform({ mean, std }), key(0));
    expect([images.shape, labels.shape]).to.deep.equal([[3, 16, 16, 3], [3]]);
    expect(Array.from(labels.data)).to.deep.equal([4, 4, 0].map((i) => set.labels[i]));
  });
});

describe('datasets: what chance decides', () => {
  const transform = { pad: 4, flip: true };
  const draws = Array.from({ length: 20_000 }, (_, i) => drawAugmentation(transform, 32, foldIn(key(5), i)));

  /** χ² of counts against equal ones, in standard deviations from its expectation. */
  function excess(values: readonly number[], cells: number): number {
    const counts = new Array<number>(cells).fill(0);
    for (const value of values) counts[value]++;
    const expected = values.length / cells;
    const chi2 = counts.reduce((s, n) => s + (n - expected) ** 2 / expected, 0);
    return (chi2 - (cells - 1)) / Math.sqrt(2 * (cells - 1));
  }

  it('crops at each of the 9×9 positions equally often', () => {
    expect(
      excess(
        draws.map(({ top, left }) => top * 9 + left),
        81,
      ),
    ).to.be.within(-4, 4);
  });

  it('centres cut-outs on each of the 32×32 pixels equally often', () => {
    expect(
      excess(
        draws.map(({ centerY, centerX }) => centerY * 32 + centerX),
        1024,
      ),
    ).to.be.within(-4, 4);
  });

  it('mirrors half of the images, independently of the crop, and none when told not to', () => {
    const rate = (some: typeof draws) => some.filter(({ flip }) => flip).length / some.length;
    expect(rate(draws)).to.be.closeTo(0.5, (4 * 0.5) / Math.sqrt(20_000));
    expect(rate(draws.filter(({ top }) => top > 4))).to.be.closeTo(0.5, 0.03);
    expect(drawAugmentation({ pad: 4, flip: false }, 32, key(1)).flip).to.equal(false);
  });

  it('does not change the crop when mirroring or cutting is switched on', () => {
    const a = drawAugmentation({ pad: 4, flip: false }, 32, key(1));
    const b = drawAugmentation({ pad: 4, flip: true }, 32, key(1));
    expect({ ...a, flip: 0 }).to.deep.equal({ ...b, flip: 0 });
  });
});

describe('datasets: cutout', () => {
  it('covers exactly the pixels of the reference masks', () => {
    const entries = unzipSync(readFileSync(join(projectRoot(), 'test', 'fixtures', 'cutout.npz')));
    const read = (name: string) => readNpy(entries[`${name}.npy`], name);
    const [lengths, ys, xs, masks] = ['length', 'center_y', 'center_x', 'mask'].map(read);
    const [cases, height, width] = masks.shape;
    expect(cases).to.be.above(10);
    for (let k = 0; k < cases; k++) {
      const [top, bottom] = cutoutRange(ys.data[k], lengths.data[k], height);
      const [left, right] = cutoutRange(xs.data[k], lengths.data[k], width);
      const ours = Array.from({ length: height * width }, (_, i) => {
        const [y, x] = [Math.floor(i / width), i % width];
        return y >= top && y < bottom && x >= left && x < right ? 0 : 1;
      });
      expect(ours).to.deep.equal(
        Array.from(masks.data.subarray(k * height * width, (k + 1) * height * width)),
      );
    }
  });
});
