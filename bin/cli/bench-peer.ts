import { createHash } from 'node:crypto';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { peerPython } from '../../test/bench/processes.js';
import { ZartsError } from '../../lib/errors.js';
import type { Progress } from '../../lib/progress.js';
import { projectRoot } from '../../lib/runs/home.js';
import type * as machine from '../setup/machine.mjs' with { 'resolution-mode': 'import' };

/** The environment that PyTorch lives in: apart from the project's own, and made only when it is asked for. */

/** Python's minor versions that the locked PyTorch has wheels for and set-up knows, [first, last]. */
const PYTHON_MINORS = [11, 13] as const;

/** What the locked packages come to on Linux on x86-64: CUDA's libraries are dependencies of its only wheel there. */
const LINUX_MEGABYTES = { download: 3000, disk: 5300 } as const;

const environment = (): string => join(projectRoot(), '.venv-bench');
const lock = (): string => join(projectRoot(), 'test', 'bench', 'requirements.txt');
const stamp = (): string => join(environment(), 'zarts.json');

/** What an environment that is whole was made of. The folder counts: an environment does not survive being moved. */
function wanted(): string {
  return createHash('sha256')
    .update(`${environment()}\n${readFileSync(lock(), 'utf8')}`)
    .digest('hex');
}

/** Whether the environment is there and holds exactly what is locked. */
export function peerInstalled(): boolean {
  try {
    const { digest } = JSON.parse(readFileSync(stamp(), 'utf8')) as { digest?: string };
    return digest === wanted() && existsSync(peerPython());
  } catch {
    return false;
  }
}

/**
 * Python of an environment with PyTorch, which is made if it is not there. What was downloaded before an interruption stays
 * in pip's cache, package by package, so that the same command goes on from there.
 *
 * @param say  Told, once, what is about to be downloaded.
 * @throws {ZartsError} when there is no fitting Python, no room, or pip fails.
 */
export async function preparePeer(progress: Progress, say: (line: string) => void): Promise<string> {
  if (peerInstalled()) return peerPython();
  const python = await basePython();
  const onLinux = process.platform === 'linux' && process.arch === 'x64';
  const { download, disk } = onLinux ? LINUX_MEGABYTES : { download: 0, disk: 1000 };
  const free = statfsSync(projectRoot());
  const freeMegabytes = (free.bavail * free.bsize) / 1e6;
  if (freeMegabytes < disk) {
    throw new ZartsError(
      `PyTorch takes ${(disk / 1000).toFixed(1)} GB in .venv-bench and ${(freeMegabytes / 1000).toFixed(1)} GB are free; make room and run the same command again.`,
    );
  }
  say(
    onLinux
      ? `Installing PyTorch into .venv-bench, once: ${(download / 1000).toFixed(1)} GB to download from PyPI (its Linux wheel brings CUDA's libraries), ${(disk / 1000).toFixed(1)} GB on disk. If interrupted, the same command goes on.`
      : 'Installing PyTorch into .venv-bench, once: some 100 MB to download from PyPI. If interrupted, the same command goes on.',
  );
  const phase = progress.start('installing PyTorch (MB)', download);
  try {
    // From scratch each time: pip trusts what an interrupted pip left behind. Its cache makes this quick.
    rmSync(environment(), { recursive: true, force: true });
    await run([python, '-m', 'venv', environment()]);
    // Not all Pythons write this themselves.
    writeFileSync(join(environment(), '.gitignore'), '*\n');
    const flags = [
      '--require-hashes',
      '--no-deps',
      '--no-compile',
      '--no-input',
      '--disable-pip-version-check',
    ];
    let megabytes = 0;
    await run(
      [peerPython(), '-m', 'pip', 'install', ...flags, '--progress-bar=off', '-r', lock()],
      (line) => {
        const size = sizeOf(line);
        if (size === undefined) return;
        // pip names a file when it begins with it.
        phase.update(Math.round(megabytes), line.trim().split(' ')[1]);
        megabytes += size;
      },
    );
  } finally {
    phase.end();
  }
  const temporary = `${stamp()}.${process.pid}.tmp`;
  writeFileSync(temporary, `${JSON.stringify({ digest: wanted() })}\n`);
  renameSync(temporary, stamp());
  return peerPython();
}

const UNITS: Readonly<Record<string, number>> = { kB: 1e-3, MB: 1, GB: 1e3 };

/** The megabytes of a line in which pip begins with a file ("  Downloading torch-….whl (539.1 MB)", or cached). */
export function sizeOf(line: string): number | undefined {
  const [, size, unit] = /^\s*(?:Downloading|Using cached) \S+ \(([\d.]+) (kB|MB|GB)\)$/.exec(line) ?? [];
  return size === undefined ? undefined : Number(size) * UNITS[unit];
}

async function basePython(): Promise<string> {
  const url = pathToFileURL(join(projectRoot(), 'bin', 'setup', 'machine.mjs')).href;
  const { pythons } = (await import(url)) as Pick<typeof machine, 'pythons'>;
  const found = pythons(PYTHON_MINORS);
  const [first, last] = PYTHON_MINORS;
  const fits = found.find((python) => python.fits && python.venv);
  if (fits) return fits.command;
  const seen = found.map(({ command, version }) => `${command} is ${version}`).join(', ');
  throw new ZartsError(
    `The PyTorch to compare with needs Python 3.${first} to 3.${last} with its venv module${seen ? ` (${seen})` : ''}; name one with ZARTS_PYTHON=python3.12.`,
  );
}

/** Settings that would send packages elsewhere or bring in others. */
const FOREIGN = ['PYTHONPATH', 'PYTHONHOME', 'PIP_USER', 'PIP_TARGET', 'PIP_PREFIX'];

/** Runs a command to its end. @throws {ZartsError} with the last line that it printed. */
async function run([command, ...args]: readonly string[], onLine: (line: string) => void = () => undefined) {
  mkdirSync(environment(), { recursive: true });
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !FOREIGN.includes(name)));
  const child = spawn(command, args, {
    env: { ...env, PYTHONNOUSERSITE: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let last = '';
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      if (line.trim() !== '') last = line.trim();
      onLine(line);
    });
  }
  const failure = await new Promise<string | undefined>((resolve) => {
    child.on('error', (error) => {
      resolve(error.message);
    });
    child.on('close', (code, signal) => {
      resolve(code === 0 ? undefined : `${last} (${signal ?? `exit code ${code}`})`);
    });
  });
  if (failure === undefined) return;
  throw new ZartsError(
    `Installing PyTorch into .venv-bench failed: ${failure}; run the same command again, what was downloaded is kept.`,
  );
}
