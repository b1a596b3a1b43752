/**
 * The lines that a newcomer adds to the two indexes, put into their texts as they are read: by the test in the sources, for
 * the type checker, and by ./patched.ts in what was compiled from them.
 */
import { join } from 'node:path';
import { projectRoot } from '../../lib/runs/home.js';

/** A text with a line put into it. @throws {Error} where the place is not there. */
function withLine(text: string, place: RegExp, line: string): string {
  if (!place.test(text)) throw new Error(`${place} is not in the index any more.`);
  return text.replace(place, (found) => `${found}${line}`);
}

const SPACE = "tiny: builtIn('tiny', 'TINY', uniform(['skip_connect', 'noise']), 0.4),";

/** By path in the project: a file's text with a newcomer's line. */
export const EDITS: Readonly<Record<string, (text: string) => string>> = {
  'lib/solvers/registry.ts': (text) =>
    `import { BETTER_HALF } from '../../test/newcomer/better-half.js';\n${withLine(text, /export const ZERO_ORDER = \[/, 'BETTER_HALF, ')}`,
  'lib/spaces/spaces.ts': (text) => withLine(text, /export const SPACES = \{/, SPACE),
  'dist/lib/solvers/registry.js': (text) =>
    withLine(text, /exports\.ZERO_ORDER = \[/, "require('../../test/newcomer/better-half.js').BETTER_HALF, "),
  'dist/lib/spaces/spaces.js': (text) => withLine(text, /exports\.SPACES = \{/, SPACE),
};

/** The file's text as a newcomer left it. */
export function edited(file: string, text: string): string {
  const edit = Object.entries(EDITS).find(([path]) => join(projectRoot(), path) === file)?.[1];
  return edit ? edit(text) : text;
}
