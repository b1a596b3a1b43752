// What set-up decides, as pure functions of facts about the machine: which engine, which steps, what is missing.

/** A failure that its message explains whole: what is wrong and what to do. Printed without a stack trace. */
export class SetupError extends Error {
  name = 'SetupError';

  /** @param {string} message @param {number} exitCode 1 for a failure, 2 for a wrong setting. */
  constructor(message, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** The engines that ZARTS_ENGINE may name. */
export const ENGINES = ['cpu', 'gpu', 'stock'];

/** The oldest NVIDIA driver that runs CUDA 12 programs (CUDA's table of minor-version compatibility). */
export const OLDEST_CUDA_12_DRIVER = 525;

/** The Python versions that JupyterLab runs on, [first, last] as minor versions of Python 3. */
const ANY_PYTHON = [10, Infinity];

/** Those that TensorFlow 2.21 has wheels for: with CUDA, which stands in wheels of its own, all is left to pip. */
const TENSORFLOW_PYTHON = [10, 13];

/** The Python whose wheel of TensorFlow is taken apart for its libraries and headers, which are the same in each. */
export const WHEEL_PYTHON = `3.${TENSORFLOW_PYTHON[1]}`;

const LAB = { lock: 'bin/requirements-lab.txt', libraries: null, python: ANY_PYTHON };
const CPU = { package: '@tensorflow/tfjs-node', ...LAB, libraries: 'bin/requirements-tensorflow.txt' };
const GPU = {
  package: '@tensorflow/tfjs-node-gpu',
  lock: 'bin/requirements-cuda.txt',
  libraries: null,
  python: TENSORFLOW_PYTHON,
};

const CPU_WHEELS = {
  'linux x64': 'tensorflow-cpu',
  'linux arm64': 'tensorflow',
  'darwin arm64': 'tensorflow',
};

/**
 * Why the GPU of this machine can be used, or why not.
 *
 * @param {{driver: string | null, device: boolean}} gpu  Version of the loaded NVIDIA driver, or null; whether a device
 *   of it is visible (a container on a GPU machine sees the driver but not always the device).
 * @returns {{usable: boolean, reason: string}}
 */
export function judgeGpu({ driver, device }) {
  if (driver === null) return { usable: false, reason: 'no NVIDIA driver was found' };
  if (!device) {
    return {
      usable: false,
      reason: `NVIDIA driver ${driver} is loaded, but no NVIDIA device is visible here (a container needs --gpus all)`,
    };
  }
  const major = Number.parseInt(driver, 10);
  if (major < OLDEST_CUDA_12_DRIVER) {
    return {
      usable: false,
      reason: `NVIDIA driver ${driver} is older than CUDA 12 needs (${OLDEST_CUDA_12_DRIVER}); update it to use the GPU`,
    };
  }
  return { usable: true, reason: `NVIDIA driver ${driver} was found` };
}

/**
 * The engine for a machine: which TensorFlow.js package, on which TensorFlow, and the reason in words.
 *
 * @param {{platform: string, arch: string, override?: string, remembered?: string,
 *          gpu: {driver: string | null, device: boolean}}} facts
 *   `platform` and `arch` as Node names them; `override` the value of ZARTS_ENGINE; `remembered` what that was when the
 *   project was set up: `ZARTS_ENGINE=cpu npm start` on a GPU machine must not make the next `npm test` fetch CUDA.
 * @returns {{engine: 'cpu'|'gpu'|'stock', package: string, tensorflow: string, lock: string, override: string | null,
 *            libraries: string | null, python: [number, number], reason: string}} `lock` is the pip lock file of .venv,
 *   `libraries` that of the wheel that is taken apart (null where .venv holds TensorFlow, or none does), both relative to
 *   the project; `python` the first and the last minor version of Python 3 that will do.
 * @throws {SetupError} if ZARTS_ENGINE names no engine (exit code 2), or one that this machine cannot have (1).
 */
export function chooseEngine({ platform, arch, override: given, remembered, gpu }) {
  if (given && !ENGINES.includes(given)) {
    throw new SetupError(`ZARTS_ENGINE is "${given}"; allowed: ${ENGINES.join(', ')}.`, 2);
  }
  const override = given ? given : ENGINES.includes(remembered) ? remembered : null;
  const asked = given
    ? `ZARTS_ENGINE=${given}`
    : `ZARTS_ENGINE was ${override} at set-up (delete .zarts/engine.json to choose anew)`;
  if (platform === 'win32') {
    throw new SetupError('Windows is not supported directly; run the project inside WSL 2 (wsl --install).');
  }
  const machine = `${platform} ${arch}`;
  const wheel = CPU_WHEELS[machine];
  const judged = judgeGpu(gpu);

  const cpu = (reason) => ({ engine: 'cpu', ...CPU, tensorflow: wheel, override, reason });
  const stock = (reason) => {
    const variant = judged.usable && platform === 'linux' ? GPU : CPU;
    return {
      engine: 'stock',
      ...LAB,
      package: variant.package,
      tensorflow: 'libtensorflow 2.9',
      override,
      reason,
    };
  };

  const onGpu = (reason) => ({ engine: 'gpu', ...GPU, tensorflow: 'tensorflow[and-cuda]', override, reason });

  if (override === 'stock') return stock(asked);
  if (override === 'gpu') {
    if (machine !== 'linux x64') {
      throw new SetupError(
        `ZARTS_ENGINE=gpu needs Linux on x86-64 (this is ${machine}); use ZARTS_ENGINE=cpu or unset it.`,
      );
    }
    return onGpu(asked);
  }
  if (wheel === undefined) {
    if (override === 'cpu') {
      throw new SetupError(
        `ZARTS_ENGINE=cpu needs a TensorFlow wheel, and there is none for ${machine}; use ZARTS_ENGINE=stock.`,
      );
    }
    return stock(`there is no TensorFlow wheel for ${machine}`);
  }
  if (override === 'cpu') return cpu(asked);
  if (judged.usable && machine === 'linux x64') return onGpu(judged.reason);
  return cpu(judged.usable ? `there is no GPU build for ${machine}` : judged.reason);
}

/** What a path may not hold: Python makes no environment below a colon, and Node finds no packages below a star. */
const UNFIT = { ':': 'a colon', '*': 'a star', '\n': 'a line break' };

/**
 * Why set-up cannot work in a folder, or null where it can.
 *
 * @param {string} root  The project folder.
 */
export function unfitPath(root) {
  const named = UNFIT[/[:*\n]/.exec(root)?.[0]];
  return named
    ? `The path of this folder has ${named} in it (${root}), which Python or Node cannot take: move the folder to a path without, and run the same command there.`
    : null;
}

/** The version that a pip lock file pins a package to, or null where it does not name it. */
export function lockedVersion(lockText, name) {
  for (const line of lockText.split('\n')) {
    const pin = /^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)/.exec(line);
    if (pin?.[1] === name) return pin[2];
  }
  return null;
}

/**
 * The package that does not match the npm lock file, or null when node_modules holds exactly what it asks for.
 *
 * @param {object} lock       package-lock.json, parsed.
 * @param {object | null} installed  node_modules/.package-lock.json, parsed: npm writes it when an install has finished.
 */
export function npmMismatch(lock, installed) {
  if (installed === null) return 'node_modules';
  for (const [path, wanted] of Object.entries(lock.packages)) {
    if (path === '' || wanted.link) continue;
    const there = installed.packages[path];
    if (there === undefined ? !wanted.optional : there.version !== wanted.version) return path;
  }
  return null;
}

const SYSTEMS = { debian: 'Debian/Ubuntu', fedora: 'Fedora', macos: 'macOS' };

/** How to install each thing that set-up cannot install itself, one command a system. */
export const INSTALL = {
  npm: {
    debian: 'sudo apt-get install -y npm',
    fedora: 'sudo dnf install -y nodejs-npm',
    macos: 'brew install node@24 && brew link --force --overwrite node@24',
  },
  python: {
    debian: 'sudo apt-get install -y python3 python3-venv',
    fedora: 'sudo dnf install -y python3.13',
    macos: 'brew install python@3.13',
  },
  compiler: {
    debian: 'sudo apt-get install -y g++',
    fedora: 'sudo dnf install -y gcc-c++',
    macos: 'xcode-select --install',
  },
};

/**
 * The sentence and commands for each prerequisite that the steps ahead need and the machine lacks.
 *
 * @param {{npm: boolean, python: boolean, compiler: boolean}} needs  What the steps still to do will use.
 * @param {{npm: boolean, pythons: {command: string, version: string, venv: boolean, fits: boolean}[],
 *          compiler: boolean}} found  What the machine has.
 * @param {[number, number]} minors  The Python that will do, as `chooseEngine` says.
 * @returns {string[]} one paragraph a missing thing; empty when nothing is missing.
 */
export function missingPrerequisites(needs, found, [first, last]) {
  const missing = [];
  const say = (sentence, thing) => {
    const commands = Object.entries(INSTALL[thing]).map(
      ([system, command]) => `  ${`${SYSTEMS[system]}:`.padEnd(15)} ${command}`,
    );
    missing.push([sentence, ...commands].join('\n'));
  };
  if (needs.npm && !found.npm) say('npm was not found; it installs the packages.', 'npm');
  if (needs.python && !found.pythons.some((python) => python.fits && python.venv)) {
    const fitting = found.pythons.find((python) => python.fits);
    const seen = found.pythons.map((python) => `${python.command} is ${python.version}`).join(', ');
    const cuda = Number.isFinite(last);
    const range = `Python 3.${first} ${cuda ? `to 3.${last}` : 'or newer'}`;
    say(
      fitting
        ? `${fitting.command} (${fitting.version}) lacks the venv module, which keeps the Python packages inside the project.`
        : `${range} was not found${seen ? ` (${seen})` : ''}; it carries ${cuda ? 'TensorFlow and ' : ''}JupyterLab.`,
      'python',
    );
  }
  if (needs.compiler && !found.compiler)
    say('A C++ compiler was not found; it builds the TensorFlow addon.', 'compiler');
  return missing;
}

const NETWORK = new RegExp(
  [
    'EAI_AGAIN|ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ERR_SOCKET_TIMEOUT|socket hang up',
    'NewConnectionError|NameResolutionError|ConnectTimeoutError|ReadTimeoutError|ProxyError|IncompleteRead',
    'Failed to establish a new connection|Temporary failure in name resolution|Name or service not known',
    'Network is unreachable|Connection broken|Max retries exceeded',
  ].join('|'),
);

/** Whether the output of npm, pip or an install script says that the network failed it. */
export function isNetworkFailure(output) {
  return NETWORK.test(output);
}

/**
 * The plan as text: the engine, why it was chosen, and each step with its state.
 *
 * @param {{engine: string, package: string, tensorflow: string, reason: string}} choice
 * @param {{title: string, done: boolean, why: string}[]} steps  `why` says what makes a step necessary.
 */
export function describePlan(choice, steps) {
  const lines = steps.map(
    ({ title, done, why }, i) =>
      `  ${i + 1}. ${done ? 'done ' : 'to do'}  ${title}${done ? '' : ` (${why})`}`,
  );
  return [
    `Engine: ${choice.engine} (${choice.package} on ${choice.tensorflow}), because ${choice.reason}.`,
    `ZARTS_ENGINE=${ENGINES.join('|')} chooses another.`,
    'Steps:',
    ...lines,
  ].join('\n');
}
