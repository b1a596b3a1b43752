import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
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
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import * as tar from 'tar';
import { InterruptedError } from '../../lib/errors.js';
import { fetchDataset, UnreachableError } from '../../lib/datasets/download.js';
import type { DataProgress } from '../../lib/datasets/download.js';
import { inspectFolder, readImageFile } from '../../lib/datasets/files.js';
import { loadDataset } from '../../lib/datasets/load.js';
import type { ImageFile, MatlabDataset, RecordDataset, RemoteFile } from '../../lib/datasets/registry.js';
import { FILE_DATASETS } from '../../lib/datasets/registry.js';
import { sha256 } from '../../lib/runs/canonical.js';
import { writeStandIn } from '../support/stand-in.js';
import { bytesOf, expectSentence, rejection, temporaryFolder, writeCifarLookalike } from './helpers.js';

type Answer = (body: Buffer, from: number, response: ServerResponse) => void;

/** Sends a file as a real server does: whole, or from where the range says. */
const whole: Answer = (body, from, response) => {
  const range = from > 0 ? { 'content-range': `bytes ${from}-${body.length - 1}/${body.length}` } : {};
  response.writeHead(from > 0 ? 206 : 200, range).end(body.subarray(from));
};

/** Sends the same to every request, whatever its range. */
const always =
  (status: number, body?: Buffer): Answer =>
  (_, __, response) =>
    response.writeHead(status).end(body);

