import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Gpu, NpmLock } from '../../bin/setup/plan.mjs' with { 'resolution-mode': 'import' };
import { loadPlan, root } from './tools.js';

type Plan = Awaited<ReturnType<typeof loadPlan>>;

describe('setup/plan', () => {
  let plan: Plan;
  before(async () => {
    plan = await loadPlan();
  });

  const none: Gpu = { driver: null, device: false };
  const modern: Gpu = { driver: '570.86.15', device: true };
  const linux = { platform: 'linux', arch: 'x64' };

  it('takes a folder in any path that Python and Node take, and names what they do not', () => {
    for (const path of ['/home/me/zarts', '/home/me/my code (2)/zarts', `/a'b"c/$HOME #1,;=[x]%20`])
      expect(plan.unfitPath(path), path).to.equal(null);
    expect(plan.unfitPath('/home/12:30/zarts')).to.contain('a colon').and.to.contain('/home/12:30/zarts');
    expect(plan.unfitPath('/home/a*b')).to.contain('a star');
    expect(plan.unfitPath('/home/a\nb')).to.contain('a line break');
  });

  describe('chooseEngine', () => {
    it('takes the CPU without an NVIDIA driver, and the wheel that the machine has', () => {
      const wheels = [
        ['linux', 'x64', 'tensorflow-cpu'],
        ['linux', 'arm64', 'tensorflow'],
        ['darwin', 'arm64', 'tensorflow'],
      ] as const;
      for (const [platform, arch, tensorflow] of wheels) {
        const choice = plan.chooseEngine({ platform, arch, gpu: none });
        expect(choice).to.include({ engine: 'cpu', package: '@tensorflow/tfjs-node', tensorflow });
        expect(choice).to.include({
          lock: 'bin/requirements-lab.txt',
          libraries: 'bin/requirements-tensorflow.txt',
        });
        expect(choice.python).to.deep.equal([10, Infinity]);
        expect(choice.reason).to.contain('no NVIDIA driver');
      }
    });

    it('takes the GPU where a driver that runs CUDA 12 and a device are seen, and says which driver', () => {
      const choice = plan.chooseEngine({ ...linux, gpu: modern });
      expect(choice).to.include({
        engine: 'gpu',
        package: '@tensorflow/tfjs-node-gpu',
        tensorflow: 'tensorflow[and-cuda]',
        lock: 'bin/requirements-cuda.txt',
        libraries: null,
      });
      expect(choice.python).to.deep.equal([10, 13]);
      expect(choice.reason).to.contain('570.86.15');
    });

    it('leaves a GPU alone that it cannot use, and says why', () => {
      const old = plan.chooseEngine({ ...linux, gpu: { driver: '470.223.02', device: true } });
      expect(old.engine).to.equal('cpu');
      expect(old.reason).to.contain('470.223.02').and.to.contain(String(plan.OLDEST_CUDA_12_DRIVER));
      const container = plan.chooseEngine({ ...linux, gpu: { driver: '570.86.15', device: false } });
      expect(container.engine).to.equal('cpu');
      expect(container.reason).to.contain('--gpus all');
      expect(plan.chooseEngine({ platform: 'linux', arch: 'arm64', gpu: modern }).engine).to.equal('cpu');
    });

    it('obeys ZARTS_ENGINE both ways, and takes an empty one for unset', () => {
      expect(plan.chooseEngine({ ...linux, override: 'gpu', gpu: none }).engine).to.equal('gpu');
      expect(plan.chooseEngine({ ...linux, override: 'cpu', gpu: modern }).engine).to.equal('cpu');
      expect(plan.chooseEngine({ ...linux, override: '', gpu: none }).reason).to.contain('no NVIDIA driver');
    });

    it('keeps to what ZARTS_ENGINE was at set-up until it names another', () => {
      const remembered = plan.chooseEngine({ ...linux, remembered: 'cpu', gpu: modern });
      expect(remembered).to.include({ engine: 'cpu', override: 'cpu' });
      expect(remembered.reason).to.contain('.zarts/engine.json');
      const again = plan.chooseEngine({ ...linux, remembered: 'cpu', override: 'gpu', gpu: modern });
      expect(again).to.include({ engine: 'gpu', override: 'gpu' });
      expect(plan.chooseEngine({ ...linux, remembered: null, gpu: modern }).engine).to.equal('gpu');
    });

    it('runs the packages’ own script for "stock", with the GPU package where there is a GPU', () => {
      const cpu = plan.chooseEngine({ ...linux, override: 'stock', gpu: none });
      expect(cpu).to.include({
        engine: 'stock',
        package: '@tensorflow/tfjs-node',
        lock: 'bin/requirements-lab.txt',
      });
      const gpu = plan.chooseEngine({ ...linux, override: 'stock', gpu: modern });
      expect(gpu.package).to.equal('@tensorflow/tfjs-node-gpu');
      expect(plan.chooseEngine({ platform: 'darwin', arch: 'x64', gpu: none }).engine).to.equal('stock');
    });

    it('refuses an unknown engine with the allowed ones (exit 2) and one that the machine cannot have (exit 1)', () => {
      const refused = (facts: Parameters<Plan['chooseEngine']>[0]): InstanceType<Plan['SetupError']> => {
        try {
          plan.chooseEngine(facts);
        } catch (error) {
          if (error instanceof plan.SetupError) return error;
          throw error;
        }
        throw new Error('it was accepted');
      };
      const unknown = refused({ ...linux, override: 'cuda', gpu: none });
      expect(unknown.message).to.equal('ZARTS_ENGINE is "cuda"; allowed: cpu, gpu, stock.');
      expect(unknown.exitCode).to.equal(2);
      const mac = { platform: 'darwin', arch: 'x64', gpu: none };
      expect(refused({ ...mac, override: 'gpu' }).message).to.contain('Linux on x86-64');
      expect(refused({ ...mac, override: 'cpu' }).message).to.contain('ZARTS_ENGINE=stock');
      expect(refused({ ...mac, override: 'cpu' }).exitCode).to.equal(1);
      expect(refused({ platform: 'win32', arch: 'x64', gpu: none }).message).to.contain('WSL 2');
    });
  });

  describe('missingPrerequisites', () => {
    const all = { npm: true, python: true, compiler: true };
    const python = { command: 'python3', version: '3.12.3', venv: true, fits: true };
    const complete = { npm: true, pythons: [python], compiler: true };
    type Missing = Parameters<Plan['missingPrerequisites']>;
    const missing = (needs: Missing[0], found: Missing[1], minors: Missing[2] = [10, Infinity]): string[] =>
      plan.missingPrerequisites(needs, found, minors);

    it('finds nothing missing on a complete machine, nor what no step needs', () => {
      expect(missing(all, complete)).to.deep.equal([]);
      const bare = { npm: false, pythons: [], compiler: false };
      expect(missing({ npm: false, python: false, compiler: false }, bare)).to.deep.equal([]);
    });

    it('names each missing thing once, with a command for Debian/Ubuntu, Fedora and macOS', () => {
      const paragraphs = missing(all, { npm: false, pythons: [], compiler: false });
      expect(paragraphs).to.have.length(3);
      for (const paragraph of paragraphs) {
        const [sentence, ...commands] = paragraph.split('\n');
        expect(sentence).to.match(/\.$/);
        expect(commands.map((line) => line.trim().split(':')[0])).to.deep.equal([
          'Debian/Ubuntu',
          'Fedora',
          'macOS',
        ]);
      }
    });

    it('tells a Python that is too old, or for CUDA too new, from one without venv', () => {
      const found = (pythons: (typeof python)[], minors?: Missing[2]): string =>
        missing(all, { ...complete, pythons }, minors).join();
      const older = { ...python, version: '3.9.2', fits: false };
      expect(found([older])).to.contain('Python 3.10 or newer was not found (python3 is 3.9.2)');
      const newer = { ...python, version: '3.14.1', fits: false };
      expect(found([newer], [10, 13])).to.contain('Python 3.10 to 3.13 was not found (python3 is 3.14.1)');
      expect(found([{ ...python, venv: false }]))
        .to.contain('lacks the venv module')
        .and.contain('python3-venv');
      expect(found([older, { ...python, command: 'python3.12' }])).to.equal('');
    });
  });

  describe('npmMismatch', () => {
    const lock: NpmLock = {
      packages: {
        '': { version: '0.1.0' },
        'node_modules/a': { version: '1.0.0' },
        'node_modules/b': { version: '2.0.0', optional: true },
      },
    };
    const installed = (a: string, b?: string): NpmLock => ({
      packages: { 'node_modules/a': { version: a }, ...(b ? { 'node_modules/b': { version: b } } : {}) },
    });

    it('accepts what the lock file asks for, with or without what is optional', () => {
      expect(plan.npmMismatch(lock, installed('1.0.0', '2.0.0'))).to.equal(null);
      expect(plan.npmMismatch(lock, installed('1.0.0'))).to.equal(null);
    });

    it('names the first package that is missing or of another version', () => {
      expect(plan.npmMismatch(lock, null)).to.equal('node_modules');
      expect(plan.npmMismatch(lock, { packages: {} })).to.equal('node_modules/a');
      expect(plan.npmMismatch(lock, installed('1.0.1'))).to.equal('node_modules/a');
      expect(plan.npmMismatch(lock, installed('1.0.0', '2.0.1'))).to.equal('node_modules/b');
    });
  });

  describe('isNetworkFailure', () => {
    it('knows the complaints of npm, pip and node-gyp', () => {
      const complaints = [
        'npm error code EAI_AGAIN\nnpm error request to the registry failed, reason: getaddrinfo EAI_AGAIN',
        'npm error code ECONNREFUSED',
        'WARNING: Retrying (Retry(total=4)) after connection broken by NewConnectionError("Failed to establish a new connection")',
        'gyp ERR! stack FetchError: request failed, reason: getaddrinfo ENOTFOUND nodejs.org',
      ];
      for (const complaint of complaints) expect(plan.isNetworkFailure(complaint), complaint).to.equal(true);
    });

    it('takes no other failure for one', () => {
      const others = [
        'npm error code ENOSPC\nnpm error nospc There appears to be insufficient space on your system',
        'ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.',
        'fatal error: tensorflow/c/c_api.h: No such file or directory',
      ];
      for (const other of others) expect(plan.isNetworkFailure(other), other).to.equal(false);
    });
  });

  describe('describePlan', () => {
    it('says which engine and why, and what makes a step necessary', () => {
      const choice = plan.chooseEngine({ ...linux, gpu: modern });
      const text = plan.describePlan(choice, [
        { title: 'npm packages', done: true, why: '' },
        { title: 'the addon', done: false, why: 'its file is gone' },
      ]);
      expect(text.split('\n')).to.deep.equal([
        'Engine: gpu (@tensorflow/tfjs-node-gpu on tensorflow[and-cuda]), because NVIDIA driver 570.86.15 was found.',
        'ZARTS_ENGINE=cpu|gpu|stock chooses another.',
        'Steps:',
        '  1. done   npm packages',
        '  2. to do  the addon (its file is gone)',
      ]);
    });
  });

  describe('the pip lock files', () => {
    const lockFiles = ['lab', 'tensorflow', 'cuda'].map((name) => `bin/requirements-${name}.txt`);

    it('pin every package with digests and name no registry', () => {
      for (const file of lockFiles) {
        const text = readFileSync(join(root, file), 'utf8');
        const requirements = text
          .replaceAll('\\\n', ' ')
          .split('\n')
          .filter((line) => /^[a-z]/i.test(line));
        expect(requirements.length, file).to.be.greaterThan(file.includes('tensorflow') ? 1 : 50);
        for (const line of requirements)
          expect(line, file).to.match(/^[\w.-]+(\[[\w,-]+\])?==\S+.*--hash=sha256:/);
        expect(text, file).not.to.contain('://');
      }
    });

    it('pin the same TensorFlow for every engine, and CUDA for the GPU alone', () => {
      const [lab, cpu, cuda] = lockFiles.map((file) => readFileSync(join(root, file), 'utf8'));
      const version = plan.lockedVersion(cuda, 'tensorflow');
      expect(version).to.match(/^2\.\d+\.\d+$/);
      expect(plan.lockedVersion(cpu, 'tensorflow-cpu')).to.equal(version);
      expect(plan.lockedVersion(cpu, 'tensorflow')).to.equal(version);
      expect(plan.lockedVersion(cuda, 'nvidia-cudnn-cu12')).to.match(/^9\./);
      for (const name of ['nvidia-cudnn-cu12', 'tensorflow', 'tensorflow-cpu'])
        expect(plan.lockedVersion(lab, name), name).to.equal(null);
    });
  });
});
