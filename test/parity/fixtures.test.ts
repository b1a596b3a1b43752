import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { dump } from 'npyjs';
import { ZartsError } from '../../lib/errors.js';
import { loadFixtures, readNpy } from './fixtures.js';
import { FIXTURES } from '../support/fixtures.js';

describe('parity/fixtures', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(path.join(os.tmpdir(), 'zarts-fixtures-'));
    for (const file of ['manifest.json', 'zo_gld_3_ties.npz'])
      cpSync(path.join(FIXTURES, file), path.join(dir, file));
  });
  afterEach(() => {
    rmSync(dir, { recursive: true });
  });

  const ties = (at: string) => loadFixtures(at).cases.find(({ id }) => id === 'zo_gld_3_ties')!;

  it('reads cases, constants and arrays, scalars included', () => {
    const { constants, arrays } = ties(dir);
    expect(constants.R).to.equal(1);
    expect(arrays.u.shape).to.deep.equal([2, 6]);
    expect(arrays.u.data).to.have.length(12);
    expect(arrays.loss0.shape).to.deep.equal([]);
    expect(arrays.radii.data[1]).to.equal(0.5);
  });

  it('names a missing folder, a broken manifest and another format version', () => {
    expect(() => loadFixtures(path.join(dir, 'nowhere'))).to.throw(
      ZartsError,
      /nowhere.manifest\.json is missing/,
    );
    writeFileSync(path.join(dir, 'manifest.json'), '{"cases": [');
    expect(() => loadFixtures(dir)).to.throw(ZartsError, /is not JSON/);
    writeFileSync(path.join(dir, 'manifest.json'), '{"format_version": 2, "cases": []}');
    expect(() => loadFixtures(dir)).to.throw(ZartsError, /malformed at format_version/);
  });

  it('names a missing, a truncated and a damaged archive, and an array of another shape', () => {
    const file = path.join(dir, 'zo_gld_3_ties.npz');
    const whole = readFileSync(file);
    const other = loadFixtures(dir).cases.find(({ id }) => id === 'zo_gld_4_ties')!;
    expect(() => other.arrays).to.throw(ZartsError, /zo_gld_4_ties\.npz is missing/);
    writeFileSync(file, whole.subarray(0, whole.length / 2));
    expect(() => ties(dir).arrays).to.throw(ZartsError, /zo_gld_3_ties\.npz .*not a whole archive/);
    writeFileSync(file, whole);
    const manifest = JSON.parse(readFileSync(path.join(dir, 'manifest.json'), 'utf8')) as {
      cases: { id: string; arrays: Record<string, { shape: number[] }> }[];
    };
    manifest.cases.find(({ id }) => id === 'zo_gld_3_ties')!.arrays.u.shape = [3, 4];
    writeFileSync(path.join(dir, 'manifest.json'), JSON.stringify(manifest));
    expect(() => ties(dir).arrays).to.throw(
      ZartsError,
      /"u" is float32 \[2,6\]; the manifest says float32 \[3,4\]/,
    );
  });

  it('reads back what a .npy writer wrote, and refuses a truncated or unknown one', () => {
    const bytes = new Uint8Array(dump(Float64Array.of(1, 2.5, -3, 4, 5, 6), [2, 3]));
    const { shape, dtype, data } = readNpy(bytes, 'x');
    expect({ shape, dtype, data: Array.from(data) }).to.deep.equal({
      shape: [2, 3],
      dtype: 'float64',
      data: [1, 2.5, -3, 4, 5, 6],
    });
    expect(() => readNpy(bytes.subarray(0, bytes.length - 8), 'x')).to.throw(
      ZartsError,
      /x holds 5 values.*needs 6/,
    );
    expect(() => readNpy(bytes.subarray(0, bytes.length - 3), 'x')).to.throw(ZartsError, /x is not a whole/);
    expect(() => readNpy(new Uint8Array(4), 'x')).to.throw(ZartsError, /x is not a whole/);
    expect(() => readNpy(new Uint8Array(dump(Int8Array.of(1), [1])), 'x')).to.throw(
      ZartsError,
      /x is i1; expected/,
    );
  });
});
