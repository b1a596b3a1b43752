// Where things are inside the project. The only paths that set-up writes to.

import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project folder. */
export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** The Python environment, with JupyterLab and the TypeScript kernel's description; with CUDA, TensorFlow as well. */
export const VENV = join(ROOT, '.venv');

/** Python of that environment. */
export const PYTHON = join(VENV, 'bin', 'python');

/** What set-up and runs keep: logs, the engine's description, Jupyter's own files. */
export const STATE = join(ROOT, '.zarts');

/** TensorFlow's libraries and headers, out of its wheel, for the engine "cpu". */
export const LIBRARIES = join(STATE, 'tensorflow');

/**
 * What set-up built, for lib/engine: `engine`, `package` (the one to require), `tensorflow` (version), `gpu` (whether it
 * computed on one when it was built), `quiet` (the addon that silences stderr while loading, relative to the project, or
 * null), `override` (what ZARTS_ENGINE was, or null), `reason`.
 */
export const ENGINE_FILE = join(STATE, 'engine.json');

/** The site-packages folder of the environment, or null before it exists. */
export function sitePackages() {
  const lib = join(VENV, 'lib');
  if (!existsSync(lib)) return null;
  const python = readdirSync(lib).find((name) => /^python3\.\d+$/.test(name));
  return python === undefined ? null : join(lib, python, 'site-packages');
}

const PYTHON_SETTINGS = ['PYTHONPATH', 'PYTHONHOME', 'PIP_USER', 'PIP_TARGET', 'PIP_PREFIX'];

/** The process's environment without the settings that would send packages elsewhere or bring in others. */
export function pythonEnvironment() {
  const kept = Object.entries(process.env).filter(([name]) => !PYTHON_SETTINGS.includes(name));
  return { ...Object.fromEntries(kept), PYTHONNOUSERSITE: '1' };
}
