// The table of dependencies in CONTRIBUTING.md, from package.json and package-lock.json.
// Run: node test/dependencies.mjs, which writes it; test/setup/dependencies.test.ts compares.

import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const PAGE = join(ROOT, 'CONTRIBUTING.md');
const BEGIN = '<!-- dependencies: made by node test/dependencies.mjs -->';
const END = '<!-- end of dependencies -->';

/** What each is for. */
const USES = {
  '@bull-board/api': 'the page of a queue',
  '@bull-board/hono': 'the page of a queue',
  '@dagrejs/dagre': 'layout of cells as graphs',
  '@hono/node-server': 'serving the page of a queue, when it is asked for',
  '@resvg/resvg-js': 'charts as PNG',
  '@tensorflow/tfjs-node': 'TensorFlow on processors; loaded by `lib/engine` alone',
  '@tensorflow/tfjs-node-gpu': 'TensorFlow on GPUs, instead',
  bullmq: 'the queue of runs',
  'cli-progress': 'progress in a terminal',
  commander: 'the command line',
  'danfojs-node': 'rows as a data frame in notebooks',
  'dejavu-fonts-ttf': 'the font of charts as PNG',
  esbuild: 'the program in the report page',
  'fastest-levenshtein': '“did you mean …?”',
  fflate: 'reference numbers in archives',
  'google-protobuf': 'writing ONNX models',
  hono: 'serving the page of a queue, when it is asked for',
  ioredis: 'talking to Redis',
  'js-yaml': 'genotypes in YAML',
  'ml-matrix': 'solving equations and eigenvalues',
  'node-api-headers': 'what addons are compiled with',
  npyjs: 'reference numbers in NumPy files',
  'plotly.js-gl3d-dist-min': 'surfaces to turn in a browser',
  sharp: 'photographs',
  'simple-statistics': 'quantiles, regressions',
  tar: 'archives of data sets and of runs',
  tslab: 'the compiler of notebook cells, `display`',
  vega: 'charts',
  'vega-lite': 'charts as specifications',
  zeromq: 'messages between Jupyter and the kernel',
  zod: 'checks of what is read',
  '@eslint/js': 'style',
  '@types/chai': 'types',
  '@types/cli-progress': 'types',
  '@types/mocha': 'types',
  '@types/node': 'types',
  'axe-core': 'whether the report page is accessible',
  chai: 'tests',
  eslint: 'style',
  'fast-check': 'properties in tests',
  mocha: 'tests',
  nodeplotlib: 'types of Plotly’s figures; never loaded',
  'playwright-core': 'tests in a browser',
  prettier: 'style',
  typescript: 'the compiler',
  'typescript-eslint': 'style',
};

/** The place in the lock file where a package that another one asks for is, or undefined. */
function placeOf(packages, from, name) {
  for (let folder = from; ;) {
    const place = `${folder === '' ? '' : `${folder}/`}node_modules/${name}`;
    if (packages[place]) return place;
    if (folder === '') return undefined;
    folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')));
  }
}

/** A package with everything under it. */
function treeOf(packages, place, found = new Set()) {
  if (place === undefined || found.has(place)) return found;
  found.add(place);
  const { dependencies, optionalDependencies, peerDependencies } = packages[place];
  for (const name of Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies }))
    treeOf(packages, placeOf(packages, place, name), found);
  return found;
}

/**
 * CONTRIBUTING.md with its table made anew.
 *
 * @throws {Error} if a dependency is not said what it is for, or one that is said is none.
 */
export function withTable(page, { packages }) {
  const { dependencies, devDependencies } = packages[''];
  const names = Object.keys({ ...dependencies, ...devDependencies });
  const strays = [
    ...names.filter((name) => !(name in USES)),
    ...Object.keys(USES).filter((name) => !names.includes(name)),
  ];
  if (strays.length > 0)
    throw new Error(`test/dependencies.mjs and package.json differ in ${strays.join(', ')}.`);
  const trees = new Map(names.map((name) => [name, treeOf(packages, `node_modules/${name}`)]));
  const rows = names.map((name) => {
    const others = names.filter(
      (other) => other !== name && other in (devDependencies[name] ? USES : dependencies),
    );
    const elsewhere = new Set(others.flatMap((other) => [...trees.get(other)]));
    const under = [...trees.get(name)].slice(1);
    const alone = under.filter((place) => !elsewhere.has(place)).length;
    const { version, license } = packages[`node_modules/${name}`];
    return `| ${name} | ${version} | ${license} | ${under.length}, ${alone} | ${USES[name]}${name in dependencies ? '' : ' (development)'} |`;
  });
  const table = [
    '| package | version | license | under it, only for it | for |',
    '|---|---|---|---|---|',
    ...rows,
  ];
  const [before, rest] = page.split(BEGIN);
  const [, after] = rest.split(END);
  return `${before}${BEGIN}\n\n${table.join('\n')}\n\n${END}${after}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'));
  writeFileSync(PAGE, withTable(readFileSync(PAGE, 'utf8'), lock));
}
