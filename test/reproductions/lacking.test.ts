import { expect } from 'chai';
import { spaceOf } from '../../lib/search/protocol.js';
import { architectureAt } from '../../lib/spaces/architectures.js';
import { SPACES } from '../../lib/spaces/spaces.js';
import { cellsOf, distinct, doneOf } from '../../reproductions/experiment.js';
import type { Cell, Result } from '../../reproductions/experiment.js';
import { fig1 } from '../../reproductions/fig-1-landscape.js';
import { fig4 } from '../../reproductions/fig-4-ess.js';
import { fig7 } from '../../reproductions/fig-7-cells.js';
import { ownProtocol, searchOf } from '../../reproductions/kinds.js';
import { lackLines, lackOf } from '../../reproductions/lacking.js';
import { isControl } from '../../reproductions/separation.js';
import { table2 } from '../../reproductions/table-2-spaces.js';
import { table7 } from '../../reproductions/table-7-wide.js';
import { EXPERIMENTS } from '../../reproductions/registry.js';
import { shownOf } from '../../reproductions/reproduce.js';
import { fakeRuns, movedAlphas } from './fakes.js';
import type { Fake } from './fakes.js';

const seedOf = ({ run }: Cell): number => (ownProtocol(run) as { readonly seed: number }).seed;

/** What a search found, where it is one, with its alphas on the way. */
function found({ run }: Cell): Fake {
  const search = searchOf(run);
  if (!search) return {};
  const alpha = movedAlphas(search);
  const genotype = spaceOf(search).skeleton === 'stages' ? architectureAt(SPACES.nb201, 0) : undefined;
  return { search: { epoch: () => ({ alpha }), ...(genotype ? { genotype } : {}) } };
}

/** The result of a grid that has only some of its runs. */
const resultWith = (cells: readonly Cell[], isThere: (cell: Cell) => boolean): Result => ({
  budget: 'laptop',
  runs: fakeRuns(cells.filter(isThere), found),
  of: cells.length,
  missing: [],
});

