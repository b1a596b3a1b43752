// The steps of set-up. Each knows whether it is done (its stamp holds a digest of its inputs) and how to do it.
// A stamp lives inside the folder it vouches for, so deleting the folder deletes the stamp, and is written last.

import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join, relative } from 'node:path';
import { compileAddon } from './compile.mjs';
import { compiler, npm, pythons } from './machine.mjs';
import { SetupError, WHEEL_PYTHON, lockedVersion, npmMismatch } from './plan.mjs';
import { readJson, run, writeWhole } from './process.mjs';
import { ENGINE_FILE, LIBRARIES, PYTHON, ROOT, VENV, pythonEnvironment, sitePackages } from './project.mjs';

const MODULES = join(ROOT, 'node_modules');

const digest = (...parts) => createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
const text = (...path) => readFileSync(join(ROOT, ...path), 'utf8');
const isStamped = (file, value) => readJson(file)?.digest === value;
const stamp = (file, value) => writeWhole(file, `${JSON.stringify({ digest: value })}\n`);

// ---- npm packages ----

const npmPackages = () => ({
  id: 'npm',
  title: 'npm packages',
  needs: { npm: true },
  why() {
    const lock = readJson(join(ROOT, 'package-lock.json'));
    if (lock === null)
      throw new SetupError(
        'package-lock.json is missing or broken; restore it with: git checkout package-lock.json',
      );
    const mismatch = npmMismatch(lock, readJson(join(MODULES, '.package-lock.json')));
    return mismatch && `${mismatch} is missing or of another version`;
  },
  async run() {
    const flags = ['--include=dev', '--include=optional', '--ignore-scripts', '--no-audit', '--no-fund'];
    await run('installing the npm packages', [...npm(), 'ci', ...flags, '--loglevel=error']);
  },
});

// ---- Python environment ----

const PYTHON_STAMP = join(VENV, '.zarts', 'python.json');

const pythonPackages = (choice) => {
  // The root is part of it because a virtual environment does not survive being moved.
  const wanted = () => digest('python 1', ROOT, choice.lock, text(choice.lock));
  const tensorflow = choice.engine === 'gpu' ? `${choice.tensorflow}, ` : '';
  return {
    id: 'python',
    title: `Python packages in .venv (${tensorflow}JupyterLab)`,
    needs: { python: true },
    why() {
      if (!existsSync(PYTHON)) return '.venv is missing, or its Python is gone';
      if (isStamped(PYTHON_STAMP, wanted())) return null;
      const { root } = readJson(PYTHON_STAMP) ?? {};
      return root !== undefined && root !== ROOT
        ? `.venv was made in ${root}, and does not survive being moved or copied`
        : `${choice.lock} is not installed whole`;
    },
    async run() {
      const { command } = pythons(choice.python).find((python) => python.fits && python.venv);
      // From scratch each time: pip trusts what an interrupted pip left behind. Its cache makes this quick.
      rmSync(VENV, { recursive: true, force: true });
      const env = pythonEnvironment();
      await run('making .venv', [command, '-m', 'venv', VENV], { env });
      const flags = [
        '--require-hashes',
        '--no-deps',
        '--no-compile',
        '--disable-pip-version-check',
        '--no-input',
      ];
      const install = [PYTHON, '-m', 'pip', 'install', ...flags, '-r', choice.lock];
      await run('installing the Python packages', install, { env });
      writeWhole(PYTHON_STAMP, `${JSON.stringify({ digest: wanted(), root: ROOT })}\n`);
    },
  };
};

// ---- TensorFlow's libraries and headers ----

const wheelVersion = ({ engine, libraries, lock, tensorflow }) =>
  engine === 'stock' ? tensorflow : lockedVersion(text(libraries ?? lock), tensorflow.split('[')[0]);

/** The folder with TensorFlow's libraries and headers, relative to the project, or null where there is none. */
function tensorflowFolder({ engine }) {
  const packages = engine === 'cpu' ? LIBRARIES : engine === 'gpu' ? sitePackages() : null;
  const folder = packages && join(packages, 'tensorflow');
  return folder && existsSync(folder) ? relative(ROOT, folder) : null;
}

/** Of the wheel: what programs link with and are compiled with, and its licenses. */
const UNPACK = `
import re, sys, zipfile
wheel, folder = sys.argv[1:]
wanted = re.compile(r"tensorflow/(include/(?!external/|tensorflow/(cc|compiler)/)|libtensorflow_|THIRD_PARTY)|[^/]+\\.dist-info/")
with zipfile.ZipFile(wheel) as archive:
    archive.extractall(folder, filter(wanted.match, archive.namelist()))
`;

