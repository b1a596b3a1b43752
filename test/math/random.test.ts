import { expect } from 'chai';
import fc from 'fast-check';
import {
  foldIn,
  integers,
  key,
  normal,
  permutation,
  sphere,
  split,
  threefry,
  uniform,
} from '../../lib/math/random.js';
import { norm } from '../../lib/math/vec.js';

const mean = (x: ArrayLike<number>): number => Array.from(x).reduce((a, b) => a + b, 0) / x.length;

/** Drawn once by this library (Node 20, x64). */
const RECORDED = {
  uniform: [0.5369572689664784, 0.10732242071979825],
  normal: [0.9693134651232068, 0.7747924117734523, 0.004987330740096111],
  split: [
    [1423197616, 255395030],
    [1576981329, 168720890],
  ],
  permutation: [1, 2, 3, 5, 4, 0],
};

describe('math/random', () => {
  it('gives the published Threefry-2x32-20 words (Random123, kat_vectors)', () => {
    expect(threefry([0, 0], 0, 0)).to.deep.equal([0x6b200159, 0x99ba4efe]);
    expect(threefry([0xffffffff, 0xffffffff], 0xffffffff, 0xffffffff)).to.deep.equal([
      0x1cb996fc, 0xbb002be7,
    ]);
    expect(threefry([0x13198a2e, 0x03707344], 0x243f6a88, 0x85a308d3)).to.deep.equal([
      0xc4923a9c, 0x483df7a0,
    ]);
  });

  it('keeps the bits it once produced', () => {
    // Any change here makes every stored run irreproducible.
    const k = foldIn(key(7), 3);
    expect(k).to.deep.equal(foldIn(key(7), 3));
    expect(Array.from(uniform(k, 2))).to.deep.equal(RECORDED.uniform);
    expect(Array.from(normal(k, 3))).to.deep.equal(RECORDED.normal);
    expect(split(k, 2)).to.deep.equal(RECORDED.split);
    expect(Array.from(permutation(k, 6))).to.deep.equal(RECORDED.permutation);
  });

  it('derives a different key for every seed, item and part, whatever the order', () => {
    const keys = new Set<string>();
    for (const seed of [0, 1, 2, 2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER]) {
      const root = key(seed);
      for (const k of [root, ...split(root, 20), ...Array.from({ length: 20 }, (_, i) => foldIn(root, i))]) {
        keys.add(k.join());
      }
      expect(foldIn(root, 2 ** 40)).to.not.deep.equal(foldIn(root, 0));
    }
    expect(keys.size).to.equal(6 * 41);
  });

  it('gives a longer draw the same beginning', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.integer({ min: 1, max: 40 }), (seed, count) => {
        const k = key(seed);
        expect(uniform(k, count + 5).slice(0, count)).to.deep.equal(uniform(k, count));
        expect(normal(k, count + 5).slice(0, count)).to.deep.equal(normal(k, count));
        expect(split(k, count + 5).slice(0, count)).to.deep.equal(split(k, count));
      }),
    );
  });

  it('draws uniforms in [0, 1) and normals with their moments', () => {
    const u = uniform(key(1), 20_000);
    expect(u.every((value) => value >= 0 && value < 1)).to.be.true;
    // Five standard errors of the mean and of the second moment.
    expect(mean(u)).to.be.closeTo(0.5, (5 * Math.sqrt(1 / 12)) / Math.sqrt(20_000));
    const z = normal(key(2), 20_000);
    expect(mean(z)).to.be.closeTo(0, 5 / Math.sqrt(20_000));
    expect(mean(z.map((value) => value ** 2))).to.be.closeTo(1, (5 * Math.SQRT2) / Math.sqrt(20_000));
    expect(mean(z.map((value) => value ** 4))).to.be.closeTo(3, (5 * Math.sqrt(96)) / Math.sqrt(20_000));
  });

  it('draws unit vectors, ±1 in one dimension', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.integer({ min: 1, max: 300 }), (seed, dimension) => {
        expect(norm(sphere(key(seed), dimension))).to.be.closeTo(1, 1e-12);
      }),
    );
    const signs = new Set(Array.from({ length: 50 }, (_, seed) => sphere(key(seed), 1)[0]));
    expect([...signs].sort()).to.deep.equal([-1, 1]);
  });

  it('draws integers below the bound and permutations of everything', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.integer({ min: 1, max: 60 }), (seed, count) => {
        const drawn = integers(key(seed), 30, count);
        expect(drawn.every((value) => value >= 0 && value < count)).to.be.true;
        const order = permutation(key(seed), count);
        expect(Array.from(order).sort((a, b) => a - b)).to.deep.equal(
          Array.from({ length: count }, (_, i) => i),
        );
      }),
    );
    // Every place is equally likely for item 0: 6 places, 3000 draws, 5 standard deviations of a count.
    const places = new Array<number>(6).fill(0);
    for (let i = 0; i < 3000; i++) places[permutation(foldIn(key(5), i), 6).indexOf(0)]++;
    for (const count of places) expect(count).to.be.closeTo(500, 5 * Math.sqrt(500 * (5 / 6)));
  });
});
