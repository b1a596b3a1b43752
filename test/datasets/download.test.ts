import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import * as tar from 'tar';
import { InterruptedError, ZartsError } from '../../lib/errors.js';
import { fetchDataset } from '../../lib/datasets/download.js';
import type { DataProgress } from '../../lib/datasets/download.js';
import { inspectFolder, readImageFile } from '../../lib/datasets/files.js';
import { loadDataset } from '../../lib/datasets/load.js';
import type { MatlabDataset, RecordDataset } from '../../lib/datasets/registry.js';
import { FILE_DATASETS } from '../../lib/datasets/registry.js';
import { writeStandIn } from '../../lib/datasets/stand-in.js';
import { bytesOf, rejection, temporaryFolder, writeCifarLookalike } from './helpers.js';

const FOLDER = FILE_DATASETS.cifar10.folder;
const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

describe('datasets: download', () => {
  const scratch = temporaryFolder();
  let server: Server;
  let answer: (request: IncomingMessage, response: ServerResponse) => void;
  let archive: Buffer;
  let dataset: RecordDataset;
  let home = '';
  let tests = 0;
  const ranges: (string | undefined)[] = [];

  before(async () => {
    const folder = await writeCifarLookalike(scratch(), 50, 25);
    archive = await pack(
      ['data_batch_1.bin', 'data_batch_2.bin', 'test_batch.bin', 'batches.meta.txt'].map(
        (f) => `${FOLDER}/${f}`,
      ),
    );
    const file = (name: string) => ({ name, images: 25, sha256: digest(bytesOf(folder, name)) });
    server = createServer((request, response) => {
      ranges.push(request.headers.range);
      answer(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/archive.tar.gz`;
    dataset = {
      ...FILE_DATASETS.cifar10,
      train: [file('data_batch_1.bin'), file('data_batch_2.bin')],
      test: [file('test_batch.bin')],
      archive: { url, file: 'archive.tar.gz', bytes: archive.length, sha256: digest(archive) },
    };
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  beforeEach(() => {
    home = join(scratch(), `home-${tests++}`);
    ranges.length = 0;
    answer = serve;
  });

  /** A gzipped tar of paths in the scratch folder. */
  async function pack(paths: string[]): Promise<Buffer> {
    const file = join(scratch(), 'packed.tgz');
    await tar.create(
      { file, gzip: true, cwd: scratch(), portable: true, preservePaths: true, mtime: new Date(0) },
      paths,
    );
    return readFileSync(file);
  }

  /** As a real server: whole, or from where the range says. */
  function serve(request: IncomingMessage, response: ServerResponse): void {
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const headers =
      from > 0 ? { 'content-range': `bytes ${from}-${archive.length - 1}/${archive.length}` } : {};
    response.writeHead(from > 0 ? 206 : 200, headers).end(archive.subarray(from));
  }

  /** Sends a part of what was asked for, then cuts the line. */
  function breakAfter(bytes: number): typeof answer {
    return (request, response) => {
      const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
      const headers = {
        'content-range': `bytes ${from}-${archive.length - 1}/${archive.length}`,
        'content-length': archive.length - from,
      };
      response.writeHead(from > 0 ? 206 : 200, headers);
      if (from + bytes >= archive.length) {
        response.end(archive.subarray(from));
        return;
      }
      const sent = archive.subarray(from, from + bytes);
      response.write(sent);
      // What the client has not yet read when the line breaks is lost to it; wait until it has arrived.
      const part = join(home, 'archive.tar.gz.part');
      const poll = setInterval(() => {
        if (!existsSync(part) || statSync(part).size < from + sent.length) return;
        clearInterval(poll);
        response.destroy();
      }, 5);
    };
  }

  function expectWhole(): void {
    for (const name of ['data_batch_1.bin', 'data_batch_2.bin', 'test_batch.bin']) {
      expect(Buffer.compare(bytesOf(home, FOLDER, name), bytesOf(scratch(), FOLDER, name))).to.equal(0);
    }
  }

  it('fetches, checks and unpacks the archive, reports progress, and leaves nothing else behind', async () => {
    const seen: DataProgress[] = [];
    const folder = await fetchDataset(dataset, home, { onProgress: (progress) => seen.push(progress) });
    expect(folder).to.equal(join(home, FOLDER));
    expectWhole();
    expect(readdirSync(home)).to.deep.equal([FOLDER]);
    for (const phase of ['download', 'extract']) {
      const done = seen.filter((progress) => progress.phase === phase).map((progress) => progress.done);
      expect(done).to.deep.equal([...done].sort((a, b) => a - b));
      expect(done.at(-1)).to.equal(archive.length);
    }
  });

  it('does the same for CIFAR-100, whose archive has other files', async () => {
    const folder = await writeStandIn(scratch(), 'cifar100', { train: 30, test: 20 });
    const names = ['train.bin', 'test.bin', 'fine_label_names.txt'];
    const packed = await pack(names.map((name) => `cifar-100-binary/${name}`));
    const [train, test] = [
      { name: names[0], images: 30, sha256: digest(bytesOf(folder, names[0])) },
      { name: names[1], images: 20, sha256: digest(bytesOf(folder, names[1])) },
    ];
    answer = (_, response) => response.writeHead(200).end(packed);
    const fetched = await fetchDataset(
      {
        ...FILE_DATASETS.cifar100,
        train: [train],
        test: [test],
        archive: { ...dataset.archive, bytes: packed.length, sha256: digest(packed) },
      },
      home,
    );
    expect(fetched).to.equal(join(home, 'cifar-100-binary'));
    expect(readdirSync(home)).to.deep.equal(['cifar-100-binary']);
    for (const name of names) expect(bytesOf(fetched, name).equals(bytesOf(folder, name))).to.equal(true);
  });

  it('asks only for the rest when the line breaks, again and again', async () => {
    answer = breakAfter(Math.ceil(archive.length / 3));
    await fetchDataset(dataset, home, { retries: 1 });
    expectWhole();
    expect(ranges.length).to.be.within(3, 4);
    expect(ranges[0]).to.equal(undefined);
    const starts = ranges.slice(1).map((range) => Number(/^bytes=(\d+)-$/.exec(range!)![1]));
    expect(starts).to.deep.equal([...starts].sort((a, b) => a - b));
    expect(starts[0]).to.be.above(0);
  });

  it('keeps what has arrived when it gives up, says so, and goes on from there next time', async () => {
    let requests = 0;
    answer = (request, response) => {
      if (requests++ === 0) breakAfter(1000)(request, response);
      else response.writeHead(503).end();
    };
    const error = await rejection(fetchDataset(dataset, home, { retries: 0 }));
    expect(error).to.be.instanceOf(ZartsError);
    expect(error.message).to.match(
      /could not be downloaded .*1000 of \d+ bytes have arrived and the same command goes on/,
    );
    expect(statSync(join(home, 'archive.tar.gz.part')).size).to.equal(1000);
    expect(existsSync(join(home, FOLDER))).to.equal(false);
    answer = serve;
    await fetchDataset(dataset, home);
    expect(ranges.at(-1)).to.equal('bytes=1000-');
    expectWhole();
  });

  it('starts over with a server that knows no ranges', async () => {
    mkdirSync(home);
    writeFileSync(join(home, 'archive.tar.gz.part'), 'rubbish');
    answer = (_, response) => response.writeHead(200).end(archive);
    await fetchDataset(dataset, home);
    expectWhole();
  });

  it('refuses what does not have the digest, names both, deletes it', async () => {
    answer = (_, response) => response.writeHead(200).end(Buffer.alloc(archive.length));
    const error = await rejection(fetchDataset(dataset, home));
    expect(error.message).to.include(
      `SHA-256 ${digest(Buffer.alloc(archive.length))}, expected ${digest(archive)}`,
    );
    expect(readdirSync(home)).to.deep.equal([]);
    answer = (_, response) => response.writeHead(200).end(Buffer.concat([archive, Buffer.alloc(10)]));
    expect((await rejection(fetchDataset(dataset, home))).message).to.include('is not the official CIFAR-10');
    expect(readdirSync(home)).to.deep.equal([]);
  });

  it('says in one sentence that there is no connection, and what else can be done', async () => {
    const offline = () =>
      Promise.reject(
        new TypeError('fetch failed', {
          cause: Object.assign(new Error('getaddrinfo ENOTFOUND www.cs.toronto.edu'), { code: 'ENOTFOUND' }),
        }),
      );
    const load = loadDataset({ name: 'cifar10', image: 32 }, { dataHome: home, env: {}, fetch: offline });
    const error = await rejection(load);
    expect(error).to.be.instanceOf(ZartsError);
    expect(error.message).to.match(
      /^CIFAR-10 could not be downloaded from https:.* \(getaddrinfo ENOTFOUND www\.cs\.toronto\.edu\): connect .* or use --data synthetic\.$/,
    );
    expect(error.message.split('\n')).to.have.length(1);
  });

  it('names a refusal of the server', async () => {
    answer = (_, response) => response.writeHead(404, 'Not Found').end('gone');
    expect((await rejection(fetchDataset(dataset, home))).message).to.include(
      '(the server answered 404 Not Found)',
    );
  });

  it('gives up on a line that has gone silent, and stops when told to', async () => {
    answer = (_, response) => {
      response.writeHead(200, { 'content-length': archive.length }).write(archive.subarray(0, 500));
    };
    const silent = await rejection(fetchDataset(dataset, home, { stallMs: 80, retries: 0 }));
    expect(silent.message).to.match(/no data for 0\.08 seconds/);
    const stop = new AbortController();
    setTimeout(() => {
      stop.abort();
    }, 50);
    const stopped = await rejection(fetchDataset(dataset, home, { signal: stop.signal }));
    expect(stopped).to.be.instanceOf(InterruptedError);
  });

  it('unpacks only the set’s own plain files, whatever else an archive holds', async () => {
    symlinkSync('/etc/passwd', join(scratch(), FOLDER, 'link'));
    writeFileSync(join(scratch(), 'outside.txt'), 'x');
    mkdirSync(join(scratch(), 'inner'), { recursive: true });
    const names = ['data_batch_1.bin', 'data_batch_2.bin', 'test_batch.bin', 'link'].map(
      (f) => `${FOLDER}/${f}`,
    );
    const evil = await pack([
      ...names,
      `inner/../../${home.split('/').at(-2)}/outside.txt`,
      join(scratch(), 'outside.txt'),
    ]);
    rmSync(join(scratch(), FOLDER, 'link'));
    rmSync(join(scratch(), 'outside.txt'));
    answer = (_, response) => response.writeHead(200).end(evil);
    const changed = { ...dataset, archive: { ...dataset.archive, bytes: evil.length, sha256: digest(evil) } };
    await fetchDataset(changed, home);
    expectWhole();
    expect(readdirSync(join(home, FOLDER)).sort()).to.deep.equal([
      'data_batch_1.bin',
      'data_batch_2.bin',
      'test_batch.bin',
    ]);
    expect(existsSync(join(scratch(), 'outside.txt'))).to.equal(false);
  });

  it('refuses a link in place of a file', async () => {
    const good = join(scratch(), FOLDER, 'test_batch.bin');
    const bytes = readFileSync(good);
    rmSync(good);
    symlinkSync('/etc/passwd', good);
    const evil = await pack(
      ['data_batch_1.bin', 'data_batch_2.bin', 'test_batch.bin'].map((f) => `${FOLDER}/${f}`),
    );
    rmSync(good);
    writeFileSync(good, bytes);
    answer = (_, response) => response.writeHead(200).end(evil);
    const changed = { ...dataset, archive: { ...dataset.archive, bytes: evil.length, sha256: digest(evil) } };
    expect((await rejection(fetchDataset(changed, home))).message).to.match(/test_batch\.bin is missing/);
    expect(readdirSync(home).filter((name) => name !== 'archive.tar.gz')).to.deep.equal([]);
  });

  it('leaves no half-unpacked set when an archive is cut short', async () => {
    const short = archive.subarray(0, archive.length - 2000);
    answer = (_, response) => response.writeHead(200).end(short);
    const changed = {
      ...dataset,
      archive: { ...dataset.archive, bytes: short.length, sha256: digest(short) },
    };
    const error = await rejection(fetchDataset(changed, home));
    expect(error).to.be.instanceOf(ZartsError);
    expect(error.message).to.match(/cannot be unpacked|is missing|whole number/);
    expect(existsSync(join(home, FOLDER))).to.equal(false);
  });

  it('uses an archive that was put there by hand, without the network, and keeps it', async () => {
    mkdirSync(home);
    writeFileSync(join(home, 'archive.tar.gz'), archive);
    await fetchDataset(dataset, home, { fetch: () => Promise.reject(new Error('the network was used')) });
    expectWhole();
    expect(existsSync(join(home, 'archive.tar.gz'))).to.equal(true);
    rmSync(join(home, FOLDER), { recursive: true });
    writeFileSync(join(home, 'archive.tar.gz'), archive.subarray(1));
    expect((await rejection(fetchDataset(dataset, home))).message).to.match(
      /has \d+ bytes, expected \d+: delete it/,
    );
  });

  it('refuses to download twice at the same time', async () => {
    let asked: () => void;
    const underWay = new Promise<void>((resolve) => (asked = resolve));
    let go: () => void;
    answer = (request, response) => {
      go = () => {
        serve(request, response);
      };
      asked();
    };
    const first = fetchDataset(dataset, home);
    await underWay;
    expect((await rejection(fetchDataset(dataset, home))).message).to.match(
      /^The download of CIFAR-10 is in use by this process/,
    );
    go!();
    await first;
    expectWhole();
  });

  it('names a place where nothing can be written', async () => {
    writeFileSync(home, 'a file');
    const error = await rejection(fetchDataset(dataset, join(home, 'data')));
    expect(error.message).to.match(/cannot be created: not a directory \(ENOTDIR\)/);
  });

  it('names a disk that fills up, keeps what was there, and goes on when there is room', async function () {
    // A device that is always full stands for the disk, under the name that the download writes to.
    if (!existsSync('/dev/full')) this.skip();
    mkdirSync(home);
    writeFileSync(join(home, 'mine.txt'), 'was here before');
    symlinkSync('/dev/full', join(home, 'archive.tar.gz.part'));
    const error = await rejection(fetchDataset(dataset, home));
    expect(error).to.be.instanceOf(ZartsError);
    expect(error.message).to.match(
      /^CIFAR-10 could not be stored in .*: no space left on device \(ENOSPC\); make room, .* and the same command goes on\.$/,
    );
    expect(readdirSync(home).sort()).to.deep.equal(['archive.tar.gz.part', 'mine.txt']);
    rmSync(join(home, 'archive.tar.gz.part'));
    await fetchDataset(dataset, home);
    expectWhole();
    expect(readFileSync(join(home, 'mine.txt'), 'utf8')).to.equal('was here before');
  });

  it('names a limit that is reached while unpacking, leaves no set behind, and keeps the archive', async function () {
    if (process.platform === 'win32') this.skip();
    mkdirSync(home);
    writeFileSync(join(home, 'archive.tar.gz'), archive);
    // No file of this process may grow beyond 20 blocks of 512 bytes, or of 1024 in some shells.
    const script = `
      const { fetchDataset } = require(${JSON.stringify(require.resolve('../../lib/datasets/download.js'))});
      fetchDataset(${JSON.stringify(dataset)}, ${JSON.stringify(home)}).then(
        () => console.log('unpacked'),
        (error) => console.log(error.name + ': ' + error.message),
      );`;
    const { stdout } = await promisify(execFile)('sh', [
      '-c',
      'ulimit -f 20 && exec "$0" -e "$1"',
      process.execPath,
      script,
    ]);
    expect(stdout).to.match(
      /^ZartsError: CIFAR-10 could not be stored in .*: file too large \(EFBIG\); make room/,
    );
    expect(readdirSync(home)).to.deep.equal(['archive.tar.gz']);
  });
});

describe('datasets: download of files without an archive', () => {
  const scratch = temporaryFolder();
  const FILES = FILE_DATASETS.svhn.downloads.map(({ file }) => file);
  let server: Server;
  let dataset: MatlabDataset;
  let home = '';
  let tests = 0;
  let requests: string[] = [];
  let answer: (name: string, from: number, response: ServerResponse) => void;

  const bytes = new Map<string, Buffer>();
  const whole: typeof answer = (name, from, response) => {
    const body = bytes.get(name)!;
    const headers = from > 0 ? { 'content-range': `bytes ${from}-${body.length - 1}/${body.length}` } : {};
    response.writeHead(from > 0 ? 206 : 200, headers).end(body.subarray(from));
  };

  before(async () => {
    const folder = await writeStandIn(scratch(), 'svhn', { train: 40, test: 20 });
    for (const file of FILES) bytes.set(file, bytesOf(folder, file));
    server = createServer((request, response) => {
      const name = request.url!.slice(1);
      const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
      requests.push(`${name} ${from}`);
      answer(name, from, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const published = (name: string, images: number) => ({ name, images, sha256: digest(bytes.get(name)!) });
    dataset = {
      ...FILE_DATASETS.svhn,
      train: [published(FILES[0], 40)],
      test: [published(FILES[1], 20)],
      downloads: FILES.map((file) => ({
        url: `http://127.0.0.1:${port}/${file}`,
        file,
        bytes: bytes.get(file)!.length,
        sha256: digest(bytes.get(file)!),
      })),
    };
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  beforeEach(() => {
    home = join(scratch(), `home-${tests++}`);
    requests = [];
    answer = whole;
  });

  it('fetches each, checks them, and shows the folder when all are there', async () => {
    const seen: DataProgress[] = [];
    const folder = await fetchDataset(dataset, home, { onProgress: (progress) => seen.push(progress) });
    expect(folder).to.equal(join(home, 'svhn'));
    expect(readdirSync(home)).to.deep.equal(['svhn']);
    for (const file of FILES) expect(Buffer.compare(bytesOf(folder, file), bytes.get(file)!)).to.equal(0);
    const done = seen.filter(({ phase }) => phase === 'download');
    expect(done.map((progress) => progress.done)).to.deep.equal(
      done.map((progress) => progress.done).sort((a, b) => a - b),
    );
    const total = FILES.reduce((sum, file) => sum + bytes.get(file)!.length, 0);
    expect(done.at(-1)).to.deep.equal({ phase: 'download', done: total, total });
    const content = await inspectFolder(folder, dataset);
    expect(content.complete).to.equal(true);
    expect((await readImageFile(content.train[0], dataset)).labels).to.have.length(40);
  });

  it('keeps the file that came and asks only for what is missing', async () => {
    answer = (name, from, response) => {
      if (name === FILES[0]) whole(name, from, response);
      else response.writeHead(503).end();
    };
    const error = await rejection(fetchDataset(dataset, home, { retries: 0 }));
    expect(error.message).to.match(
      /^SVHN could not be downloaded from .*test_32x32\.mat \(the server answered 503/,
    );
    expect(error.message).to.include(`put the file test_32x32.mat into ${join(home, 'svhn')} yourself`);
    expect(existsSync(join(home, 'svhn'))).to.equal(false);
    requests = [];
    answer = whole;
    await fetchDataset(dataset, home);
    expect(requests).to.deep.equal([`${FILES[1]} 0`]);
    expect(readdirSync(home)).to.deep.equal(['svhn']);
  });

  it('refuses a file with another digest, and shows no folder', async () => {
    answer = (name, _, response) =>
      response
        .writeHead(200)
        .end(name === FILES[1] ? Buffer.alloc(bytes.get(name)!.length) : bytes.get(name));
    const error = await rejection(fetchDataset(dataset, home));
    expect(error.message).to.include('test_32x32.mat sent is not the official SVHN');
    expect(existsSync(join(home, 'svhn'))).to.equal(false);
  });

  it('refuses a whole set of which a file has the official number of images and other bytes', async () => {
    const folder = await fetchDataset(dataset, home);
    const changed = Buffer.concat([bytes.get(FILES[0])!, Buffer.alloc(8)]);
    writeFileSync(join(folder, FILES[0]), changed);
    const { train } = await inspectFolder(folder, dataset);
    const error = await rejection(readImageFile(train[0], dataset));
    expect(error.message).to.include(
      `has the official number of images but SHA-256 ${digest(changed)}, expected ${digest(bytes.get(FILES[0])!)}`,
    );
  });

  it('names a disk that fills up and shows no folder', async function () {
    if (!existsSync('/dev/full')) this.skip();
    mkdirSync(join(home, '.svhn.downloading'), { recursive: true });
    symlinkSync('/dev/full', join(home, '.svhn.downloading', `${FILES[1]}.part`));
    const error = await rejection(fetchDataset(dataset, home));
    expect(error.message).to.match(
      /^SVHN could not be stored in .*no space left on device \(ENOSPC\); make room/,
    );
    expect(readdirSync(home)).to.deep.equal(['.svhn.downloading']);
    expect(readdirSync(join(home, '.svhn.downloading')).sort()).to.deep.equal([`${FILES[1]}.part`, FILES[0]]);
  });
});
