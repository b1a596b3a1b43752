import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { runNotebook } from '../../bin/cli/notebook.js';
import { projectRoot } from '../../lib/runs/home.js';

/** One result of a cell, as a notebook file keeps it. */
interface Output {
  readonly output_type: string;
  readonly name?: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

interface Notebook {
  readonly cells: readonly { readonly cell_type: string; readonly outputs?: readonly Output[] }[];
}

const FOLDER = path.join(projectRoot(), 'notebooks');
const NOTEBOOKS = readdirSync(FOLDER).filter((name) => name.endsWith('.ipynb'));

function outputsOf(file: string): Output[] {
  const { cells } = JSON.parse(readFileSync(file, 'utf8')) as Notebook;
  return cells.flatMap(({ outputs = [] }) => outputs);
}

const CHART = 'application/vnd.vegalite.v5+json';
const DRAWING = 'image/svg+xml';

/** A text or the lines of it: a notebook file may keep either. */
const joined = (text: unknown): string => (Array.isArray(text) ? text.join('') : String(text));

/**
 * The rows behind each interactive chart and the marks of each drawing, each with the picture that stands for it where it
 * cannot be shown.
 */
function checkPictures(outputs: readonly Output[]): void {
  const pictures = outputs.flatMap(({ data }) => (data && (CHART in data || DRAWING in data) ? [data] : []));
  expect(pictures, 'charts and drawings').to.not.be.empty;
  for (const data of pictures) {
    if (CHART in data) {
      const spec = data[CHART] as { data: { values: Record<string, unknown>[] } };
      expect(spec.data.values).to.not.be.empty;
      for (const row of spec.data.values) {
        for (const value of Object.values(row)) if (typeof value === 'number') expect(value).to.be.finite;
      }
    } else {
      const svg = joined(data[DRAWING]);
      expect(svg).to.match(/^<svg [^]*<text [^]*<\/svg>\s*$/);
      expect(svg).to.not.match(/NaN|undefined|Infinity/);
    }
    const png = Buffer.from(joined(data['image/png']), 'base64');
    expect(png.subarray(1, 4).toString('latin1')).to.equal('PNG');
    expect(png.length).to.be.greaterThan(5000);
  }
}

describe('notebooks', function () {
  this.timeout(240_000);
  let folder: string;
  before(() => (folder = mkdtempSync(path.join(tmpdir(), 'zarts-notebooks-'))));
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  for (const name of NOTEBOOKS) {
    it(`${name} runs from top to bottom at smoke`, async () => {
      const output = path.join(folder, name);
      const env = { ZARTS_BUDGET: 'smoke', ZARTS_DATA: 'synthetic', ZARTS_HOME: path.join(folder, 'home') };
      const { cells } = await runNotebook(path.join(FOLDER, name), { output, env });
      expect(cells).to.be.greaterThan(4);
      const outputs = outputsOf(output);
      expect(outputs.filter(({ output_type: type, name }) => type === 'error' || name === 'stderr')).to.be.empty;
      checkPictures(outputs);
    });

    it(`${name} is kept with its outputs, which name no place on the machine that made them`, () => {
      const file = path.join(FOLDER, name);
      checkPictures(outputsOf(file));
      expect(readFileSync(file, 'utf8')).to.not.match(/\/(home|root|tmp|work|Users)\//);
    });
  }
});
