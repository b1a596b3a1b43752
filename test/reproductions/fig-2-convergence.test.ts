import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { chartSvg } from '../../lib/report/render.js';
import { textTable } from '../../lib/report/table.js';
import { canonicalJson } from '../../lib/runs/canonical.js';
import { KNOWN_GENOTYPES } from '../../lib/spaces/genotype.js';
import type { Genotype } from '../../lib/spaces/genotype.js';
import { retrainingSeconds } from '../../reproductions/comparison.js';
import { estimateSeconds, estimateTrainingSeconds } from '../../reproductions/cost.js';
import { fig2, skipsOf } from '../../reproductions/fig-2-convergence.js';
import type { Convergence } from '../../reproductions/fig-2-convergence.js';
import { runReproduction } from '../../reproductions/run.js';
import type { PartialReport } from '../../reproductions/run.js';
import { fakeRetrained } from './fake-retrained.js';
import { matchesSnapshot, withoutData } from './snapshot.js';

const laptop = fig2.protocols({ budget: 'laptop' });
const full = fig2.protocols({ budget: 'full' });

/** A cell pair with so many skip connections in either cell. */
function withSkips(count: number): Genotype {
  const { normal, reduce, ...rest } = KNOWN_GENOTYPES.DARTS_V2;
  const cell = (edges: Genotype['normal']): Genotype['normal'] =>
    edges.map(([, input], i) => [i < count ? 'skip_connect' : 'sep_conv_3x3', input]);
  return { ...rest, normal: cell(normal), reduce: cell(reduce) };
}

/** What a made-up method's network is after an epoch. */
interface Network {
  readonly accuracy: number;
  readonly skips: number;
  readonly fullParameters: number;
}

function fake(network: (method: string, epoch: number, seed: number) => Network, runs = laptop): Convergence {
  const retrained = fakeRetrained(runs, ({ method, seed, protocol }) => {
    const { accuracy, skips, fullParameters } = network(method, protocol.after!, seed);
    return { errorPct: 100 - accuracy, genotype: withSkips(skips), fullParameters };
  });
  const searches = [...new Map(retrained.runs.map((run) => [run.searchKey, run])).values()];
  const length = Math.max(...runs.map(({ after }) => after!));
  return {
    ...retrained,
    courses: searches.map(({ method, seed, searchKey }) => ({
      method,
      seed,
      searchKey,
      epochs: Array.from({ length }, (_, i) => {
        const { skips, fullParameters } = network(method, i + 1, seed);
        return {
          epoch: i + 1,
          skips: { normal: skips, reduce: skips },
          fullParameters,
          supernetAccuracyPct: 30 + (50 * i) / length + seed,
        };
      }),
    })),
  };
}

const verdicts = (result: Convergence): Record<string, string> =>
  Object.fromEntries(fig2.claims(result).map(({ id, verdict }) => [id, verdict]));

/** As the paper draws it: DARTS loses accuracy and size to skip connections, ZARTS stays. */
const asPrinted = fake((method, epoch, seed) =>
  method === 'darts-1st'
    ? {
        accuracy: 60 - epoch / 6 + seed / 10,
        skips: epoch <= 15 ? 2 : 6,
        fullParameters: epoch <= 15 ? 3.6e6 : 2.2e6 + 1e4 * seed,
      }
    : {
        accuracy: 60 + seed / 10 + (epoch % 20 === 0 ? 0.1 : 0),
        skips: 2,
        fullParameters: 4e6 + 1e4 * (epoch % 3),
      },
);

