import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/**
 * The project's folder: the nearest one above this file whose package.json is named "zarts". The same whether the source
 * runs from dist/ or is imported from a notebook, whatever the working directory.
 */
export function projectRoot(): string {
  for (let folder = __dirname; ; folder = dirname(folder)) {
    const manifest = join(folder, 'package.json');
    if (existsSync(manifest)) {
      const { name } = JSON.parse(readFileSync(manifest, 'utf8')) as { name?: string };
      if (name === 'zarts') return folder;
    }
    if (dirname(folder) === folder) return process.cwd();
  }
}

/** The folder that holds all runs: `$ZARTS_HOME/runs`, or `.zarts/runs` in the project. */
export function runsHome(env: NodeJS.ProcessEnv = process.env): string {
  return env.ZARTS_HOME ? resolve(env.ZARTS_HOME, 'runs') : join(projectRoot(), '.zarts', 'runs');
}
