import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import type * as Jupyter from 'tslab/dist/jupyter.js';
import type * as cellsModule from '../../bin/kernel/cells.mjs' with { 'resolution-mode': 'import' };
import { runNotebook } from '../../bin/cli/notebook.js';
import { bundlesOf } from '../../lib/report/notebook.js';
import { projectRoot } from '../../lib/runs/home.js';
import { longIt } from '../support/long.js';
import { capture, setVariables } from '../support/process.js';
import {
  FOLDER,
  MEASURING,
  START,
  checkOutputs,
  checkPictures,
  codeCells,
  outputsOf,
  smokeVariables,
} from './files.js';
import type { Output } from './files.js';

/** The notebook that is run through Jupyter here; the long tests run every one. */
const THROUGH_JUPYTER = 'fig-3-weights.ipynb';

/**
 * Those that `npm test` runs to their end in this process, beside the one through Jupyter: all sixteen take eight minutes of
 * processor time. The others are checked by the compiler there, and run by `test:all`.
 */
const QUICK = ['table-1-solvers.ipynb'];

/** What a cell hands to the notebook that shows it. */
interface Shown {
  readonly data: Readonly<Record<string, unknown>>;
  readonly transient?: { readonly display_id?: string };
}

describe('notebooks', function () {
  this.timeout(600_000);
  let folder: string;
  let cells: cellsModule.Cells;
  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'zarts-notebooks-'));
    const module = (await import(
      pathToFileURL(path.join(projectRoot(), 'bin', 'kernel', 'cells.mjs')).href
    )) as typeof cellsModule;
    cells = module.createCells({ watch: false });
  });
  after(() => {
    cells.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Runs cells as the kernel does, in this process; what they gave. */
  async function run(sources: readonly string[]): Promise<Output[]> {
    const outputs = new Map<string, Output>();
    const show = ({ data, transient }: Shown): void => {
      outputs.set(transient?.display_id ?? `output ${outputs.size}`, { output_type: 'display_data', data });
    };
    // eslint-disable-next-line @typescript-eslint/no-require-imports
    const jupyter = require('tslab/dist/jupyter.js') as { -readonly [Name in keyof typeof Jupyter]: unknown };
    jupyter.lastWriteDisplayData = show;
    const restore = setVariables(smokeVariables(path.join(folder, 'home')));
    const streams = [
      ['stdout', capture(process.stdout)],
      ['stderr', capture(process.stderr)],
    ] as const;
    const failures: unknown[] = [];
    try {
      cells.reset();
      for (const source of sources) {
        const { failure, value } = await cells.execute(source);
        if (failure) failures.push(failure);
        for (const data of await bundlesOf(value)) show({ data });
      }
    } finally {
      for (const [, { release }] of streams) release();
      restore();
    }
    for (const [name, { text }] of streams) {
      if (text() !== '') outputs.set(name, { output_type: 'stream', name, data: { 'text/plain': text() } });
    }
    expect(outputs.get('stderr')?.data?.['text/plain']).to.equal(undefined);
    expect(failures, 'every cell ran to its end').to.deep.equal([]);
    return [...outputs.values()];
  }

  for (const name of MEASURING) {
    const test = QUICK.includes(name) ? it : longIt;
    test(`${name} runs from top to bottom at smoke`, async () => {
      const sources = codeCells(name);
      expect(sources.length).to.be.greaterThan(4);
      checkOutputs(await run(sources));
    });

    it(`${name} has parameters, and measures by them`, () => {
      const file = readFileSync(path.join(FOLDER, name), 'utf8');
      expect(file.match(/"parameters"\n/g)).to.have.length(1);
      const uses = codeCells(name).flatMap((source) => source.match(/notebookOptions\(.*?\)/g) ?? []);
      expect(new Set(uses)).to.deep.equal(new Set(['notebookOptions({ budget, data })']));
    });

    it(`${name} is kept with its outputs, which name no place on the machine that made them`, () => {
      const file = path.join(FOLDER, name);
      checkPictures(outputsOf(file));
      expect(readFileSync(file, 'utf8')).to.not.match(/\/(home|root|tmp|work|Users)\//);
    });
  }

  it(`${START} leads to every other, says what each costs, and shows an update`, async () => {
    const outputs = await run(codeCells(START));
    const [overview, choice, update] = outputs.map(({ data }) => String(data?.['text/html']));
    const links = [...overview.matchAll(/<a href="([^"]*)">/g)].map(([, href]) => href);
    expect(links).to.have.members(MEASURING);
    expect(overview).to.match(/<td [^>]*>~\d+ (s|min)/);
    expect(choice).to.equal('<p>N = 4 · σ = 0.2 · τ = 0.1 · density = flat · draw = 1</p>');
    expect(update).to.match(/<i>N<\/i><sub>e<\/sub> = [1-4]\.\d\d of 4/);
  });

  it(`${THROUGH_JUPYTER} runs through Jupyter as well`, async () => {
    const output = path.join(folder, THROUGH_JUPYTER);
    const { cells } = await runNotebook(path.join(FOLDER, THROUGH_JUPYTER), {
      output,
      env: smokeVariables(path.join(folder, 'jupyter')),
    });
    expect(cells).to.equal(codeCells(THROUGH_JUPYTER).length);
    checkOutputs(outputsOf(output));
  });
});