const LIBRARIES_STAMP = join(LIBRARIES, 'unpacked.json');

/** No Python imports this TensorFlow: its wheel is taken apart, and need not be one for the Python of this machine. */
const tensorflowLibraries = (choice) => {
  const wanted = () => digest('tensorflow 1', text(choice.libraries), process.platform, process.arch);
  return {
    id: 'tensorflow',
    title: `libraries and headers of ${choice.tensorflow}`,
    needs: {},
    why() {
      if (choice.libraries === null) return null;
      if (tensorflowFolder(choice) !== null && isStamped(LIBRARIES_STAMP, wanted())) return null;
      return `${choice.tensorflow} ${wheelVersion(choice)} is not unpacked in .zarts/tensorflow`;
    },
    async run() {
      rmSync(LIBRARIES, { recursive: true, force: true });
      const download = join(LIBRARIES, 'download');
      const flags = [
        '--no-deps',
        '--require-hashes',
        '--only-binary=:all:',
        `--python-version=${WHEEL_PYTHON}`,
      ];
      const quiet = ['--disable-pip-version-check', '--no-input'];
      const pip = [
        PYTHON,
        '-m',
        'pip',
        'download',
        ...flags,
        ...quiet,
        '-r',
        choice.libraries,
        '-d',
        download,
      ];
      await run('fetching TensorFlow', pip, { env: pythonEnvironment() });
      const [wheel] = readdirSync(download);
      await run('unpacking TensorFlow', [PYTHON, '-c', UNPACK, join(download, wheel), LIBRARIES]);
      rmSync(download, { recursive: true });
      stamp(LIBRARIES_STAMP, wanted());
    },
  };
};

// ---- the addon ----

const packageFolder = (choice) => join(MODULES, ...choice.package.split('/'));

/** Where the package looks for its addon. */
function addonPath(choice) {
  const manifest = join(packageFolder(choice), 'package.json');
  return createRequire(manifest)('@mapbox/node-pre-gyp').find(manifest);
}

/** Runs in a process of its own: loads the package, prints what it found as the last line. */
const LOAD = `
require(process.argv[1]);
const tf = require(process.argv[2]);
const backend = tf.backend();
const nine = tf.tidy(() => tf.tensor1d([1, 2]).add(2).prod().sub(3).arraySync());
if (nine !== 9) throw new Error('TensorFlow computed (1 + 2) (2 + 2) - 3 = ' + nine);
console.log(JSON.stringify({ tensorflow: backend.binding.TF_Version, gpu: backend.isUsingGpuDevice }));
`;

/**
 * Loads the engine's package in a child process and computes something.
 *
 * @returns {Promise<{tensorflow: string, gpu: boolean}>} TensorFlow's version; whether it computes on a GPU.
 */
export async function tryAddon(choice) {
  const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2' };
  const files = [join(ROOT, 'bin', 'setup', 'restore-util.cjs'), packageFolder(choice)];
  const output = await run('loading TensorFlow', [process.execPath, '-e', LOAD, ...files], { env });
  return JSON.parse(
    output
      .trimEnd()
      .split('\n')
      .findLast((line) => line.startsWith('{')),
  );
}

/** TensorFlow's libraries, as `compileAddon` takes them. */
function tensorflowLibrariesOf(choice, wanted) {
  const folder = join(ROOT, tensorflowFolder(choice));
  const names = wanted.map((name) =>
    process.platform === 'darwin' ? `lib${name}.2.dylib` : `lib${name}.so.2`,
  );
  return { folder, names };
}

async function buildAddon(choice) {
  if (tensorflowFolder(choice) === null) {
    throw new SetupError('TensorFlow is missing from .venv; delete .venv and run the same command again.');
  }
  const sources = join(packageFolder(choice), 'binding');
  const flags = ['-isystem', join(ROOT, tensorflowFolder(choice), 'include'), `-I${packageFolder(choice)}`];
  const parts = ['tfjs_backend.cc', 'tfjs_binding.cc'].map((name) => ({
    source: join(sources, name),
    flags,
  }));
  const libraries = tensorflowLibrariesOf(choice, ['tensorflow_cc', 'tensorflow_framework']);
  await compileAddon(`building the addon of ${choice.package}`, addonPath(choice), parts, libraries);
}

