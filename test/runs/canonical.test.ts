import { expect } from 'chai';
import fc from 'fast-check';
import { ZartsError } from '../../lib/errors.js';
import { canonicalJson, sha256, toJson } from '../../lib/runs/canonical.js';

/** The same value with the properties of every object in another order. */
function reordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reordered);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).map(([name, item]): [string, unknown] => [name, reordered(item)]);
  return Object.fromEntries(entries.reverse());
}

describe('runs: canonical JSON', () => {
  it('does not depend on the order of properties, and reads back as the same value', () => {
    fc.assert(
      fc.property(fc.jsonValue({ depthSize: 'medium' }), (value) => {
        fc.pre(!JSON.stringify(value).includes('"__proto__":'));
        expect(canonicalJson(reordered(value))).to.equal(canonicalJson(value));
        expect(JSON.parse(canonicalJson(value))).to.deep.equal(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('differs where values differ', () => {
    const texts = [{ a: 1 }, { a: '1' }, { a: [1] }, { b: 1 }, { a: 1, b: null }, [1, 2], [2, 1]].map((v) =>
      canonicalJson(v),
    );
    expect(new Set(texts).size).to.equal(texts.length);
    expect(canonicalJson({ b: 1, a: { d: [1, 2], c: 0.1 } })).to.equal('{"a":{"c":0.1,"d":[1,2]},"b":1}');
  });

  it('leaves out undefined properties, as JSON does, and takes −0 for 0', () => {
    expect(canonicalJson({ a: 1, b: undefined })).to.equal('{"a":1}');
    expect(canonicalJson([-0])).to.equal('[0]');
  });

  it('refuses what JSON would change without a word, naming the place', () => {
    const loop: Record<string, unknown> = {};
    loop.self = loop;
    const cases: [unknown, string][] = [
      [{ a: [1, NaN] }, 'protocol.a[1] is NaN'],
      [{ a: Infinity }, 'protocol.a is Infinity'],
      [{ a: new Float32Array(2) }, 'protocol.a is a Float32Array'],
      [{ a: new Date() }, 'protocol.a is a Date'],
      [[undefined], 'protocol[0] is of type undefined'],
      [{ f: () => 1 }, 'protocol.f is of type function'],
      [{ n: 1n }, 'protocol.n is of type bigint'],
      [loop, 'protocol.self contains itself'],
    ];
    for (const [value, message] of cases)
      expect(() => toJson(value, 'protocol')).to.throw(ZartsError, message);
    const shared = { x: 1 };
    expect(canonicalJson({ a: shared, b: shared })).to.equal('{"a":{"x":1},"b":{"x":1}}');
  });

  it('digests parts as if they were one', () => {
    expect(sha256('ab', Buffer.from('c'))).to.equal(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
  });
});
