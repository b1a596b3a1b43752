import { expect } from 'chai';
import { keepLatest } from '../lib/latest.js';

describe('latest: what was made last is kept', () => {
  it('gives the same for the same parts, and releases it for others', () => {
    const released: string[] = [];
    const latest = keepLatest<string>((made) => released.push(made));
    let made = 0;
    const make = () => `made ${++made}`;
    expect([latest({ a: 1 }, make), latest({ a: 1 }, make)]).to.deep.equal(['made 1', 'made 1']);
    expect(latest({ a: 2 }, make)).to.equal('made 2');
    expect(released).to.deep.equal(['made 1']);
    expect(latest({ a: 1 }, make)).to.equal('made 3');
  });

  it('does not keep a promise that failed', async () => {
    const latest = keepLatest<Promise<number>>();
    const failed = latest('x', () => Promise.reject(new Error('no')));
    await failed.catch(() => undefined);
    expect(await latest('x', () => Promise.resolve(1))).to.equal(1);
    expect(await latest('x', () => Promise.resolve(2))).to.equal(1);
  });

  it('makes anew what was under way when a notebook’s kernel stopped the JavaScript', async () => {
    const latest = keepLatest<Promise<number>>();
    void latest('x', () => new Promise<number>(() => undefined));
    process.emit('zarts:stopped' as 'exit', 0);
    expect(await latest('x', () => Promise.resolve(2))).to.equal(2);
  });
});
