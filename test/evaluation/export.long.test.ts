import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import type { ImageSource } from '../../lib/datasets/source.js';
import { runSavedModel } from '../../lib/engine/index.js';
import { exportTrained } from '../../lib/evaluation/export.js';
import { linearBaseline } from '../../lib/evaluation/presets.js';
import { projectRoot } from '../../lib/runs/home.js';
import type * as machine from '../../bin/setup/machine.mjs' with { 'resolution-mode': 'import' };
import { CLASSIC_GENOTYPES } from '../support/genotypes.js';
import { RARE, pixels, smoke, someImages, trained } from './exporting.js';

const exec = promisify(execFile);

/** Images that the programs are asked about. */
const IMAGES = 200;

/** The minor versions of Python 3 that ONNX Runtime and TensorFlow have wheels for. */
const PYTHON_MINORS = [11, 13] as const;

describe('exported networks in other programs', function () {
  this.timeout(1_200_000);
  let folder: string;
  let python: string;
  let images: ImageSource;
  before(async function () {
    const url = pathToFileURL(path.join(projectRoot(), 'bin', 'setup', 'machine.mjs')).href;
    const { pythons } = (await import(url)) as typeof machine;
    const base = pythons(PYTHON_MINORS).find(({ fits, venv }) => fits && venv);
    if (base === undefined) this.skip();
    folder = mkdtempSync(path.join(os.tmpdir(), 'zarts-exported-'));
    python = path.join(folder, 'venv', 'bin', 'python');
    await exec(base.command, ['-m', 'venv', path.join(folder, 'venv')]);
    const lock = path.join(projectRoot(), 'test', 'evaluation', 'requirements.txt');
    await exec(python, ['-m', 'pip', 'install', '--quiet', '--require-hashes', '--no-deps', '-r', lock]);
    images = await someImages();
  });
  after(() => {
    if (folder) rmSync(folder, { recursive: true });
  });

  it(`give the same class scores of ${IMAGES} images: ONNX Runtime, and Python's TensorFlow`, async () => {
    const networks = Object.entries({ ...CLASSIC_GENOTYPES, RARE }).map(
      ([name, genotype]) => [name, smoke(genotype)] as const,
    );
    const protocols = [...networks, ['linear', linearBaseline(smoke(RARE))] as const];
    const x = pixels(IMAGES);
    const file = path.join(folder, 'images.bin');
    writeFileSync(file, new Uint8Array(x.data.buffer));
    const expected = new Map<string, ArrayLike<number>>();
    for (const [name, protocol] of protocols) {
      const to = path.join(folder, name);
      await exportTrained(protocol, await trained(protocol, images), images, to);
      const { logits } = await runSavedModel(path.join(to, 'saved_model'), x);
      expected.set(to, logits.data);
    }
    const script = path.join(projectRoot(), 'test', 'evaluation', 'read_exported.py');
    const { stdout } = await exec(python, [script, file, '16', ...expected.keys()], {
      maxBuffer: 1 << 26,
    });
    const found = JSON.parse(stdout) as Record<string, number[][][]>;
    for (const [to, scores] of expected) {
      const largest = Math.max(...Array.from(scores, Math.abs));
      found[to].forEach((program, which) => {
        const flat = program.flat();
        expect(flat).to.have.length(scores.length);
        const difference = Math.max(...flat.map((score, i) => Math.abs(score - scores[i])));
        const what = `${path.basename(to)} by ${which === 0 ? 'ONNX Runtime' : 'TensorFlow'}`;
        console.log(
          `      ${what}: largest difference ${difference.toExponential(1)} of ${largest.toFixed(2)}`,
        );
        expect(difference, what).to.be.lessThan(1e-5 * Math.max(1, largest));
      });
    }
  });
});