/** Builds what keeps TensorFlow's libraries quiet while they load: its file, relative to the project. */
async function buildQuiet() {
  const addon = join(MODULES, '.zarts', 'quiet.node');
  const source = join(ROOT, 'bin', 'setup', 'quiet.cc');
  await compileAddon('building the helper that loads TensorFlow quietly', addon, [{ source }]);
  return relative(ROOT, addon);
}

/**
 * Runs the package's own install script, which fetches libtensorflow and an addon. Only ZARTS_ENGINE=stock (or a machine
 * without a TensorFlow wheel) asks for it: for npm the script stays switched off, in package.json and .npmrc.
 */
async function runOwnScript(choice, folder) {
  const { scripts } = readJson(join(folder, 'package.json'));
  const [program, ...args] = scripts.install.split(' ');
  if (program !== 'node')
    throw new SetupError(
      `The install script of ${choice.package} is not what was expected: ${scripts.install}`,
    );
  await run(`running the install script of ${choice.package}`, [process.execPath, ...args], {
    cwd: folder,
    env: { ...process.env, PATH: [join(MODULES, '.bin'), process.env.PATH].join(delimiter) },
  });
}

/** danfojs asks for the CPU package by name; with the GPU one in use, that name must mean it, or two TensorFlows load. */
function shareWithDanfo(choice) {
  const danfo = join(MODULES, 'danfojs-node');
  if (!existsSync(danfo)) return;
  const name = join(danfo, 'node_modules', '@tensorflow', 'tfjs-node');
  rmSync(name, { recursive: true, force: true });
  if (choice.package === '@tensorflow/tfjs-node') return;
  mkdirSync(dirname(name), { recursive: true });
  symlinkSync(relative(dirname(name), packageFolder(choice)), name);
}

const ADDON_STAMP = join(MODULES, '.zarts', 'addon.json');

const addon = (choice) => {
  const wanted = () =>
    // The addon names the way to this folder.
    digest(
      'addon 3',
      choice.engine,
      choice.package,
      wheelVersion(choice),
      tensorflowFolder(choice),
      process.arch,
    );
  return {
    id: 'addon',
    title: `the TensorFlow addon (${choice.package})`,
    needs: { compiler: choice.engine !== 'stock', npm: true },
    why() {
      if (!isStamped(ADDON_STAMP, wanted())) return 'it was not built for this engine and TensorFlow';
      if (readJson(ENGINE_FILE)?.engine !== choice.engine)
        return '.zarts/engine.json is missing or names another engine';
      if (choice.engine !== 'stock' && tensorflowFolder(choice) === null) return 'its TensorFlow is gone';
      // Asking the package for the place takes a tenth of a second, at every command.
      const { file } = readJson(ADDON_STAMP);
      return existsSync(file ? join(ROOT, file) : addonPath(choice)) ? null : 'its file is gone';
    },
    async run(say) {
      const folder = packageFolder(choice);
      for (const said of [ADDON_STAMP, ENGINE_FILE]) rmSync(said, { force: true });
      for (const left of ['deps', 'build', 'lib'])
        rmSync(join(folder, left), { recursive: true, force: true });
      if (choice.engine === 'stock') await runOwnScript(choice, folder);
      else await buildAddon(choice);
      // The stock engine must do without a compiler, and its TensorFlow obeys TF_CPP_MIN_LOG_LEVEL.
      const quiet = choice.engine === 'stock' ? null : await buildQuiet();
      shareWithDanfo(choice);
      const loaded = await tryAddon(choice);
      if (choice.engine === 'gpu' && !loaded.gpu) {
        say('TensorFlow found no GPU that it can use and will run on the CPU; `npx zarts doctor` says more.');
      }
      const { engine, package: name, override, reason } = choice;
      const record = { engine, package: name, ...loaded, quiet, override, reason };
      writeWhole(ENGINE_FILE, `${JSON.stringify(record, null, 2)}\n`);
      const built = { digest: wanted(), file: relative(ROOT, addonPath(choice)) };
      writeWhole(ADDON_STAMP, `${JSON.stringify(built)}\n`);
    },
  };
};

// ---- the fused kernels ----

const NATIVE_SOURCES = join(ROOT, 'lib', 'engine', 'native');
const NATIVE = join(MODULES, '.zarts', 'native');
/** The digest of what was built; with the compiler's `error` where it could not be (lib/engine/native.ts reads it). */
const NATIVE_STAMP = join(NATIVE, 'built.json');

