import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { projectRoot } from '../../lib/runs/home.js';

/** One result of a cell, as a notebook file keeps it. */
export interface Output {
  readonly output_type: string;
  readonly name?: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

interface Notebook {
  readonly cells: readonly {
    readonly cell_type: string;
    readonly source: string | readonly string[];
    readonly outputs?: readonly Output[];
  }[];
}

export const FOLDER = path.join(projectRoot(), 'notebooks');

/** The notebooks' file names. */
export const NOTEBOOKS = readdirSync(FOLDER).filter((name) => name.endsWith('.ipynb'));

/** The one that leads to the others, and those that measure. */
export const START = '00-start.ipynb';
export const MEASURING = NOTEBOOKS.filter((name) => name !== START);

const read = (file: string): Notebook => JSON.parse(readFileSync(file, 'utf8')) as Notebook;

/** A text or the pieces of it: a notebook file may keep either. */
const joined = (text: unknown): string => (Array.isArray(text) ? text.join('') : String(text));

/** The sources of a notebook's code cells that are not empty. */
export const codeCells = (name: string): string[] =>
  read(path.join(FOLDER, name))
    .cells.filter(({ cell_type: type }) => type === 'code')
    .map(({ source }) => joined(source))
    .filter((source) => source.trim() !== '');

/** What a notebook file keeps of its cells' results. */
export const outputsOf = (file: string): Output[] => read(file).cells.flatMap(({ outputs = [] }) => outputs);

const CHART = 'application/vnd.vegalite.v5+json';
const DRAWING = 'image/svg+xml';

/**
 * The rows behind each interactive chart and the marks of each drawing, each with the picture that stands for it where it
 * cannot be shown.
 */
export function checkPictures(outputs: readonly Output[]): void {
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

/** No error, no complaint, and pictures, among what the cells gave. */
export function checkOutputs(outputs: readonly Output[]): void {
  expect(outputs.filter(({ output_type: type, name }) => type === 'error' || name === 'stderr')).to.be.empty;
  checkPictures(outputs);
}

/** What a notebook is run with at smoke, its runs kept in `home`. */
export const smokeVariables = (home: string) => ({
  ZARTS_BUDGET: 'smoke',
  ZARTS_DATA: 'synthetic',
  ZARTS_HOME: home,
});
