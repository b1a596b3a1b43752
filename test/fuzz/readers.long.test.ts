import { RESULT_VERSION } from '../../lib/runs/store.js';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'chai';
import { recordedSearch } from '../../bin/cli/recorded.js';
import { protocolOf } from '../../bin/cli/search.js';
import { matlabVariables } from '../../lib/datasets/matlab.js';
import { UndecodableError, jpegPhoto, photoPixels } from '../../lib/datasets/photo-decoder.js';
import { readPickle } from '../../lib/datasets/pickle.js';
import { parseFigures, parseHessians } from '../../lib/datasets/rdarts-logs.js';
import { UsageError, ZartsError } from '../../lib/errors.js';
import { sha256 } from '../../lib/runs/canonical.js';
import { decodeCheckpoint, encodeCheckpoint } from '../../lib/runs/checkpoint.js';
import { projectRoot } from '../../lib/runs/home.js';
import { fullSearch } from '../../lib/search/presets.js';
import { KNOWN_GENOTYPES, parseGenotype, printGenotype } from '../../lib/spaces/genotype.js';
import { SPACES } from '../../lib/spaces/spaces.js';
import { derivativesText, SMALL_LOG } from '../support/search-logs.js';

/** Seconds for each reader; ZARTS_FUZZ_SECONDS gives them more. */
const SECONDS = Number(process.env.ZARTS_FUZZ_SECONDS ?? 10);
const SEED = Number(process.env.ZARTS_FUZZ_SEED ?? 1);

/** What no single file may take. */
const MOST_MS = 1000;
const MOST_BYTES = 200e6;

