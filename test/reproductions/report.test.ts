import { copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { UsageError, ZartsError } from '../../lib/errors.js';
import { MOST_BYTES, reportPage } from '../../lib/report/report-page.js';
import { EXPERIMENTS } from '../../reproductions/registry.js';
import { committedResults, recordFiles } from '../../reproductions/records.js';
import { reportOf } from '../../reproductions/report.js';
import { temporaryHome, zarts } from '../cli/zarts.js';
import { landscapeRecord } from './landscape-record.js';

describe('report', function () {
  this.timeout(60_000);
  const { home, remove } = temporaryHome();
  after(remove);

  it('of the results that came with the project: each once, with its files, the others named', async () => {
    const folder = committedResults();
    const page = path.join(path.dirname(folder), 'report.html');
    const report = reportOf(folder, page);
    const files = recordFiles(folder);
    expect(report.sections.map(({ id }) => `${id}.json`)).to.have.members(
      files.map((file) => path.basename(file)),
    );
    expect(report.absent.length + new Set(report.sections.map(({ title }) => title)).size).to.equal(
      EXPERIMENTS.length,
    );
    const pictures = readdirSync(folder).filter((name) => name.endsWith('.png'));
    for (const { id, links, claims, charts, drawings, tables, more } of report.sections) {
      expect(links).to.have.length(2);
      for (const { href } of links)
        expect(existsSync(path.join(path.dirname(page), href)), href).to.equal(true);
      expect(claims).to.not.be.empty;
      // None where controls kept all from being computed: those stand in a table.
      expect(charts.length + drawings.length, id).to.equal(
        pictures.filter((name) => name.startsWith(`${id}-`)).length,
      );
      expect(tables, id).to.not.be.empty;
      expect(more.map(({ heading }) => heading)).to.include('How the runs came about');
    }

    // A page of every record takes seconds: the tests in a browser make it.
    const sections = report.sections.slice(0, 2);
    const html = await reportPage({ ...report, sections });
    expect(Buffer.byteLength(html)).to.be.below(MOST_BYTES);
    expect(html).to.contain("default-src 'none'");
    expect(html).to.not.match(/<(script|link|img|iframe)[^>]+(src|href)="(?!data:)/);
    const images = html.match(/<img [^>]*>/g) ?? [];
    expect(images).to.have.length(
      sections.flatMap(({ charts, drawings }) => [...charts, ...drawings]).length,
    );
    for (const image of images) expect(image).to.match(/ alt="[^"]{10,}"/);
    for (const { claims } of sections) {
      for (const { verdict } of claims) expect(html).to.match(new RegExp(`[✓✗?○–] ${verdict}</span>`));
    }
  });

  it('has coarser pictures where it would be too large, and is refused where that is not enough', async () => {
    const report = reportOf(committedResults(), path.join(home, 'report.html'));
    expect(report.introduction.join('\n'))
      .to.match(/p value.*Holm.*Secondary questions/)
      .and.not.to.contain('95 %');
    // Whose dots take less than its lines.
    const fig4 = report.sections.find(({ id }) => id === 'fig-4-laptop')!;
    const section = { ...fig4, charts: fig4.charts.slice(0, 1), drawings: [] };
    const one = { ...report, sections: [section] };
    const fine = Buffer.byteLength(await reportPage(one));
    const coarse = await reportPage(one, fine - 1);
    expect(Buffer.byteLength(coarse)).to.be.below(fine);
    expect(coarse.match(/<img /g)).to.have.length(1);
    const refused: unknown = await reportPage(one, 1000).catch((error: unknown) => error);
    expect(refused).to.be.instanceOf(ZartsError);
    expect((refused as Error).message).to.match(/^The report would have \d\.\d MB; .* Leave out records\.$/);
  });

  it('of no record at all is a page with the laboratory, and of broken ones says what is wrong', async () => {
    const folder = path.join(home, 'few');
    mkdirSync(folder);
    writeFileSync(path.join(folder, 'fig-4-laptop.json'), '{"schemaVersion": 1');
    writeFileSync(path.join(folder, 'fig-9-laptop.json'), '{"schemaVersion": 1}');
    writeFileSync(path.join(folder, 'fig-4-laptop-ess.vl.json'), '{}');
    const report = reportOf(folder, path.join(home, 'report.html'));
    expect(report.sections).to.deep.equal([]);
    const reasons = new Map(report.absent.map(({ title, reason }) => [title, reason]));
    expect(reasons.get('fig-4-laptop.json')).to.match(/could not be read: it is not JSON/);
    expect(reasons.get('fig-9-laptop.json')).to.match(/is no record of version 2 \(schemaVersion/);
    expect(report.absent).to.have.length(EXPERIMENTS.length + 2);
    expect(await reportPage(report)).to.contain('id="laboratory"');
    expect(() => reportOf(path.join(home, 'nowhere'), 'x')).to.throw(
      UsageError,
      'There is no folder of results',
    );
  });

  it('hands the measured landscapes of Fig. 1 to the laboratory', () => {
    const folder = path.join(home, 'landscapes');
    mkdirSync(folder);
    writeFileSync(path.join(folder, 'fig-1-smoke.json'), JSON.stringify(landscapeRecord()));
    const { surfaces, sections } = reportOf(folder, path.join(home, 'report.html'));
    expect(sections.map(({ title }) => title)).to.deep.equal([EXPERIMENTS[0].title]);
    expect(surfaces.map(({ title }) => title)).to.deep.equal([
      'measured, Fig. 1 (budget smoke, S2): ω as it is (first order)',
      'measured, Fig. 1 (budget smoke, S2): ω fine-tuned, M = 2',
    ]);
  });

  it('is written by the command, and says what is in it', async () => {
    const folder = path.join(home, 'command');
    mkdirSync(folder);
    const [record] = readdirSync(committedResults()).filter((name) => name === 'fig-4-laptop.json');
    copyFileSync(path.join(committedResults(), record), path.join(folder, record));
    const out = path.join(home, 'sent.html');
    const { code, stdout } = await zarts(['report', '--results', folder, '--out', out, '--json']);
    expect(code).to.equal(0);
    const said = JSON.parse(stdout) as { file: string; bytes: number; sections: string[] };
    expect(said).to.deep.include({ file: out, sections: ['fig-4-laptop'] });
    expect(existsSync(out)).to.equal(true);
    expect((await zarts(['report', '--results', path.join(home, 'nowhere')])).code).to.equal(2);
  });
});
