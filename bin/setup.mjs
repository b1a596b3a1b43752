#!/usr/bin/env node
// Everything the project needs, installed inside the project folder: `node bin/setup.mjs [--plan]`.
// This file keeps to old syntax so that an old Node reaches the sentence below instead of a syntax error.

const found = process.versions.node.split('.').map(Number);
const supported = (found[0] === 20 && found[1] >= 19) || (found[0] > 20 && found[0] < 27);

if (!supported) {
  console.error(
    'Node 20.19 to 26 is needed; this is Node ' +
      process.versions.node +
      '.\n  Debian/Ubuntu: sudo npx --yes n 24\n  Fedora:        sudo dnf install -y nodejs24' +
      '\n  macOS:         brew install node@24 && brew link --force --overwrite node@24',
  );
  process.exitCode = 1;
} else {
  import('./setup/main.mjs')
    .then((setup) => setup.main(process.argv.slice(2)))
    .then((code) => {
      process.exitCode = code;
    });
}