/** The vector instructions that level.cc is compiled for, by how many float32 a vector of them holds. */
const LEVELS =
  process.arch === 'x64'
    ? {
        4: ['-msse4.2'],
        8: ['-mavx2', '-mfma'],
        16: [
          ...['-mavx2', '-mfma', '-mavx512f', '-mavx512dq', '-mavx512vl', '-mavx512bw'],
          '-mprefer-vector-width=512',
        ],
      }
    : { 4: [] };

const WARNINGS = ['-Wall', '-Wextra', '-Wno-unused-parameter'];

/** Kernels of our own for the CPU, on top of the addon. The project works without them, only slower. */
const nativeKernels = (choice) => {
  const source = (name) => join(NATIVE_SOURCES, name);
  const parts = () => {
    const headers = ['-isystem', join(ROOT, tensorflowFolder(choice), 'include')];
    const defined = ['-D_GLIBCXX_USE_CXX11_ABI=1', '-DEIGEN_MAX_ALIGN_BYTES=64'];
    const operations = [...WARNINGS, '-ffp-contract=fast', ...defined, ...headers];
    const levels = Object.entries(LEVELS).map(([width, flags]) => ({
      source: source('level.cc'),
      flags: [...WARNINGS, '-fno-rtti', '-ffp-contract=fast', `-DWIDTH=${width}`, ...flags],
    }));
    return [{ source: source('operations.cc'), flags: operations }, ...levels];
  };
  const wanted = () => {
    const sources = existsSync(NATIVE_SOURCES) ? readdirSync(NATIVE_SOURCES).sort() : [];
    return digest(
      'native 2',
      sources.map((name) => [name, text('lib', 'engine', 'native', name)]),
      tensorflowFolder(choice),
      wheelVersion(choice),
      process.arch,
    );
  };
  return {
    id: 'native',
    title: 'the fused kernels (lib/engine/native)',
    needs: {},
    why() {
      if (choice.engine !== 'cpu' || isStamped(NATIVE_STAMP, wanted())) return null;
      return 'they were not built from these sources for this TensorFlow';
    },
    async run(say) {
      rmSync(NATIVE, { recursive: true, force: true });
      const libraries = tensorflowLibrariesOf(choice, ['tensorflow_framework']);
      const built = { digest: wanted() };
      try {
        await compileAddon('building the fused kernels', join(NATIVE, 'kernels.node'), parts(), libraries);
      } catch (error) {
        if (!(error instanceof SetupError) || error.exitCode === 130) throw error;
        built.error = error.message.split('\n')[0];
        say(`They do not compile here; steps take longer without them. ${built.error}`);
      }
      writeWhole(NATIVE_STAMP, `${JSON.stringify(built)}\n`);
    },
  };
};

// ---- the TypeScript kernel ----

const KERNEL_STAMP = join(VENV, '.zarts', 'kernel.json');

/** The kernel's description: absolute paths are right here, .venv belongs to this machine and folder. */
const kernelSpec = () => ({
  argv: [
    process.execPath,
    '--enable-source-maps',
    // A cell that is stopped inside a timer's function leaves Node's own bookkeeping one short, for which it would abort.
    '--no-force-async-hooks-checks',
    join(ROOT, 'bin', 'kernel.mjs'),
    '{connection_file}',
  ],
  display_name: 'TypeScript',
  language: 'typescript',
  // A signal would end a kernel that has only just begun.
  interrupt_mode: 'message',
});

/** Settings of the environment's Jupyter: TypeScript is the only kernel, and nothing is asked of the network. */
const JUPYTER_SETTINGS = {
  'etc/jupyter/jupyter_server_config.json': {
    KernelSpecManager: { allowed_kernelspecs: ['tslab'], ensure_native_kernel: false },
    MultiKernelManager: { default_kernel_name: 'tslab' },
    // It would look for language servers with the user's npm, and list the thirty that it does not find.
    LanguageServerManager: { autodetect: false },
  },
  'share/jupyter/lab/settings/overrides.json': {
    '@jupyterlab/apputils-extension:notification': { checkForUpdates: false, fetchNews: 'false' },
    // After a second, its default, it would show the words of the cell alone: the first names and types of a library take longer.
    '@jupyterlab/completer-extension:manager': { providerTimeout: 15_000 },
    // A browser that comes back to a cell that still runs shows what of it was saved.
    '@jupyterlab/docmanager-extension:plugin': { autosaveInterval: 15 },
  },
};

