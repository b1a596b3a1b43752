#!/bin/sh
# tslab 1.0.22 (its TypeScript 5.0.4), Node 20: a file made beside an imported one ends the session.
#
# A guess: a new TypeScript file in the folder of one that a cell imports changes nothing for cells that do not name it.
# Seen: every later cell fails, also "const n = 1;", with "Unexpected pending rebuildTimer", until the kernel is started
# anew. The compiler that watches the folder sets a second timer (to look again for what it had not found) beside that for
# the changed cell; tslab replaces both of its timer functions by ones that have room for one timer and throw for two.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
printf '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts tslab@1.0.22 > /dev/null 2>&1
printf 'export const one: number;\n' > one.d.ts
printf 'exports.one = 1;\n' > one.js
cat > run.cjs <<'JS'
const { writeFileSync } = require('node:fs');
const { setTimeout: pause } = require('node:timers/promises');
const { createConverter } = require('tslab/dist/converter.js');
const converter = createConverter({ isJS: false, isBrowser: false });
let declared = '';
function compile(cell) {
  try {
    const { diagnostics, declOutput } = converter.convert(declared, cell);
    declared = declOutput;
    return diagnostics.length === 0 ? 'compiled' : diagnostics[0].messageText;
  } catch (error) {
    return `threw "${error.message}"`;
  }
}
(async () => {
  const said = [compile("import { one } from './one';"), compile('const sum = one + 1;')];
  writeFileSync('two.ts', 'export const two = 2;\n');
  await pause(2000);
  said.push(compile('const n = 1;'), compile('const m = 1;'));
  console.log('tslab', require('tslab/package.json').version);
  console.log('two cells before the file was made: ', said.slice(0, 2).join(', '));
  console.log('two cells after it, 2 s later:      ', said.slice(2).join(', '));
  const threw = 'threw "Unexpected pending rebuildTimer"';
  const asSeen = said.join() === ['compiled', 'compiled', threw, threw].join();
  if (!asSeen) console.log('this has changed');
  process.exit(asSeen ? 0 : 1);
})();
JS
node run.cjs