describe('Fig. 2', () => {
  it('has the paper’s searches at full, shorter ones at laptop, a network every few epochs of each', () => {
    const seen = (runs: typeof full) => [
      ...new Set(runs.map(({ method, search }) => `${method} ${search.space as string} ${search.epochs}`)),
    ];
    expect(seen(full)).to.deep.equal(['darts-1st darts 200', 'mgs darts 200', 'mgs-flat darts 200']);
    expect(seen(laptop)).to.deep.equal(['darts-1st s2 60', 'mgs s2 60', 'mgs-flat s2 60']);
    const epochs = (runs: typeof full) => [...new Set(runs.map(({ after }) => after))];
    expect(epochs(full)).to.deep.equal([25, 50, 75, 100, 125, 150, 175, 200]);
    expect(epochs(laptop)).to.deep.equal([10, 20, 30, 40, 50, 60]);
    expect(full).to.have.length(3 * 3 * 8);
    expect(laptop).to.have.length(3 * 3 * 6);
    for (const { training, after, factors, seed, search } of full) {
      expect(training.epochs).to.equal(600);
      expect(factors).to.deep.equal({ epoch: after });
      expect([training.seed, search.seed]).to.deep.equal([seed, seed]);
    }
    // One training's settings for all, whatever the method and the epoch.
    expect(new Set(laptop.map(({ training }) => canonicalJson({ ...training, seed: 0 }))).size).to.equal(1);
  });

  it('runs one search for all its networks, and takes about an hour at laptop', () => {
    expect(new Set(laptop.map(({ search }) => canonicalJson(search))).size).to.equal(9);
    expect(retrainingSeconds(laptop) / 3600).to.be.within(0.4, 1);
    expect(retrainingSeconds(fig2.protocols({ budget: 'smoke' }))).to.be.below(60);
    const [one] = laptop;
    const six = laptop.filter(({ method, seed }) => method === one.method && seed === 0);
    expect(retrainingSeconds(six)).to.be.closeTo(
      estimateSeconds([one.search]) + 6 * estimateTrainingSeconds(one.training, one.search),
      1e-6,
    );
  });

  it('takes settings: methods, space, distance of networks, length, training', () => {
    const set = ['methods=rs,darts-2nd', 'space=s3', 'every=5', 'epochs=12', 'training.epochs=2'];
    const runs = fig2.protocols({ budget: 'laptop', seeds: 1, set });
    expect(runs.map(({ method, after }) => `${method} ${after}`)).to.deep.equal(
      ['darts-2nd', 'rs'].flatMap((method) => [5, 10, 12].map((epoch) => `${method} ${epoch}`)),
    );
    for (const { search, training } of runs) {
      expect(search).to.include({ space: 's3', epochs: 12 });
      expect(search.history).to.deep.equal({ alphaEvery: 1 });
      expect(training.epochs).to.equal(2);
    }
    const flat = fig2.protocols({ budget: 'smoke', preset: 'flat', set: ['methods=mgs,mgs-flat'] });
    expect([...new Set(flat.map(({ method }) => method))]).to.deep.equal(['mgs']);
    for (const [wrong, message] of [
      ['methods=mg', 'Did you mean "mgs"?'],
      ['space=s9', 'Did you mean'],
      ['every=0', 'every is 0; it must be an integer of 1 or more'],
      ['evry=5', 'Did you mean "every"?'],
      ['seed=3', 'choose how many seeds with --seeds'],
      ['methods=[]', 'name at least one method'],
    ]) {
      expect(() => fig2.protocols({ budget: 'laptop', set: [wrong] }), wrong).to.throw(message);
    }
    expect(() => fig2.protocols({ budget: 'laptop', seeds: 0 })).to.throw('an integer of 1 or more');
  });

  it('tells a collapse of DARTS from one of ZARTS, and from none', () => {
    const dartsClaims = ['accuracy-falls', 'size-falls', 'skips-rise', 'supernet-rises'].map(
      (id) => `darts-${id}`,
    );
    const zartsClaims = ['accuracy-stays', 'size-stays', 'steadier', 'better-late', 'fewer-skips'];
    const all = [
      ...dartsClaims,
      ...['mgs', 'mgs-flat'].flatMap((method) => zartsClaims.map((id) => `${id}/${method}`)),
    ];
    expect(verdicts(asPrinted)).to.deep.equal(Object.fromEntries(all.map((id) => [id, 'supported'])));

    const reversed = verdicts(
      fake((method, epoch, seed) =>
        method === 'mgs'
          ? {
              accuracy: 60 - epoch / 4 + seed / 10,
              skips: epoch <= 15 ? 0 : 8,
              fullParameters: epoch <= 15 ? 4e6 : 2e6 + 1e4 * seed,
            }
          : { accuracy: 61 + epoch / 30 + seed / 10, skips: 2, fullParameters: 4e6 + 1e4 * (epoch % 2) },
      ),
    );
    for (const id of zartsClaims) expect(reversed[`${id}/mgs`], id).to.equal('not supported');
    expect(reversed['darts-accuracy-falls']).to.equal('not supported');
    // Sizes of equal networks, and counts that stay, decide nothing against what they scatter by.
    expect(reversed['darts-skips-rise']).to.equal('undecided');

    const alone = fake(() => ({ accuracy: 50, skips: 2, fullParameters: 3e6 }), laptop.slice(0, 18));
    for (const { verdict, n, detail } of fig2.claims(alone)) {
      expect(verdict).to.equal('undecided');
      expect(n).to.equal(1);
      expect(detail).to.contain('One seed has no spread');
    }
  });

  it('measures what its claims say', () => {
    const claims = fig2.claims(asPrinted);
    const of = (id: string) => claims.find((each) => each.id === id)!;
    // Along a line of 60 − epoch/6 from epoch 10 to epoch 60.
    expect(of('darts-accuracy-falls').statistic.value).to.be.closeTo(-50 / 6, 1e-9);
    expect(of('darts-skips-rise').statistic.value).to.be.closeTo(8, 1e-9);
    expect(of('fewer-skips/mgs').statistic.value).to.be.closeTo(-8, 1e-9);
    expect(of('darts-size-falls').statistic.value).to.be.closeTo(100 * (2.21 / 3.6 - 1), 1e-9);
    expect(of('darts-supernet-rises').statistic.value).to.be.closeTo((50 * 59) / 60, 1e-9);
    expect(of('darts-size-falls').text).to.contain('after epoch 15 of 60 (in print: 50 of 200)');
    // Two printed standard deviations: 2 · 0.3 / 3.7.
    expect(of('size-stays/mgs').detail).to.contain('from −16.22 to 16.22');
    // After epochs 20 to 60, whose mean is 40; three of the five are 0.1 above 60.
    expect(of('better-late/mgs').statistic.value).to.be.closeTo(40 / 6 + 0.06, 1e-9);
  });

  it('leaves out claims on methods that are not there, and has tables and charts of any part', () => {
    const zartsOnly = fig2.protocols({ budget: 'laptop', set: ['methods=gld'] });
    const result = fake(() => ({ accuracy: 50, skips: 1, fullParameters: 3e6 }), zartsOnly);
    expect(fig2.claims(result).map(({ id }) => id)).to.deep.equal(['accuracy-stays/gld', 'size-stays/gld']);
    const part: Convergence = {
      ...asPrinted,
      runs: asPrinted.runs.slice(0, 5),
      courses: asPrinted.courses.slice(0, 2),
      parts: { done: 5, of: 54 },
    };
    expect(fig2.tables(part)[0].title).to.contain('budget laptop; 5 of 54 networks');
    expect(fig2.tables(part)[0].rows).to.have.length(5);
    const none: Convergence = { ...asPrinted, runs: [], courses: [] };
    for (const each of [asPrinted, part, none]) {
      for (const table of fig2.tables(each)) expect(textTable(table)).not.to.match(/NaN|undefined/);
    }
    expect(fig2.charts(none)).to.be.empty;
    expect(fig2.claims(none)).to.be.empty;
  });

  it('prints a row for each method and epoch, and the paper apart', () => {
    const [ours, paper] = fig2.tables(asPrinted);
    expect(ours.rows.map(({ method, epoch }) => `${method} ${epoch}`).slice(4, 7)).to.deep.equal([
      'DARTS 1st 50',
      'DARTS 1st 60',
      'ZARTS-MGS 10',
    ]);
    expect(ours.rows[2]).to.include({
      n: 3,
      accuracy: '55.10 ± 0.10',
      normal: '6.0 ± 0.0',
      full: '2.21 ± 0.01',
      supernet: '55.2 ± 1.0',
    });
    expect(paper.rows.map(({ here }) => here)).to.deep.equal([60, 10, null, null, null]);
    expect(paper.notes!.join()).to.contain('not comparable');
    const [, atFull] = fig2.tables(fake(() => ({ accuracy: 97, skips: 1, fullParameters: 4e6 }), full));
    expect(atFull.rows.map(({ here }) => here)).to.deep.equal([200, 25, '97.00 ± 0.00', '4.0 ± 0.0', null]);
    expect(fig2.paper).to.deep.equal({
      'ZARTS accuracy': 97.4,
      'ZARTS parameters (M)': 4,
      'DARTS loses parameters after epoch': 50,
    });
  });

  it('says what it does otherwise, and does not call the length of the searches a deviation from 50 epochs', () => {
    const sentences = fig2.deviations(laptop);
    for (const sentence of [
      'The searches run in S2 instead of the DARTS space.',
      'A search has 60 epochs; in Fig. 2 of the paper 200.',
      'Networks are those after epochs 10, 20, 30, 40, 50, 60; in the paper every 25 epochs.',
      'Training: epochs is 12; the paper has 600.',
      "Not in the paper's figure: MGS flat.",
    ]) {
      expect(sentences).to.include(sentence);
    }
    expect(sentences.join('\n')).not.to.match(/history|Search: .*\bepochs is/);
    expect(fig2.deviations(full).join('\n')).not.to.match(/the paper has \d|in Fig\. 2/);
  });

  it('draws a line for each method, a point for each network', async () => {
    for (const { name, spec } of fig2.charts(asPrinted)) {
      matchesSnapshot(`fig-2-${name}`, withoutData(spec));
      const svg = await chartSvg(spec);
      expect(svg).not.to.match(/NaN|Infinity|undefined/);
      const marks = (role: string) => [...svg.matchAll(new RegExp(`aria-roledescription="${role}"`, 'g'))];
      const panels = name === 'skips' ? 2 : 1;
      expect(marks('line mark'), name).to.have.length(3 * panels);
      expect(marks('area mark'), name).to.have.length(3 * panels);
      expect(marks('point'), name).to.have.length(name === 'accuracy' ? laptop.length : 0);
    }
    // The paper's own values stand where they can be compared.
    const rules = (result: Convergence) => JSON.stringify(fig2.charts(result)[0].spec).includes('97.4');
    expect(rules(asPrinted)).to.equal(false);
    expect(rules(fake(() => ({ accuracy: 97, skips: 1, fullParameters: 4e6 }), full))).to.equal(true);
  });
});

