// What this machine has: the facts that plan.mjs decides on. Nothing here changes anything.

import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { PYTHON_MINORS } from './plan.mjs';

/** The full path of a command on PATH, or null. */
export function onPath(command, path = process.env.PATH ?? '') {
  for (const folder of path.split(delimiter)) {
    const candidate = join(folder, command);
    try {
      accessSync(candidate, constants.X_OK);
      return candidate;
    } catch {
      // not in this folder
    }
  }
  return null;
}

/** The NVIDIA driver's version (null without one) and whether a device of it is visible. Under WSL 2 only nvidia-smi knows. */
export function nvidia() {
  try {
    const text = readFileSync('/proc/driver/nvidia/version', 'utf8');
    const device = ['/dev/nvidiactl', '/dev/nvidia0', '/dev/dxg'].some((node) => existsSync(node));
    return { driver: /Module\s+(?:for \S+\s+)?(\d+[.\d]*)/.exec(text)?.[1] ?? 'of unknown version', device };
  } catch {
    const smi = onPath('nvidia-smi');
    if (smi === null) return { driver: null, device: false };
    const query = spawnSync(smi, ['--query-gpu=driver_version', '--format=csv,noheader'], {
      encoding: 'utf8',
      timeout: 20_000,
    });
    const driver = query.status === 0 ? query.stdout.trim().split('\n')[0] : '';
    return driver ? { driver, device: true } : { driver: null, device: false };
  }
}

const PYTHON_PROBE = `
import sys, json
try:
    import venv, ensurepip
    has_venv = True
except ImportError:
    has_venv = False
print(json.dumps([list(sys.version_info[:3]), has_venv]))
`;

/**
 * Every Python on this machine that answers, best first: ZARTS_PYTHON, python3, then python3.13 down to python3.10.
 *
 * @returns {{command: string, version: string, venv: boolean, fits: boolean}[]} `fits`: TensorFlow has a wheel for it.
 */
export function pythons() {
  const [first, last] = PYTHON_MINORS;
  const numbered = Array.from({ length: last - first + 1 }, (_, i) => `python3.${last - i}`);
  const chosen = process.env.ZARTS_PYTHON;
  const commands = chosen ? [chosen] : ['python3', ...numbered];
  const found = [];
  for (const command of commands) {
    const probe = spawnSync(command, ['-c', PYTHON_PROBE], { encoding: 'utf8' });
    if (probe.status !== 0) continue;
    const [version, venv] = JSON.parse(probe.stdout);
    const fits = version[0] === 3 && version[1] >= first && version[1] <= last;
    found.push({ command, version: version.join('.'), venv, fits });
    if (fits && venv) break;
  }
  return found;
}

/** npm as [program, first arguments], or null. `npm start` says where its npm is; otherwise the one on PATH. */
export function npm() {
  const running = process.env.npm_execpath;
  if (running?.endsWith('npm-cli.js') && existsSync(running)) return [process.execPath, running];
  const command = onPath('npm');
  return command === null ? null : [command];
}

/** The path of the node-gyp that comes with npm, or null. */
export function nodeGyp() {
  const given = process.env.npm_config_node_gyp;
  if (given && existsSync(given)) return given;
  const beside = dirname(process.execPath);
  const places = [
    process.env.npm_execpath,
    onPath('npm'),
    join(beside, '..', 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js'),
  ];
  for (const place of places) {
    if (!place || !existsSync(place)) continue;
    try {
      return createRequire(realpathSync(place)).resolve('node-gyp/bin/node-gyp.js');
    } catch {
      // this npm does not bring it
    }
  }
  return null;
}

/** The folder whose include/node holds this Node's headers, or null (node-gyp then fetches them). */
export function nodeHeaders() {
  const prefix = dirname(dirname(realpathSync(process.execPath)));
  return (
    [process.env.npm_config_nodedir, prefix].find(
      (folder) => folder && existsSync(join(folder, 'include', 'node', 'node_api.h')),
    ) ?? null
  );
}

/** Whether a C++ compiler and make are there. CXX names another compiler, as make itself reads it. */
export function buildTools() {
  const compilers = [process.env.CXX?.split(' ')[0], 'g++', 'c++', 'clang++'].filter(Boolean);
  const compiler = compilers.find((name) => existsSync(name) || onPath(name) !== null) ?? null;
  return { compiler, make: onPath('make') ?? onPath('gmake') };
}
