#!/usr/bin/env node
// Runs notebooks headlessly and writes their outputs into them: node bin/run-notebook.mjs NOTEBOOK…

import { ensureBuilt } from './setup/main.mjs';

const paths = process.argv.slice(2);
if (paths.length === 0 || paths[0].startsWith('-')) {
  console.error('Usage: node bin/run-notebook.mjs NOTEBOOK…');
  process.exit(2);
}
try {
  await ensureBuilt();
  const { runNotebook } = await import('../dist/bin/cli/notebook.js');
  for (const path of paths) {
    const onCell = (cell, cells) => process.stderr.write(`${path}: cell ${cell} of ${cells}\n`);
    const { cells, seconds } = await runNotebook(path, { output: path, cellSeconds: 3600, onCell });
    console.log(`${path}: ${cells} cells, ${seconds.toFixed(1)} s`);
  }
} catch (error) {
  console.error(error.message);
  process.exitCode = error.name === 'UsageError' ? 2 : 1;
}