/** Numbers from a seed, so that a failure can be made again: xorshift in 32 bits. */
function numbers(seed: number): (below: number) => number {
  let state = seed | 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

type Draw = ReturnType<typeof numbers>;

/** Pieces that formats are made of, put in at random places. */
const PIECES = [
  ...[
    'Genotype(',
    '[',
    ']',
    '(',
    ')',
    '{',
    '}',
    "'",
    '"',
    ',',
    ':',
    '#',
    '\n',
    '\\',
    'range(2, 6)',
    '&a',
    '*a',
    '- ',
    'null',
  ],
  ...[
    '1e999',
    '-1',
    '0',
    '9999999999999999999999',
    '__proto__',
    'toString',
    'epoch 3 ',
    'NaN',
    'ÿ',
    '\0\0\0\0',
    '\uFEFF',
    '\x80\x05',
  ],
].map((text) => Buffer.from(text, 'latin1'));

/** The bytes changed in some places: flipped, overwritten, cut out, doubled, put in, cut short. */
function changed(bytes: Buffer, draw: Draw): Buffer {
  let out = Buffer.from(bytes);
  for (let changes = 1 + draw(6); changes > 0; changes--) {
    // The head decides most.
    const at = draw(2) === 0 ? draw(Math.min(out.length, 64) + 1) : draw(out.length + 1);
    const length = draw(draw(4) === 0 ? 2000 : 12);
    const [before, after] = [out.subarray(0, at), out.subarray(at)];
    switch (draw(6)) {
      case 0:
        if (at < out.length) out[at] ^= 1 << draw(8);
        break;
      case 1:
        if (at < out.length) out[at] = [0, 255, 127, 128, draw(256)][draw(5)];
        break;
      case 2:
        out = Buffer.concat([before, after.subarray(length)]);
        break;
      case 3:
        out = Buffer.concat([before, ...Array<Buffer>(1 + draw(40)).fill(after.subarray(0, length)), after]);
        break;
      case 4:
        out = Buffer.concat([
          before,
          ...Array<Buffer>(draw(10) === 0 ? 3000 : 1).fill(PIECES[draw(PIECES.length)]),
          after,
        ]);
        break;
      default:
        if (draw(4) === 0) out = before;
    }
  }
  return out.subarray(0, 1 << 20);
}

/** A search of R-DARTS' authors as they log it, small. */
const LOG = { ...SMALL_LOG, size: 8 };
const FIGURES = {
  ...{ space: 's1', dataset: 'cifar10', dropPath: 0, l2: 3e-4, seed: 1, job: '1', normalSkips: 7 },
  ...{ epochs: LOG.epochs, dominantEigenvalue: LOG.eigenvalues },
};

class Wrong extends Error {}
const wrong = (fault: string): Error => new Wrong(fault);

const fixture = (...path: string[]): Buffer => readFileSync(join(projectRoot(), 'test', 'fixtures', ...path));

describe('fuzz: readers of what users bring', function () {
  this.timeout((SECONDS + 60) * 1000);
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'zarts-fuzz-'));
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const V2 = printGenotype(KNOWN_GENOTYPES.DARTS_V2);
  const GENOTYPES = [
    `# a file\nA = ${V2}\nB = genotypes.${V2}\nBEST = A\n`,
    `2026-01-05 epoch 0 lr 0.1\ngenotype = ${V2}\nepoch 1\ngenotype = ${V2}\n`,
    `s1:\n  0.0_0.0003:\n    1: ${V2}\n    2: &b ${V2}\n    3: *b\n`,
    JSON.stringify({ result: { genotype: KNOWN_GENOTYPES.NASNet }, epochs: [{ genotype: V2 }] }),
    JSON.stringify({ 'normal/op_2_0': 'skip_connect', 'normal/input_2_0': [0], reduce_n2_p0: 'maxpool' }),
    "{'normal': [(('a', 0), ('b', 1))], 'normal_concat': list(range(2, 6)), 'reduce': [], 'reduce_concat': np.int64(3)}",
  ].map((text) => Buffer.from(text));

  const space = { ...SPACES.s2, name: 'own' };
  const checkpoint = Buffer.concat(
    encodeCheckpoint(
      {
        step: 3,
        meta: { a: [1, { b: null }] },
        tensors: { x: Float32Array.of(1, 2, 3), y: new Uint8Array(9) },
      },
      { bytes: 12, sha256: sha256('x') },
    ),
  );
  const record = {
    protocol: fullSearch('s2'),
    dataDigest: 'a'.repeat(64),
    result: { genotype: V2 },
    resultVersion: RESULT_VERSION,
  };

  /** A checkpoint whose digests are right, whatever was changed: only then is it looked at further. */
  const sealed = (bytes: Buffer): Buffer => {
    if (bytes.length < 48) return bytes;
    const header = bytes.subarray(48, 48 + bytes.readUInt32LE(8));
    return Buffer.concat([
      checkpoint.subarray(0, 8),
      bytes.subarray(8, 16),
      Buffer.from(sha256(header), 'hex'),
      bytes.subarray(48),
    ]);
  };

  const written = (name: string, bytes: Buffer): string => {
    const path = join(folder, name);
    writeFileSync(path, bytes);
    return path;
  };

  const READERS: Readonly<
    Record<string, { readonly from: readonly Buffer[]; readonly read: (bytes: Buffer) => unknown }>
  > = {
    genotypes: { from: GENOTYPES, read: (bytes) => parseGenotype(bytes.toString()) },
    pickles: {
      from: ['python2', 'protocol2', 'protocol5', 'fine', 'calls'].map((name) => fixture('pickle', name)),
      read: (bytes) => readPickle(bytes, wrong),
    },
    'MATLAB files': {
      from: ['svhn-like', 'plain-double', 'single-int64', 'other-size', 'complex'].map((name) =>
        fixture('matlab', `${name}.mat`),
      ),
      read: (bytes) => matlabVariables(bytes, 1e6, wrong).map(({ numbers: read }) => read().length),
    },
    photographs: {
      from: [
        fixture('photos', 'photo.jpg'),
        fixture('photos', 'grey.jpg'),
        fixture('resize', 'inks.jpg'),
        fixture('resize', 'small.png'),
      ],
      async read(bytes) {
        const photo = await jpegPhoto(bytes);
        const [width, height] = [Math.min(photo.width, 64), Math.min(photo.height, 64)];
        return photoPixels(photo, { left: 0, top: 0, width, height });
      },
    },
    'space files': {
      from: [
        Buffer.from(JSON.stringify(space)),
        Buffer.from('{"name": "own", "nodes": 2, "edges": {"normal": []}}'),
      ],
      read: (bytes) =>
        protocolOf({
          space: written('space.json', bytes),
          solver: 'mgs',
          dataset: 'cifar10',
          seed: '0',
          budget: 'smoke',
        }),
    },
    'logs of matrices': {
      from: [Buffer.from(derivativesText(LOG))],
      read: (bytes) => parseHessians(bytes.toString('utf8'), 'derivatives_1.json'),
    },
    'logs of figures': {
      from: [Buffer.from(JSON.stringify([FIGURES, FIGURES]))],
      read: (bytes) => parseFigures(bytes.toString('utf8'), 'curvature.json'),
    },
    checkpoints: {
      from: [checkpoint],
      read: (bytes) => decodeCheckpoint(bytes.length % 2 === 0 ? bytes : sealed(bytes), 'fuzzed'),
    },
    'run records': {
      from: [Buffer.from(JSON.stringify(record))],
      read: (bytes) => recordedSearch(written('record.json', bytes)),
    },
  };

  for (const [title, { from, read }] of Object.entries(READERS)) {
    it(`${title}: a value or a sentence, within a second and without much memory`, async () => {
      const draw = numbers(SEED * 7919 + title.length);
      // What is loaded at the first use is loaded once.
      await Promise.resolve(from[0])
        .then(read)
        .catch(() => undefined);
      const until = performance.now() + 1000 * SECONDS;
      let [tried, refused, slowest, peak] = [0, 0, 0, 0];
      const start = process.memoryUsage.rss();
      const keep = (bytes: Buffer): string => {
        const kept = join(tmpdir(), `zarts-fuzz-${title.replaceAll(/\W/g, '-')}.bin`);
        writeFileSync(kept, bytes);
        return kept;
      };
      while (performance.now() < until) {
        const bytes = changed(from[draw(from.length)], draw);
        const began = performance.now();
        try {
          await read(bytes);
        } catch (error) {
          refused++;
          const told =
            error instanceof UsageError ||
            error instanceof ZartsError ||
            error instanceof UndecodableError ||
            error instanceof Wrong;
          if (!told) {
            const kept = keep(bytes);
            throw new Error(
              `${title}, case ${tried}, kept in ${kept}: ${(error as Error).stack ?? String(error)}`,
            );
          }
        }
        tried++;
        slowest = Math.max(slowest, performance.now() - began);
        peak = Math.max(peak, process.memoryUsage.rss() - start);
        if (slowest > MOST_MS)
          throw new Error(`${title}, case ${tried}, took ${slowest} ms; it is kept in ${keep(bytes)}`);
        // What failed to inflate is freed between two turns of the event loop, which a loop of promises never ends.
        if (tried % 100 === 0) await nextTurn();
      }
      console.log(
        `        ${tried} files, ${refused} refused; slowest ${slowest.toFixed(0)} ms; ${(peak / 1e6).toFixed(0)} MB more at most`,
      );
      expect(refused).to.be.above(0);
      expect(peak).to.be.below(MOST_BYTES);
    });
  }
});