describe('runs that a grid lacks', () => {
  const searches: readonly Cell[] = cellsOf(fig4, { budget: 'laptop' });
  const cells: readonly Cell[] = cellsOf(fig7, { budget: 'laptop' });
  const of = (grid: readonly Cell[], isThere: (cell: Cell) => boolean) =>
    lackOf(grid, resultWith(grid, isThere));

  it('are said by what tells them apart: whole seeds, those of a method, of a space', () => {
    expect(of(searches, (cell) => seedOf(cell) < 2).text).to.equal('Missing: all of seeds 2–5.');
    expect(of(cells, ({ axes }) => axes.method !== 'random-ws').text).to.equal(
      'Missing: S2, S3 and S4: seeds 0–10 of random-ws.',
    );
    const some = of(
      cells,
      (cell) => cell.axes.space !== 's4' || seedOf(cell) < 9 || cell.axes.method === 'mgs-flat',
    );
    expect(some.text).to.equal('Missing: S4: seeds 9–10 of DARTS 1st and random-ws.');
    expect(some.lacking).to.have.length(4);
    expect(some.lacking[0]).to.deep.equal({
      kind: 'search',
      axes: { space: 's4', method: 'darts-1st' },
      seed: 9,
    });
    expect(lackLines(some)[0]).to.equal('search s4 DARTS 1st seed 9');
  });

  it('are not all of a seed where only what spaces share is missing', () => {
    const grid: readonly Cell[] = cellsOf(table2, { budget: 'laptop' })
      .map(({ axes, run }) => ({ axes, run }) as Cell)
      .filter(({ run }) => run.kind !== 'linear');
    const isOfS4 = ({ axes }: Cell): boolean => axes.space === 's4';
    const isShared = ({ axes }: Cell): boolean => String(axes.space).includes(' ');
    expect(of(grid, (cell) => !isShared(cell)).text).not.to.contain('all of');
    // Seeds without hand-made cells are all that there is of them.
    expect(of(grid, isShared).text).not.to.match(/all of seeds? 0|all but \W/);
    expect(of(grid, (cell) => seedOf(cell) > 0).text).to.match(/all of seed 0\b/);
    const first = of(grid, (cell) => cell.axes.method !== 'control/4' || !isOfS4(cell));
    expect(first.text).to.equal('Missing: S4: seeds 0–3 of the hand-made cell of 4 convolutions.');
    expect(lackLines(first)[0]).to.equal('training the hand-made cell of 4 convolutions s4 seed 0');
  });

  it('are not those that a failed control leaves out', () => {
    const grid: readonly Cell[] = cellsOf(table7, { budget: 'laptop' });
    // In S4 noise errs, elsewhere a cell without convolutions is as good as one of eight.
    const errorPct = ({ axes, run }: Cell): number =>
      (axes.space === 's4' && axes.method === 'control/8' ? 90 : 45) +
      (ownProtocol(run) as { seed: number }).seed / 100;
    const runs = fakeRuns(
      grid.filter(({ axes }) => isControl(axes)),
      (cell) => ({ training: { errorPct: errorPct(cell) } }),
    );
    const inS4 = grid.filter((cell) => cell.axes.space === 's4' && !isControl(cell.axes));
    const { lacking, text } = lackOf(grid, {
      ...{ budget: 'laptop', missing: [], runs },
      of: doneOf({ runs }) + inS4.length,
    });
    expect(distinct(lacking.map(({ axes }) => axes.space))).to.deep.equal(['s4']);
    expect(text).to.match(/^Missing: S4: seeds 0–3 of all but the hand-made cell [^;]*; all of seeds 4–5\.$/);
  });

  it('are cut off where the line would be long, and listed whole', () => {
    // Of every seed another search.
    const { text, lacking } = of(searches, (cell) => searches.indexOf(cell) % 19 > 0 || seedOf(cell) > 4);
    expect(text!.length).to.be.below(400);
    const odd = of(cells, (cell) => cells.indexOf(cell) % 11 > 0);
    expect(odd.text).to.match(/; and \d+ runs? more\.$/);
    expect([lacking.length, odd.lacking.length]).to.deep.equal([5, Math.ceil(cells.length / 11)]);
  });

  it('are not those of the same name on other batch norms', () => {
    const landscapes = cellsOf(fig1, { budget: 'laptop', seeds: 1 });
    const { text } = of(
      landscapes,
      ({ run }) => run.kind !== 'landscape' || run.landscape.normalization === 'batch',
    );
    expect(text).to.equal(
      'Missing: seed 0 of landscape ω as it is (first order) with running batch norm and “landscape ω fine-tuned, M = 10 with running batch norm”.',
    );
  });

  for (const experiment of EXPERIMENTS) {
    it(`are exactly those that are not there: ${experiment.id}`, () => {
      // None is left out by what its controls say.
      const grid = cellsOf(experiment, { budget: 'laptop', seeds: 3 })
        .map(({ axes, run }) => ({ axes, run }) as Cell)
        .filter(({ run }) => run.kind !== 'linear');
      const { lacking, text } = of(grid, (cell) => grid.indexOf(cell) % 3 === 0);
      const gone = grid.filter((_, i) => i % 3 > 0);
      expect(lacking.map(({ kind, seed }) => [kind, seed])).to.deep.equal(
        gone.map((cell) => [cell.run.kind, seedOf(cell) ?? null]),
      );
      for (const [i, { axes }] of lacking.entries()) {
        const own: object = gone[i].axes;
        for (const [name, value] of Object.entries(axes))
          if (name in own) expect(own).to.include({ [name]: value });
      }
      expect(text).to.match(/^Missing: /);
      expect(of(grid, () => true)).to.deep.equal({ lacking: [], text: undefined });
    });
  }

  it('are not told of a result of another grid, as of a record that earlier sources made', () => {
    const others = searches.slice(0, -1);
    expect(
      lackOf(
        others,
        resultWith(searches, (cell) => seedOf(cell) < 2),
      ),
    ).to.deep.equal({
      lacking: [],
      text: undefined,
    });
  });

  it('stand below the first table', () => {
    const result = resultWith(searches, (cell) => seedOf(cell) < 2);
    const { tables, lacking } = shownOf(fig4, result, lackOf(searches, result));
    expect(
      tables.flatMap(({ notes = [] }) => notes).filter((note) => note.startsWith('Missing: ')),
    ).to.deep.equal([tables[0].notes!.at(-1)]);
    expect(lacking).to.have.length(72);
  });
});
