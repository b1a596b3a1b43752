// The size of the code: lines of its parts and their sum, the files of figures and tables, circles of imports.
// Run: node test/lines.mjs

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const FOLDERS = ['lib', 'bin', 'reproductions', 'test'];
const HEART = ['spaces', 'solvers', 'supernet', 'search'];

// Lists of packages and recorded numbers are no sources.
const listed = execFileSync('git', ['ls-files', ...FOLDERS], { cwd: ROOT, encoding: 'utf8' });
const files = listed.split('\n').filter((file) => /\.(ts|mjs|mts|cjs|py|cc|h)$/.test(file));
const texts = new Map(files.map((file) => [file, readFileSync(join(ROOT, file), 'utf8')]));
const linesOf = (file) => texts.get(file).split('\n').length - 1;
const linesIn = (...folders) =>
  files
    .filter((file) => folders.some((folder) => file.startsWith(`${folder}/`)))
    .reduce((total, file) => total + linesOf(file), 0);
const show = (what, count) => console.log(`${count.toLocaleString('en-US').padStart(8)}  ${what}`);

for (const folder of FOLDERS) show(folder, linesIn(folder));
show('their sum', linesIn(...FOLDERS));

const parts = new Set(files.flatMap((file) => /^lib\/(\w+)\//.exec(file)?.[1] ?? []));
console.log('\nParts of lib');
for (const part of parts) show(part, linesIn(`lib/${part}`));
show(HEART.join(' + '), linesIn(...HEART.map((part) => `lib/${part}`)));

const shown = files.filter((file) => /^reproductions\/(fig|table)-\d[^/]*\.ts$/.test(file));
const [longest, ...others] = shown.sort((a, b) => linesOf(b) - linesOf(a));
console.log('\nFiles of a figure or table');
show(`the longest, ${longest}`, linesOf(longest));
show('the median', linesOf([longest, ...others][Math.floor(shown.length / 2)]));

/** The files that a file imports, types included. */
const importsOf = (file) =>
  [...texts.get(file).matchAll(/\b(?:from|import|require)\s*\(?\s*'(\.[^']*)'/g)]
    .map(([, to]) => relative(ROOT, resolve(ROOT, dirname(file), to)).replace(/\.js$/, '.ts'))
    .filter((target) => texts.has(target));

const [done, circles] = [new Set(), []];
function walk(file, trail) {
  if (trail.includes(file)) circles.push([...trail.slice(trail.indexOf(file)), file].join(' → '));
  if (done.has(file) || trail.includes(file)) return;
  for (const target of importsOf(file)) walk(target, [...trail, file]);
  done.add(file);
}
for (const file of files) walk(file, []);
console.log('\nCircles of imports, types included');
show(circles.join('\n          '), circles.length);
