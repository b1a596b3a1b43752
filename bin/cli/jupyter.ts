import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../../lib/runs/home.js';

/** Python of the project's own environment, which carries JupyterLab, nbclient and nbconvert. */
export function venvPython(): string {
  return join(projectRoot(), '.venv', 'bin', 'python');
}

/** Variables by which other Python packages, kernels or settings than the project's would come in. */
const FOREIGN = ['PYTHONPATH', 'PYTHONHOME', 'JUPYTER_PATH', 'JUPYTER_CONFIG_PATH'];

/**
 * The environment for Jupyter's programs: everything they keep goes to .zarts/jupyter (made here), nothing to the
 * user's home, and only what set-up installed is found.
 *
 * @param env  The variables to start from.
 */
export function jupyterEnvironment(env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  const home = join(projectRoot(), '.zarts', 'jupyter');
  const folders = {
    JUPYTER_CONFIG_DIR: join(home, 'config'),
    JUPYTER_DATA_DIR: join(home, 'data'),
    JUPYTER_RUNTIME_DIR: join(home, 'runtime'),
    JUPYTERLAB_SETTINGS_DIR: join(home, 'settings'),
    JUPYTERLAB_WORKSPACES_DIR: join(home, 'workspaces'),
    IPYTHONDIR: join(home, 'ipython'),
  };
  for (const folder of Object.values(folders)) mkdirSync(folder, { recursive: true });
  // The files there hold the tokens that open the server; a folder made earlier may be open to others.
  chmodSync(folders.JUPYTER_RUNTIME_DIR, 0o700);
  const own = Object.fromEntries(Object.entries(env).filter(([name]) => !FOREIGN.includes(name)));
  return { ...own, ...folders, PYTHONNOUSERSITE: '1', JUPYTER_PREFER_ENV_PATH: '1' };
}
