#!/bin/sh
# tslab 1.0.22 (its TypeScript 5.0.4), Node 20: a variable of an earlier cell, named in short in an object, is not found.
#
# A guess: after a cell "const n = 3;" the cell "({ n })" gives { n: 3 }, as "({ n: n })" does; the type checker agrees.
# Seen: variables of earlier cells are properties of an object "exports", and tslab's compiler writes that before every use
# of one but for the short form, so that the cell throws "ReferenceError: n is not defined".
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
printf '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts tslab@1.0.22 > /dev/null 2>&1
cat > run.cjs <<'JS'
const { createConverter } = require('tslab/dist/converter.js');
const { createExecutor } = require('tslab/dist/executor.js');
const said = [];
const log = (...parts) => said.push(parts.map((part) => part?.message ?? String(part)).join(' '));
const executor = createExecutor(process.cwd(), { node: createConverter({ isJS: false, isBrowser: false }) }, { log, error: log });
(async () => {
  const first = await executor.execute('const n = 3;');
  const long = await executor.execute('const o = { n: n };');
  const short = await executor.execute('const p = { n };');
  console.log('tslab', require('tslab/package.json').version);
  console.log('const n = 3;          ', first ? 'ran' : 'failed');
  console.log('const o = { n: n };   ', long ? 'ran' : 'failed');
  console.log('const p = { n };      ', short ? 'ran' : 'failed', said.at(-1) ?? '');
  const asSeen = first && long && !short && /n is not defined/.test(said.join('\n'));
  if (!asSeen) console.log('this has changed', said);
  process.exit(asSeen ? 0 : 1);
})();
JS
node run.cjs