/** What teaches papermill to write parameters in TypeScript, as a package of the environment. */
const PAPERMILL = {
  'papermill_typescript.py': text('bin', 'papermill_typescript.py'),
  'papermill_typescript-1.0.dist-info/METADATA':
    'Metadata-Version: 2.1\nName: papermill-typescript\nVersion: 1.0\n',
  'papermill_typescript-1.0.dist-info/entry_points.txt':
    '[papermill.engine]\ntypescript = papermill_typescript:Engine\n',
};

const kernel = () => {
  const wanted = () => digest('kernel 2', kernelSpec(), JUPYTER_SETTINGS, PAPERMILL);
  return {
    id: 'kernel',
    title: 'the TypeScript kernel for Jupyter',
    needs: {},
    why: () => (isStamped(KERNEL_STAMP, wanted()) ? null : 'it is not registered in .venv for this Node'),
    async run() {
      const write = (path, value) => writeWhole(join(VENV, path), `${JSON.stringify(value, null, 2)}\n`);
      write('share/jupyter/kernels/tslab/kernel.json', kernelSpec());
      for (const [path, value] of Object.entries(JUPYTER_SETTINGS)) write(path, value);
      for (const [path, content] of Object.entries(PAPERMILL))
        writeWhole(join(sitePackages(), path), content);
      stamp(KERNEL_STAMP, wanted());
    },
  };
};

// ---- node_modules/zarts: what a notebook imports ----

const SELF = join(MODULES, 'zarts');

const selfLink = () => ({
  id: 'link',
  title: 'node_modules/zarts, which notebooks import',
  needs: {},
  why: () =>
    lstatSync(SELF, { throwIfNoEntry: false })?.isSymbolicLink() && readlinkSync(SELF) === '../dist'
      ? null
      : 'the link is missing',
  async run() {
    rmSync(SELF, { recursive: true, force: true });
    symlinkSync('../dist', SELF);
  },
});

// ---- TypeScript ----

const DIST = join(ROOT, 'dist');
const BUILD_STAMP = join(DIST, '.zarts-build.json');
const SOURCE_FOLDERS = ['lib', 'reproductions', 'bin/cli', 'test'];

const filesUnder = (folder, wanted) =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && wanted(entry.name))
        .map((entry) => join(entry.parentPath, entry.name))
    : [];

const sources = () =>
  SOURCE_FOLDERS.flatMap((folder) =>
    filesUnder(join(ROOT, folder), (name) => name.endsWith('.ts') || name.endsWith('.json')),
  )
    .concat(['tsconfig.json', 'package-lock.json'].map((name) => join(ROOT, name)))
    .sort();

const sourceDigest = () =>
  digest(
    'build 1',
    sources().map((path) => {
      const { mtimeMs, size } = statSync(path);
      return [relative(ROOT, path), mtimeMs, size];
    }),
  );

/** Removes compiled files whose source is gone, so that a renamed test does not go on passing. */
function prune() {
  const compiled = /(?:\.d\.ts|\.js)(?:\.map)?$/;
  for (const folder of SOURCE_FOLDERS) {
    for (const path of filesUnder(join(DIST, folder), (name) => compiled.test(name))) {
      const source = join(ROOT, relative(DIST, path).replace(compiled, '.ts'));
      if (!existsSync(source)) rmSync(path);
    }
  }
}

/** The step that compiles the TypeScript sources; `npx zarts` and the tests run it as well. */
export const build = () => ({
  id: 'build',
  title: 'the TypeScript sources',
  needs: {},
  why: () => (isStamped(BUILD_STAMP, sourceDigest()) ? null : 'a source is newer than dist/'),
  async run() {
    const before = sourceDigest();
    const tsc = join(MODULES, 'typescript', 'bin', 'tsc');
    const explain = (output) => `The TypeScript sources do not compile:\n${output.trimEnd()}`;
    await run('compiling the TypeScript sources', [process.execPath, tsc, '--build', '--pretty', 'false'], {
      explain,
    });
    prune();
    stamp(BUILD_STAMP, before);
  },
});

/** Every step for an engine, in order. `why()` is null when the step is done. */
export function stepsFor(choice) {
  return [
    npmPackages(),
    pythonPackages(choice),
    tensorflowLibraries(choice),
    addon(choice),
    nativeKernels(choice),
    kernel(),
    selfLink(),
    build(),
  ];
}

/** What of the prerequisites the machine has, as `missingPrerequisites` wants it; looks only for what is needed. */
export function findPrerequisites(needs, minors) {
  return {
    npm: needs.npm ? npm() !== null : true,
    pythons: needs.python ? pythons(minors) : [],
    compiler: needs.compiler ? compiler() !== null : true,
  };
}