describe('Fig. 2, run', function () {
  this.timeout(240_000);
  let home: string;
  before(() => (home = mkdtempSync(path.join(tmpdir(), 'zarts-fig-2-'))));
  after(() => {
    rmSync(home, { recursive: true, force: true });
  });

  it('searches once, trains equal genotypes once, is stopped and goes on, and keeps every epoch', async () => {
    // No update of alpha before the third epoch, and large ones then.
    const set = [
      'methods=mgs-flat',
      'epochs=3',
      'warmupEpochs=2',
      'solver.sigma=3',
      'omega.iterations=1',
      'training.epochs=1',
      'training.network.channels=2',
    ];
    const options = { budget: 'smoke', seeds: 1, data: 'synthetic', set, home } as const;
    const results = () =>
      readdirSync(path.join(home, 'runs'))
        .map((key) => path.join(home, 'runs', key, 'result.json'))
        .filter((file) => existsSync(file));
    const controller = new AbortController();
    const partials: PartialReport[] = [];
    const stopped = await runReproduction(fig2, {
      ...options,
      signal: controller.signal,
      onPart: (soFar) => {
        partials.push(soFar);
        controller.abort();
      },
    }).then(
      () => undefined,
      (error: unknown) => error as Error,
    );
    expect(stopped?.name).to.equal('InterruptedError');
    // The second network is the first one again, which takes no computing that could be stopped.
    expect(partials.map(({ done, of }) => [done, of])).to.deep.equal([
      [1, 3],
      [2, 3],
    ]);
    expect(readFileSync(partials[0].file, 'utf8')).to.contain('2 of 3 networks');
    expect(results()).to.have.length(3);

    const { result } = await runReproduction(fig2, options);
    const { runs, courses } = result;
    expect(runs.map(({ factors }) => factors?.epoch)).to.deep.equal([1, 2, 3]);
    expect(new Set(runs.map(({ searchKey }) => searchKey)).size).to.equal(1);
    expect(runs[1].genotype).to.deep.equal(runs[0].genotype);
    expect(runs[1].trainingKey).to.equal(runs[0].trainingKey);
    expect(runs[2].genotype).not.to.deep.equal(runs[0].genotype);
    // The linear baseline, one search, and a training for each different genotype.
    expect(results()).to.have.length(4);
    expect(courses).to.have.length(1);
    expect(courses[0].epochs.map(({ epoch }) => epoch)).to.deep.equal([1, 2, 3]);
    for (const [i, run] of runs.entries()) {
      expect(courses[0].epochs[i]).to.deep.include({
        skips: skipsOf(run.genotype),
        fullParameters: run.fullParameters,
      });
    }

    const before = results();
    const again = await runReproduction(fig2, { ...options, set: [...set, 'every=2'] });
    expect(again.result.runs.map(({ trainingKey }) => trainingKey)).to.deep.equal(
      [runs[1], runs[2]].map(({ trainingKey }) => trainingKey),
    );
    expect(results()).to.deep.equal(before);
  });
});
