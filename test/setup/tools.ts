import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { projectRoot } from '../../lib/runs/home.js';
import type * as plan from '../../bin/setup/plan.mjs' with { 'resolution-mode': 'import' };

/** The project's folder, whatever the working directory. */
export const root = projectRoot();

/** Set-up's pure part: a plain module outside dist, because it runs before anything is installed. */
export async function loadPlan(): Promise<typeof plan> {
  return (await import(pathToFileURL(join(root, 'bin', 'setup', 'plan.mjs')).href)) as typeof plan;
}
