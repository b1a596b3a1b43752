// What this machine has: the facts that plan.mjs decides on. Nothing here changes anything.

import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

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

/** The newest Python that is asked for by its number where `python3` is none that will do. */
const NEWEST_NAMED = 15;

/**
 * Every Python on this machine that answers, best first: ZARTS_PYTHON, python3, then by number from the newest down.
 *
 * @param {readonly [number, number]} minors  The first and the last minor version of Python 3 that will do.
 * @returns {{command: string, version: string, venv: boolean, fits: boolean}[]} `fits`: it is one of those.
 */
export function pythons([first, last]) {
  const newest = Math.min(last, NEWEST_NAMED);
  const numbered = Array.from({ length: newest - first + 1 }, (_, i) => `python3.${newest - i}`);
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

/** The C++ compiler with its first arguments, or null: CXX where it is set, as make reads it, else what is on PATH. */
export function compiler() {
  const named = process.env.CXX?.split(' ').filter(Boolean) ?? [];
  const candidates = [named, ['g++'], ['c++'], ['clang++']].filter(([program]) => program !== undefined);
  return candidates.find(([program]) => existsSync(program) || onPath(program) !== null) ?? null;
}
