import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { create } from 'tar';
import { findDatasets } from '../../lib/datasets/find.js';
import { inspectFolder, readImageFile } from '../../lib/datasets/files.js';
import { loadDataset } from '../../lib/datasets/load.js';
import { readPickle } from '../../lib/datasets/pickle.js';
import { layoutsOf } from '../../lib/datasets/registry.js';
import type { PickledDataset } from '../../lib/datasets/registry.js';
import { projectRoot } from '../../lib/runs/home.js';
import { expectSentence, rejection, temporaryFolder } from './helpers.js';

const FIXTURES = join(projectRoot(), 'test', 'fixtures', 'pickle');
const [, CIFAR10] = layoutsOf('cifar10');
const env = {};

/** Byte [image, position] of the pickles' images, as their script makes them. */
const byteAt = (image: number, position: number): number => (image * 3072 + position + 37 * image) % 251;

class Wrong extends Error {}
const wrong = (fault: string): Error => new Wrong(fault);

describe('datasets: Python’s pickles', () => {
  const home = temporaryFolder();
  const folder = (): string => join(home(), CIFAR10.folder);

  beforeEach(() => {
    rmSync(folder(), { recursive: true, force: true });
    mkdirSync(folder());
  });

  for (const name of ['python2', 'protocol2', 'protocol5']) {
    it(`reads CIFAR-10's dictionaries as ${name} writes them`, async () => {
      for (const file of ['data_batch_1', 'data_batch_2', 'test_batch'])
        copyFileSync(join(FIXTURES, name), join(folder(), file));
      const { train, test, coverage, occurring, found } = await loadDataset(
        { name: 'cifar10', image: 32 },
        { data: home(), env },
      );
      expect([train.count, test.count, coverage]).to.deep.equal([12, 6, 'subset']);
      expect([...test.labels]).to.deep.equal([0, 3, 6, 9, 2, 5]);
      expect(occurring).to.equal(6);
      expect(found).to.deep.equal({ train: 12, test: 6 });
      for (const [image, y, x, c] of [
        [0, 0, 0, 0],
        [1, 0, 5, 1],
        [5, 31, 31, 2],
        [3, 17, 4, 0],
      ]) {
        const at = ((image * 32 + y) * 32 + x) * 3 + c;
        expect(test.images[at]).to.equal(byteAt(image, c * 1024 + y * 32 + x));
      }
      const [cifar10] = await findDatasets({ data: home(), env });
      expect(cifar10).to.include({ name: 'cifar10', status: 'subset', train: 12, test: 6 });
    });
  }

  it('reads CIFAR-100’s, by its fine labels', async () => {
    const cifar100 = join(home(), 'cifar-100-python');
    mkdirSync(cifar100);
    for (const file of ['train', 'test']) copyFileSync(join(FIXTURES, 'fine'), join(cifar100, file));
    const { test, classes } = await loadDataset({ name: 'cifar100', image: 32 }, { data: home(), env });
    expect(classes).to.have.length(100);
    expect([...test.labels]).to.deep.equal([0, 3, 6, 9, 2, 5]);
  });

  it('unpacks the official archive where it lies, and nothing else of it', async () => {
    const file = readFileSync(join(FIXTURES, 'protocol2'));
    const md5 = createHash('md5').update(file).digest('hex');
    for (const name of ['data_batch_1', 'test_batch', 'readme.html'])
      writeFileSync(join(folder(), name), file);
    const archive = join(home(), 'small.tar.gz');
    await create({ gzip: true, file: archive, cwd: home() }, [CIFAR10.folder]);
    rmSync(folder(), { recursive: true });
    const bytes = readFileSync(archive);
    const small: PickledDataset = {
      ...(CIFAR10 as PickledDataset),
      train: [{ name: 'data_batch_1', images: 6, md5 }],
      test: [{ name: 'test_batch', images: 6, md5 }],
      archive: {
        url: 'http://127.0.0.1:9/none',
        name: 'small.tar.gz',
        bytes: bytes.length,
        sha256: createHash('sha256').update(bytes).digest('hex'),
      },
    };
    const { fetchDataset } = await import('../../lib/datasets/download.js');
    const unpacked = await fetchDataset(small, home());
    const content = await inspectFolder(unpacked, small);
    expect(content.complete).to.equal(true);
    expect((await readImageFile(content.train[0], small)).labels).to.have.length(6);
    const changed = { ...small, test: [{ ...small.test[0], md5: '0'.repeat(32) }] };
    const again = await inspectFolder(unpacked, changed);
    expectSentence(
      await rejection(readImageFile(again.test[0], changed)),
      /has the official number of images but MD5/,
    );
  });

  it('refuses what no file of images holds, without calling it', async () => {
    const load = async (content: Uint8Array): Promise<Error> => {
      for (const file of ['data_batch_1', 'test_batch']) writeFileSync(join(folder(), file), content);
      return rejection(loadDataset({ name: 'cifar10', image: 32 }, { data: home(), env }));
    };
    const good = readFileSync(join(FIXTURES, 'protocol2'));
    expectSentence(
      await load(readFileSync(join(FIXTURES, 'calls'))),
      /data_batch_1 (?:asks for|has data that are no bytes)/,
    );
    // os.system, as it would be called.
    expectSentence(
      await load(Buffer.from("cos\nsystem\n(S'true'\ntR.")),
      /is not a pickle of images: step 0x53/,
    );
    expectSentence(
      await load(Buffer.from('\x80\x02cos\nsystem\nX\x04\0\0\0true\x85R.', 'latin1')),
      /asks for "os\.system", which no file of images does/,
    );
    expectSentence(await load(good.subarray(0, 5000)), /is cut off: it ends after 5000 bytes/);
    expectSentence(await load(Buffer.alloc(0)), /is empty; expected a pickle of images/);
    expectSentence(
      await load(Buffer.from('\x80\x02}.', 'latin1')),
      /holds no "data"; expected a dictionary of data/,
    );
    expectSentence(await load(readFileSync(join(FIXTURES, 'fine'))), /holds no "labels"/);
  });

  it('never fails but in a sentence, whatever is changed in a pickle', () => {
    const good = readFileSync(join(FIXTURES, 'protocol5'));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        fc.nat(good.length),
        fc.boolean(),
        (changes, end, cut) => {
          const bytes = Buffer.from(good);
          // The head is where steps are; the rest is pixels.
          for (const [at, value] of changes) bytes[at % (at % 2 === 0 ? 200 : good.length)] = value;
          try {
            readPickle(cut ? bytes.subarray(0, end) : bytes, wrong);
          } catch (error) {
            expect(error).to.be.instanceOf(Wrong);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
