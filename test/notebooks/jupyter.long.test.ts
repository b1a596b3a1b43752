import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { runNotebook } from '../../bin/cli/notebook.js';
import { FOLDER, MEASURING, checkOutputs, codeCells, outputsOf, smokeVariables } from './files.js';

describe('notebooks through Jupyter', function () {
  this.timeout(600_000);
  let folder: string;
  before(() => (folder = mkdtempSync(path.join(tmpdir(), 'zarts-notebooks-'))));
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  for (const name of MEASURING) {
    it(`${name} runs from top to bottom at smoke`, async () => {
      const output = path.join(folder, name);
      const env = smokeVariables(path.join(folder, 'home'));
      const { cells } = await runNotebook(path.join(FOLDER, name), { output, env });
      expect(cells).to.equal(codeCells(name).length);
      checkOutputs(outputsOf(output));
    });
  }
});
