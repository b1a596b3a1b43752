import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './tools.js';

/** Runs bin/setup.mjs of a project folder, with variables set or (undefined) removed. */
function setup(project: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const began = performance.now();
  const result = spawnSync(process.execPath, [join(project, 'bin', 'setup.mjs'), ...args], {
    encoding: 'utf8',
    env: { ...process.env, npm_execpath: undefined, npm_config_node_gyp: undefined, ...env },
  });
  return { ...result, seconds: (performance.now() - began) / 1000 };
}

describe('setup', function () {
  this.timeout(60_000);

  it('has nothing to do in this project, says nothing and takes under a second', () => {
    const first = setup(root, []);
    expect(first.stderr).to.equal('');
    expect(first.status).to.equal(0);
    // The fastest of some: other tests run at the same time.
    const again = Array.from({ length: 4 }, () => setup(root, []));
    for (const { stdout } of again) expect(stdout).to.equal('');
    expect(Math.min(...again.map(({ seconds }) => seconds))).to.be.lessThan(1);
  });

  it('prints the plan with every step done', () => {
    const { stdout, status } = setup(root, ['--plan']);
    expect(status).to.equal(0);
    expect(stdout).to.match(/^Engine: (cpu|gpu|stock) \(@tensorflow\/tfjs-node.*, because .*\.$/m);
    expect(stdout.match(/^ {2}\d\. done /gm)).to.have.length(8);
  });

  it('refuses an unknown engine or argument with exit code 2', () => {
    const engine = setup(root, ['--plan'], { ZARTS_ENGINE: 'fpga' });
    expect(engine.status).to.equal(2);
    expect(engine.stderr).to.equal('ZARTS_ENGINE is "fpga"; allowed: cpu, gpu, stock.\n');
    const argument = setup(root, ['--paln']);
    expect(argument.status).to.equal(2);
    expect(argument.stderr).to.match(/^Unknown argument "--paln"/);
  });

  describe('in a fresh clone', () => {
    let clone: string;
    beforeEach(() => {
      clone = mkdtempSync(join(tmpdir(), 'zarts-setup-'));
      for (const part of ['bin', 'package.json', 'package-lock.json', '.npmrc', 'tsconfig.json']) {
        cpSync(join(root, part), join(clone, part), { recursive: true });
      }
    });
    afterEach(() => {
      rmSync(clone, { recursive: true, force: true });
    });

    it('plans every step and does none of them', () => {
      const before = readdirSync(clone);
      const { stdout, status } = setup(clone, ['--plan']);
      expect(status).to.equal(0);
      expect(stdout.match(/^ {2}\d\. to do /gm)).to.have.length(8);
      expect(readdirSync(clone)).to.deep.equal(before);
    });

    it('plans CUDA for ZARTS_ENGINE=gpu', () => {
      const { stdout } = setup(clone, ['--plan'], { ZARTS_ENGINE: 'gpu' });
      expect(stdout).to.contain(
        'Engine: gpu (@tensorflow/tfjs-node-gpu on tensorflow[and-cuda]), because ZARTS_ENGINE=gpu.',
      );
    });

    it('refuses a path with a colon at once, before it installs anything', () => {
      const colon = join(clone, '12:30');
      mkdirSync(colon);
      for (const part of ['bin', 'package.json', 'package-lock.json'])
        cpSync(join(clone, part), join(colon, part), { recursive: true });
      const refused = Array.from({ length: 4 }, () => setup(colon, []));
      for (const { stdout, stderr, status } of refused) {
        expect([status, stdout]).to.deep.equal([1, '']);
        expect(stderr).to.contain('has a colon in it').and.to.contain('move the folder');
      }
      expect(readdirSync(colon)).not.to.include('node_modules');
      expect(Math.min(...refused.map(({ seconds }) => seconds))).to.be.lessThan(1);
    });

    it('compiles an addon in a path of any characters, which finds its libraries after a move', function () {
      this.timeout(120_000);
      const odd = join(clone, `it's "my" $HOME code (2), #1`);
      cpSync(join(root, 'bin', 'setup'), join(odd, 'bin', 'setup'), { recursive: true });
      mkdirSync(join(odd, 'node_modules'));
      symlinkSync(
        join(root, 'node_modules', 'node-api-headers'),
        join(odd, 'node_modules', 'node-api-headers'),
      );
      writeFileSync(join(odd, 'seven.cc'), 'extern "C" int seven() { return 7; }');
      writeFileSync(
        join(odd, 'addon.cc'),
        `#include <node_api.h>
         extern "C" int seven();
         NAPI_MODULE_INIT() {
           napi_value result;
           napi_create_int32(env, seven(), &result);
           return result;
         }`,
      );
      const mac = process.platform === 'darwin';
      const library = mac ? 'libseven.dylib' : 'libseven.so';
      mkdirSync(join(odd, 'lib'));
      const shared = mac
        ? ['-dynamiclib', `-Wl,-install_name,@rpath/${library}`]
        : ['-shared', '-fPIC', `-Wl,-soname,${library}`];
      const seven = [...shared, join(odd, 'seven.cc'), '-o', join(odd, 'lib', library)];
      expect(spawnSync('c++', seven).status).to.equal(0);
      const compile = `
        import { compileAddon } from ${JSON.stringify(pathToFileURL(join(odd, 'bin/setup/compile.mjs')).href)};
        const [folder, library] = process.argv.slice(1);
        const parts = [{ source: folder + '/addon.cc' }];
        await compileAddon('compiling', folder + '/made/addon.node', parts, { folder: folder + '/lib', names: [library] });`;
      const built = spawnSync(process.execPath, ['--input-type=module', '-e', compile, odd, library], {
        encoding: 'utf8',
      });
      expect([built.status, built.stderr]).to.deep.equal([0, '']);
      const moved = join(clone, 'moved elsewhere');
      renameSync(odd, moved);
      const load = spawnSync(
        process.execPath,
        ['-p', 'require(process.argv[1])', join(moved, 'made/addon.node')],
        {
          encoding: 'utf8',
        },
      );
      expect([load.stdout, load.status], load.stderr).to.deep.equal(['7\n', 0]);
    });

    it('has the help and the version before anything is installed, and says what comes first', () => {
      const zarts = (...args: string[]) =>
        spawnSync(process.execPath, [join(clone, 'bin', 'zarts.mjs'), ...args], { encoding: 'utf8' });
      const { version } = JSON.parse(readFileSync(join(clone, 'package.json'), 'utf8')) as {
        version: string;
      };
      expect(zarts('--version')).to.include({ status: 0, stdout: `${version}\n`, stderr: '' });
      for (const args of [['--help'], ['help'], ['search', '--help']]) {
        const { status, stdout, stderr } = zarts(...args);
        expect({ status, stderr }).to.deep.equal({ status: 0, stderr: '' });
        expect(stdout).to.contain('Usage: zarts').and.to.contain('run npm start first');
      }
      expect(zarts('list').status).to.equal(1);
    });

    it('names what the machine lacks and how to install it, before it installs anything', () => {
      const empty = join(clone, 'empty');
      mkdirSync(empty);
      const { stderr, status } = setup(clone, [], { PATH: empty, CXX: undefined });
      expect(status).to.equal(1);
      expect(stderr).to.contain('npm was not found');
      expect(stderr).to.contain('Python 3.10 or newer was not found');
      expect(stderr).to.contain('A C++ compiler was not found');
      expect(stderr.match(/Debian\/Ubuntu:/g)).to.have.length(3);
      expect(stderr).not.to.contain('    at ');
      expect(readdirSync(clone)).not.to.include('node_modules');
    });

    it('says in a sentence that the network failed, and that the same command goes on', () => {
      const { stderr, status } = setup(clone, [], {
        npm_config_registry: 'http://127.0.0.1:9/',
        npm_config_cache: join(clone, 'cache'),
        npm_config_fetch_retries: '0',
      });
      expect(status).to.equal(1);
      expect(stderr.trim()).to.equal(
        'The network failed while installing the npm packages; ' +
          'check the connection and run the same command again, finished steps are kept.',
      );
      expect(readdirSync(join(clone, '.zarts'))).not.to.include('setup.lock');
    });

    for (const [what, content] of [
      ['that a crash left empty', ''],
      ['whose process id was given out again', `${process.pid} 1\n`],
      ['whose process is gone', '4194305 1\n'],
    ] as const) {
      it(`does not wait for a lock ${what}`, () => {
        const lock = join(clone, '.zarts', 'setup.lock');
        mkdirSync(join(clone, '.zarts'));
        writeFileSync(lock, content);
        utimesSync(lock, 1, 1);
        const module = JSON.stringify(join(clone, 'bin', 'setup', 'lock.mjs'));
        const script = `import(${module}).then(({ takeLock }) => takeLock(console.log)).then((release) => release());`;
        const options = { encoding: 'utf8', timeout: 20_000 } as const;
        const { status, stdout } = spawnSync(process.execPath, ['-e', script], options);
        expect([status, stdout]).to.deep.equal([0, '']);
        expect(readdirSync(join(clone, '.zarts'))).to.deep.equal([]);
      });
    }
  });

  it('`zarts` in a project that is not set up says what to run, and how with the packages alone', () => {
    const clone = mkdtempSync(join(tmpdir(), 'zarts-setup-'));
    try {
      for (const part of ['bin', 'package.json', 'package-lock.json']) {
        cpSync(join(root, part), join(clone, part), { recursive: true });
      }
      const { stderr, status } = spawnSync(process.execPath, [join(clone, 'bin', 'zarts.mjs'), 'list'], {
        encoding: 'utf8',
      });
      expect(status).to.equal(1);
      expect(stderr).to.match(/^The project is not set up: .* Run: npm run setup\n$/);
      // With the packages alone, without Python and TensorFlow, help is there; and what was compiled before.
      symlinkSync(join(root, 'node_modules'), join(clone, 'node_modules'));
      for (const part of ['dist', 'tsconfig.json'])
        cpSync(join(root, part), join(clone, part), { recursive: true });
      const help = spawnSync(process.execPath, [join(clone, 'bin', 'zarts.mjs'), 'list', '--help'], {
        encoding: 'utf8',
      });
      expect([help.status, help.stderr]).to.deep.equal([0, '']);
      expect(help.stdout).to.match(/^Usage: zarts list/);
    } finally {
      rmSync(clone, { recursive: true, force: true });
    }
  });
});