/** A server of files for the tests of one `describe`, and for each test a fresh folder to download into. */
function site() {
  const scratch = temporaryFolder();
  const files = new Map<string, Buffer>();
  const here = {
    scratch,
    home: '',
    requests: [] as string[],
    answer: whole,
    answers: {} as Record<string, Answer>,
  };
  const server = createServer((request, response) => {
    const name = request.url!.slice(1);
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    here.requests.push(`${name} ${from}`);
    (here.answers[name] ?? here.answer)(files.get(name)!, from, response);
  });
  let tests = 0;
  before(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
  beforeEach(() => {
    Object.assign(here, {
      home: join(scratch(), `home-${tests++}`),
      requests: [],
      answer: whole,
      answers: {},
    });
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  /** Puts a file on the server. */
  const publish = (name: string, bytes: Buffer): RemoteFile => {
    files.set(name, bytes);
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/${name}`;
    return { url, name, bytes: bytes.length, sha256: sha256(bytes) };
  };
  return Object.assign(here, { publish });
}

describe('datasets: download of an archive', () => {
  const web = site();
  const { folder: FOLDER } = FILE_DATASETS.cifar10;
  const NAMES = ['data_batch_1.bin', 'data_batch_2.bin', 'test_batch.bin'];
  const inFolder = (...names: string[]): string[] => names.map((name) => `${FOLDER}/${name}`);
  let archive: Buffer;
  let dataset: RecordDataset;
  const fetchIt = (options = {}, set = dataset): Promise<string> => fetchDataset(set, web.home, options);

  before(async () => {
    const folder = await writeCifarLookalike(web.scratch(), 50, 25);
    const [first, second, test] = NAMES.map((name): ImageFile => {
      const bytes = bytesOf(folder, name);
      return { name, images: 25, bytes: bytes.length, sha256: sha256(bytes) };
    });
    archive = await pack(inFolder(...NAMES, 'batches.meta.txt'));
    dataset = { ...FILE_DATASETS.cifar10, ...withArchive(archive), train: [first, second], test: [test] };
  });

  const withArchive = (bytes: Buffer) => ({ archive: web.publish('archive.tar.gz', bytes) });

  // A test may have published another one.
  beforeEach(() => withArchive(archive));

  /** A gzipped tar of paths in the scratch folder. */
  async function pack(paths: string[]): Promise<Buffer> {
    const file = join(web.scratch(), 'packed.tgz');
    await tar.create(
      { file, gzip: true, cwd: web.scratch(), portable: true, preservePaths: true, mtime: new Date(0) },
      paths,
    );
    return readFileSync(file);
  }

  /** Sends a part of what was asked for, then cuts the line. */
  function breakAfter(bytes: number): Answer {
    return (body, from, response) => {
      response.writeHead(from > 0 ? 206 : 200, {
        'content-range': `bytes ${from}-${body.length - 1}/${body.length}`,
        'content-length': body.length - from,
      });
      if (from + bytes >= body.length) {
        response.end(body.subarray(from));
        return;
      }
      response.write(body.subarray(from, from + bytes));
      // What the client has not yet read when the line breaks is lost to it; wait until it has arrived.
      const part = join(web.home, 'archive.tar.gz.part');
      const poll = setInterval(() => {
        if (!existsSync(part) || statSync(part).size < from + bytes) return;
        clearInterval(poll);
        response.destroy();
      }, 5);
    };
  }

  function expectWhole(): void {
    for (const name of NAMES) {
      expect(bytesOf(web.home, FOLDER, name).equals(bytesOf(web.scratch(), FOLDER, name))).to.equal(true);
    }
  }

  it('fetches, checks and unpacks it, reports progress, and leaves nothing else behind', async () => {
    const seen: DataProgress[] = [];
    const folder = await fetchIt({ onProgress: (progress: DataProgress) => seen.push(progress) });
    expect(folder).to.equal(join(web.home, FOLDER));
    expectWhole();
    expect(readdirSync(web.home)).to.deep.equal([FOLDER]);
    const unpacked = [...dataset.train, ...dataset.test].reduce((sum, { bytes }) => sum + bytes, 0);
    for (const [phase, total] of [
      ['download', archive.length],
      ['extract', unpacked],
    ] as const) {
      const done = seen.filter((progress) => progress.phase === phase).map((progress) => progress.done);
      expect(done).to.deep.equal([...done].sort((a, b) => a - b));
      expect(done.at(-1)).to.equal(total);
    }
  });

  it('does the same for CIFAR-100, whose archive has other files', async () => {
    const folder = await writeStandIn(web.scratch(), 'cifar100', { train: 30, test: 20 });
    const names = ['train.bin', 'test.bin', 'fine_label_names.txt'];
    const file = (name: string, images: number): ImageFile => {
      const bytes = bytesOf(folder, name);
      return { name, images, bytes: bytes.length, sha256: sha256(bytes) };
    };
    const packed = await pack(names.map((name) => `cifar-100-binary/${name}`));
    const set = {
      ...FILE_DATASETS.cifar100,
      ...withArchive(packed),
      train: [file(names[0], 30)],
      test: [file(names[1], 20)],
    };
    const fetched = await fetchIt({}, set);
    expect(fetched).to.equal(join(web.home, 'cifar-100-binary'));
    expect(readdirSync(web.home)).to.deep.equal(['cifar-100-binary']);
    for (const name of names) expect(bytesOf(fetched, name).equals(bytesOf(folder, name))).to.equal(true);
  });

  it('asks only for the rest when the line breaks, again and again', async () => {
    web.answer = breakAfter(Math.ceil(archive.length / 3));
    await fetchIt({ retries: 1 });
    expectWhole();
    expect(web.requests.length).to.be.within(3, 4);
    const starts = web.requests.map((request) => Number(request.split(' ')[1]));
    expect(starts).to.deep.equal([...starts].sort((a, b) => a - b));
    expect(starts[0]).to.equal(0);
    expect(starts[1]).to.be.above(0);
  });

  it('keeps what has arrived when it gives up, says so, and goes on from there next time', async () => {
    web.answer = (...request) => {
      web.answer = always(503);
      breakAfter(1000)(...request);
    };
    const error = await rejection(fetchIt({ retries: 0 }));
    expectSentence(
      error,
      /could not be downloaded .*1000 of \d+ bytes have arrived and the same command goes on/,
    );
    expect(statSync(join(web.home, 'archive.tar.gz.part')).size).to.equal(1000);
    expect(existsSync(join(web.home, FOLDER))).to.equal(false);
    web.answer = whole;
    await fetchIt();
    expect(web.requests.at(-1)).to.equal('archive.tar.gz 1000');
    expectWhole();
  });

  it('starts over with a server that knows no ranges', async () => {
    mkdirSync(web.home);
    writeFileSync(join(web.home, 'archive.tar.gz.part'), 'rubbish');
    web.answer = always(200, archive);
    await fetchIt();
    expectWhole();
  });

  it('refuses what does not have the digest, names both, deletes it', async () => {
    const zeros = Buffer.alloc(archive.length);
    web.answer = always(200, zeros);
    const error = await rejection(fetchIt());
    expect(error.message).to.include(`SHA-256 ${sha256(zeros)}, expected ${sha256(archive)}`);
    expect(readdirSync(web.home)).to.deep.equal([]);
    web.answer = always(200, Buffer.concat([archive, Buffer.alloc(10)]));
    expect((await rejection(fetchIt())).message).to.include('is not the official CIFAR-10');
    expect(readdirSync(web.home)).to.deep.equal([]);
  });

  it('says in one sentence that there is no connection, and what else can be done', async () => {
    const cause = Object.assign(new Error('getaddrinfo ENOTFOUND www.cs.toronto.edu'), { code: 'ENOTFOUND' });
    const error = await rejection(
      loadDataset(
        { name: 'cifar10', image: 32 },
        {
          dataHome: web.home,
          env: {},
          fetch: () => Promise.reject(new TypeError('fetch failed', { cause })),
        },
      ),
    );
    expectSentence(
      error,
      /^CIFAR-10 could not be downloaded from https:.* \(getaddrinfo ENOTFOUND www\.cs\.toronto\.edu\): connect .* or use --data synthetic\.$/,
    );
  });

  it('names a refusal of the server', async () => {
    web.answer = (_, __, response) => response.writeHead(404, 'Not Found').end('gone');
    expect((await rejection(fetchIt())).message).to.include('(the server answered 404 Not Found)');
  });

  it('takes no page of a proxy for the beginning of the set', async () => {
    web.answer = (_, __, response) =>
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<html>Log in</html>');
    const page = await rejection(fetchIt({ retries: 0 }));
    expect(page.message).to.include('(the answer is a web page, as a proxy may send): connect');
    expect(page).to.be.instanceOf(UnreachableError);
  });

  it('gives up on a line that has gone silent, and stops when told to', async () => {
    web.answer = (body, _, response) => {
      response.writeHead(200, { 'content-length': body.length }).write(body.subarray(0, 500));
    };
    const silent = await rejection(fetchIt({ stallMs: 80, retries: 0 }));
    expect(silent.message).to.match(/no data for 0\.08 seconds/);
    const stopped = await rejection(fetchIt({ signal: AbortSignal.timeout(50) }));
    expect(stopped).to.be.instanceOf(InterruptedError);
  });

  it('unpacks only the set’s own plain files, whatever else an archive holds', async () => {
    const [link, outside] = [join(web.scratch(), FOLDER, 'link'), join(web.scratch(), 'outside.txt')];
    symlinkSync('/etc/passwd', link);
    writeFileSync(outside, 'x');
    mkdirSync(join(web.scratch(), 'inner'), { recursive: true });
    const climbing = `inner/../../${web.home.split('/').at(-2)}/outside.txt`;
    const evil = await pack([...inFolder(...NAMES, 'link'), climbing, outside]);
    rmSync(link);
    rmSync(outside);
    await fetchIt({}, { ...dataset, ...withArchive(evil) });
    expectWhole();
    expect(readdirSync(join(web.home, FOLDER)).sort()).to.deep.equal(NAMES);
    expect(existsSync(outside)).to.equal(false);
  });

  it('refuses a link in place of a file', async () => {
    const good = join(web.scratch(), FOLDER, 'test_batch.bin');
    const bytes = readFileSync(good);
    rmSync(good);
    symlinkSync('/etc/passwd', good);
    const evil = await pack(inFolder(...NAMES));
    rmSync(good);
    writeFileSync(good, bytes);
    const error = await rejection(fetchIt({}, { ...dataset, ...withArchive(evil) }));
    expect(error.message).to.match(/test_batch\.bin is missing/);
    expect(readdirSync(web.home)).to.deep.equal(['archive.tar.gz']);
  });

  it('leaves no half-unpacked set when an archive is cut short', async () => {
    const short = withArchive(archive.subarray(0, archive.length - 2000));
    const error = await rejection(fetchIt({}, { ...dataset, ...short }));
    expectSentence(error, /cannot be unpacked|is missing|whole number/);
    expect(existsSync(join(web.home, FOLDER))).to.equal(false);
  });

  it('uses one that was put there by hand, without the network, and keeps it', async () => {
    mkdirSync(web.home);
    writeFileSync(join(web.home, 'archive.tar.gz'), archive);
    await fetchIt();
    expect(web.requests).to.deep.equal([]);
    expectWhole();
    expect(existsSync(join(web.home, 'archive.tar.gz'))).to.equal(true);
    rmSync(join(web.home, FOLDER), { recursive: true });
    writeFileSync(join(web.home, 'archive.tar.gz'), archive.subarray(1));
    expect((await rejection(fetchIt())).message).to.match(/has \d+ bytes, expected \d+: delete it/);
  });

  it('refuses to download twice at the same time in one process', async () => {
    let go = (): void => undefined;
    const underWay = new Promise<void>((asked) => {
      web.answer = (...request) => {
        go = () => {
          whole(...request);
        };
        asked();
      };
    });
    const first = fetchIt();
    await underWay;
    expect((await rejection(fetchIt())).message).to.match(
      /^The download of CIFAR-10 is in use by this process/,
    );
    go();
    await first;
    expectWhole();
  });

  /** Another process that has begun the download; what it is told to do then is the body of a function. */
  async function elsewhere(then: string): Promise<ChildProcess> {
    mkdirSync(web.home);
    const script = `
      const { acquireLock } = require(${JSON.stringify(require.resolve('../../lib/runs/lock.js'))});
      const lock = acquireLock(${JSON.stringify(join(web.home, `.${FOLDER}.lock`))}, 'It');
      process.stdin.once('data', () => { ${then} lock.release(); process.exit(); });
      console.log('begun');`;
    const child = spawn(process.execPath, ['-e', script], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    return child;
  }

  /** What the next warning of this process says. */
  const warning = async (): Promise<string> => {
    const [{ message }] = (await once(process, 'warning')) as [Error];
    return message;
  };

  it('waits for another process that downloads it, and says so', async () => {
    const [from, to] = [join(web.scratch(), FOLDER), join(web.home, FOLDER)].map((each) =>
      JSON.stringify(each),
    );
    const child = await elsewhere(`require('node:fs').cpSync(${from}, ${to}, { recursive: true });`);
    const told = warning();
    const folder = fetchIt();
    expect(await told).to.match(
      new RegExp(`^Waiting: The download of CIFAR-10 is in use by process ${child.pid} since .*: wait until`),
    );
    child.stdin!.write('go');
    await folder;
    expectWhole();
    expect(web.requests).to.deep.equal([]);
  });

  it('downloads it where another process has given up, and can be stopped while it waits', async () => {
    const child = await elsewhere('');
    const controller = new AbortController();
    const told = warning();
    const stopped = rejection(fetchIt({ signal: controller.signal }));
    await told;
    controller.abort();
    expect(await stopped).to.be.instanceOf(InterruptedError);
    const again = warning();
    const folder = fetchIt();
    await again;
    child.stdin!.write('go');
    await folder;
    expect(web.requests).to.deep.equal(['archive.tar.gz 0']);
    expectWhole();
  });

  it('names a place where nothing can be written', async () => {
    writeFileSync(web.home, 'a file');
    const error = await rejection(fetchDataset(dataset, join(web.home, 'data')));
    expect(error.message).to.match(
      /could not be stored in .*: (not a directory \(ENOTDIR\)|file already exists \(EEXIST\))/,
    );
  });

  it('names a disk that fills up, keeps what was there, and goes on when there is room', async function () {
    // A device that is always full stands for the disk, under the name that the download writes to.
    if (!existsSync('/dev/full')) this.skip();
    mkdirSync(web.home);
    writeFileSync(join(web.home, 'mine.txt'), 'was here before');
    symlinkSync('/dev/full', join(web.home, 'archive.tar.gz.part'));
    const error = await rejection(fetchIt());
    expectSentence(
      error,
      /^CIFAR-10 could not be stored in .*: no space left on device \(ENOSPC\); make room, .* and the same command goes on\.$/,
    );
    expect(readdirSync(web.home).sort()).to.deep.equal(['archive.tar.gz.part', 'mine.txt']);
    rmSync(join(web.home, 'archive.tar.gz.part'));
    await fetchIt();
    expectWhole();
    expect(readFileSync(join(web.home, 'mine.txt'), 'utf8')).to.equal('was here before');
  });

  it('names a limit that is reached while unpacking, leaves no set behind, and keeps the archive', async function () {
    if (process.platform === 'win32') this.skip();
    mkdirSync(web.home);
    writeFileSync(join(web.home, 'archive.tar.gz'), archive);
    // No file of this process may grow beyond 20 blocks of 512 bytes, or of 1024 in some shells.
    const script = `
      const { fetchDataset } = require(${JSON.stringify(require.resolve('../../lib/datasets/download.js'))});
      fetchDataset(${JSON.stringify(dataset)}, ${JSON.stringify(web.home)}).then(
        () => console.log('unpacked'),
        (error) => console.log(error.name + ': ' + error.message),
      );`;
    const limited = ['-c', 'ulimit -f 20 && exec "$0" -e "$1"', process.execPath, script];
    const { stdout } = await promisify(execFile)('sh', limited);
    expect(stdout).to.match(
      /^ZartsError: CIFAR-10 could not be stored in .*: file too large \(EFBIG\); make room/,
    );
    expect(readdirSync(web.home)).to.deep.equal(['archive.tar.gz']);
  });
});

describe('datasets: download of files without an archive', () => {
  const web = site();
  const FILES = ['train_32x32.mat', 'test_32x32.mat'] as const;
  const bytes = new Map<string, Buffer>();
  let dataset: MatlabDataset;
  const fetchIt = (options = {}): Promise<string> => fetchDataset(dataset, web.home, options);

  before(async () => {
    const folder = await writeStandIn(web.scratch(), 'svhn', { train: 40, test: 20 });
    for (const name of FILES) bytes.set(name, bytesOf(folder, name));
    const [train, test] = FILES.map((name) => web.publish(name, bytes.get(name)!));
    dataset = { ...FILE_DATASETS.svhn, train: [{ ...train, images: 40 }], test: [{ ...test, images: 20 }] };
  });

  it('fetches each, checks them, and shows the folder when all are there', async () => {
    const seen: DataProgress[] = [];
    const folder = await fetchIt({ onProgress: (progress: DataProgress) => seen.push(progress) });
    expect(folder).to.equal(join(web.home, 'svhn'));
    expect(readdirSync(web.home)).to.deep.equal(['svhn']);
    for (const name of FILES) expect(bytesOf(folder, name).equals(bytes.get(name)!)).to.equal(true);
    const downloads = seen.filter(({ phase }) => phase === 'download');
    const done = downloads.map((progress) => progress.done);
    expect(done).to.deep.equal([...done].sort((a, b) => a - b));
    const total = FILES.reduce((sum, name) => sum + bytes.get(name)!.length, 0);
    expect(downloads.at(-1)).to.deep.equal({ phase: 'download', done: total, total });
    const content = await inspectFolder(folder, dataset);
    expect(content.complete).to.equal(true);
    expect((await readImageFile(content.train[0], dataset)).labels).to.have.length(40);
  });

  it('keeps the file that came and asks only for what is missing', async () => {
    web.answers[FILES[1]] = always(503);
    const error = await rejection(fetchIt({ retries: 0 }));
    expect(error.message).to.match(
      /^SVHN could not be downloaded from .*test_32x32\.mat \(the server answered 503/,
    );
    expect(error.message).to.include(`put the file test_32x32.mat into ${join(web.home, 'svhn')} yourself`);
    expect(existsSync(join(web.home, 'svhn'))).to.equal(false);
    Object.assign(web, { requests: [], answers: {} });
    await fetchIt();
    expect(web.requests).to.deep.equal([`${FILES[1]} 0`]);
    expect(readdirSync(web.home)).to.deep.equal(['svhn']);
  });

  it('refuses a file with another digest, and shows no folder', async () => {
    web.answers[FILES[1]] = always(200, Buffer.alloc(bytes.get(FILES[1])!.length));
    const error = await rejection(fetchIt());
    expect(error.message).to.include('test_32x32.mat sent is not the official SVHN');
    expect(existsSync(join(web.home, 'svhn'))).to.equal(false);
  });

  it('refuses a whole set of which a file has the official number of images and other bytes', async () => {
    const folder = await fetchIt();
    const changed = Buffer.concat([bytes.get(FILES[0])!, Buffer.alloc(8)]);
    writeFileSync(join(folder, FILES[0]), changed);
    const { train } = await inspectFolder(folder, dataset);
    const error = await rejection(readImageFile(train[0], dataset));
    expect(error.message).to.include(
      `has the official number of images but SHA-256 ${sha256(changed)}, expected ${dataset.train[0].sha256}`,
    );
  });

  it('names a disk that fills up and shows no folder', async function () {
    if (!existsSync('/dev/full')) this.skip();
    const scratch = join(web.home, '.svhn.downloading');
    mkdirSync(scratch, { recursive: true });
    symlinkSync('/dev/full', join(scratch, `${FILES[1]}.part`));
    const error = await rejection(fetchIt());
    expect(error.message).to.match(
      /^SVHN could not be stored in .*no space left on device \(ENOSPC\); make room/,
    );
    expect(readdirSync(web.home)).to.deep.equal(['.svhn.downloading']);
    expect(readdirSync(scratch).sort()).to.deep.equal([`${FILES[1]}.part`, FILES[0]]);
  });
});
