import { expect } from 'chai';
import { dataFrame, frameTable, htmlTable, textTable } from '../../lib/report/table.js';
import type { Table } from '../../lib/report/table.js';

const table: Table = {
  title: 'N_e & more',
  columns: [
    { key: 'density', title: 'density' },
    { key: 'samples', title: 'N', align: 'right' },
    { key: 'ess', title: 'N_e', align: 'right' },
  ],
  rows: [
    { density: 'literal', samples: 2, ess: '1.08 ± 0.01' },
    { density: '<flat|>', samples: 10, ess: null },
  ],
  notes: ['Means over seeds.'],
};

describe('tables', () => {
  it('as text: aligned, with a rule, empty cells as dashes', () => {
    expect(textTable(table)).to.equal(
      [
        'N_e & more',
        'density   N          N_e',
        '───────  ──  ───────────',
        'literal   2  1.08 ± 0.01',
        '<flat|>  10            –',
        'Means over seeds.',
      ].join('\n'),
    );
  });

  it('as text of at most so many characters: words and notes are broken, columns continue below', () => {
    const wide: Table = {
      title: 'Wide',
      columns: [
        { key: 'name', title: 'name' },
        { key: 'text', title: 'what it says' },
        ...['a', 'b', 'c'].map((key) => ({ key, title: `column ${key}`, align: 'right' as const })),
      ],
      rows: [{ name: 'first', text: 'some words that take more than one line', a: 1, b: 22, c: 333 }],
      notes: ['A note that is longer than the line that it stands on.'],
    };
    const fits = (to: number): string[] => {
      const lines = textTable(wide, to).split('\n');
      for (const line of lines) expect(line.length, line).to.be.at.most(to);
      return lines;
    };
    expect(fits(60).slice(1, 5)).to.deep.equal([
      'name   what it says             column a  column b  column c',
      '─────  ───────────────────────  ────────  ────────  ────────',
      'first  some words that take            1        22       333',
      '       more than one line',
    ]);
    expect(fits(50).filter((line) => line.startsWith('first'))).to.have.length(2);
    expect(textTable(wide, 200)).to.equal(textTable(wide));
  });

  it('as HTML: nothing in a cell is taken for markup', () => {
    const html = htmlTable(table);
    expect(html).to.contain('&lt;flat|&gt;').and.to.contain('<i>N</i><sub>e</sub> &amp; more');
    expect(html.match(/<tr>/g)).to.have.length(3);
    expect(html.match(/text-align:right/g)).to.have.length(6);
  });

  it('as HTML: a cell leads to where its row says, and the table is folded if so asked', () => {
    const columns = [{ key: 'density', title: 'density', href: 'to' }];
    const linked = { title: 'Links', columns, rows: [{ density: '<a>', to: 'a"b.ipynb' }] };
    expect(htmlTable(linked))
      .to.contain('<a href="a&quot;b.ipynb">&lt;a&gt;</a>')
      .and.to.contain('<details open>');
    expect(htmlTable(linked, { open: false })).to.contain('<details><summary>');
    expect(textTable(linked)).to.not.contain('ipynb');
  });

  it('refuses a row without a column, and a number that is not finite', () => {
    expect(() => textTable({ ...table, rows: [{ density: 'x', samples: 1 }] })).to.throw(
      'Row 0 of the table "N_e & more" has no field "ess"',
    );
    expect(() => htmlTable({ ...table, rows: [{ density: 'x', samples: NaN, ess: 1 }] })).to.throw(
      'samples in row 0 of the table "N_e & more" is NaN',
    );
  });

  it('a data frame groups rows, and becomes a table again', () => {
    const frame = dataFrame([
      { density: 'flat', ess: 1 },
      { density: 'flat', ess: 2.25 },
      { density: 'literal', ess: 1.0625 },
    ]);
    const means = frameTable(frame.groupby(['density']).col(['ess']).mean(), 'means', 3);
    expect(means.columns).to.deep.equal([
      { key: 'density', title: 'density', align: 'left' },
      { key: 'ess_mean', title: 'ess_mean', align: 'right' },
    ]);
    expect(means.rows).to.deep.equal([
      { density: 'flat', ess_mean: 1.63 },
      { density: 'literal', ess_mean: 1.06 },
    ]);
  });

  it('a data frame does not count a missing number as 0', () => {
    const frame = dataFrame([
      { density: 'flat', ess: 3 },
      { density: 'flat', ess: null },
      { density: null, ess: 2 },
    ]);
    const means = (rows: typeof frame) =>
      frameTable(rows.groupby(['density']).col(['ess']).mean(), 'means').rows.map((row) => row.ess_mean);
    expect(means(frame)).to.deep.equal([null, 2]);
    expect(means(frame.iloc({ rows: ['0:2'] }).dropNa({ axis: 1 }))).to.deep.equal([3]);
    expect(frameTable(frame, 'rows').rows[2]).to.deep.equal({ density: null, ess: 2 });
  });
});
