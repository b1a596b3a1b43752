import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { foldIn, key, normal } from '../../lib/math/random.js';
import { findSearchLogs } from '../../lib/datasets/rdarts-logs.js';
import { applySet, SEARCH } from '../../lib/search/protocol.js';
import type { DartsProtocol, SearchProtocol } from '../../lib/search/protocol.js';
import { deriveGenotype } from '../../lib/spaces/genotype.js';
import { SPACES } from '../../lib/spaces/spaces.js';
import { searchSeconds, searchWork } from '../../reproductions/cost.js';
import {
  FULL_REACH,
  reachOf,
  skipsOf,
  STRENGTH_IDS,
  strengthSearch,
} from '../../reproductions/curvature-searches.js';
import type { CurvatureView, StrengthAxes } from '../../reproductions/curvature-searches.js';
import { cellsOf, viewOf } from '../../reproductions/experiment.js';
import type { MeasuredCell } from '../../reproductions/experiment.js';
import { extraCurvature } from '../../reproductions/extra-curvature.js';
import { LOGS, readLogs, SEARCH_LOGS } from '../../reproductions/search-logs.js';
import type { LogsResult } from '../../reproductions/search-logs.js';
import { writeClone } from '../support/search-logs.js';
import type { MadeLog } from '../support/search-logs.js';
import { marksIn, printsWell, titled } from './fake-view.js';

const S1 = SPACES.s1;
const EDGES = S1.edges.normal;

/** Alphas whose normal cell has skip connections on as many of its 8 kept edges, as far as the space has them there. */
function alphaWith(skips: number, height: number): number[] {
  const rows = (['normal', 'reduce'] as const).flatMap((cell) =>
    S1.edges[cell].map((ops) => {
      const skip = ops.indexOf('skip_connect');
      return { cell, ops, skip };
    }),
  );
  // Into each node the same edges are kept: those that may be skips first, in order, until there are enough.
  let left = skips;
  const kept = new Set<number>();
  for (const [first, count] of [
    [0, 2],
    [2, 3],
    [5, 4],
    [9, 5],
  ]) {
    const own = Array.from({ length: count }, (_, i) => first + i);
    const able = own.filter((e) => EDGES[e].includes('skip_connect'));
    const chosen = [...able, ...own.filter((e) => !able.includes(e))].slice(0, 2);
    for (const e of chosen) kept.add(e);
  }
  return rows.flatMap(({ cell, ops, skip }, e) => {
    const among = cell === 'normal' && kept.has(e);
    const takes = among && skip >= 0 && left > 0;
    if (takes) left -= 1;
    const place = takes ? skip : ops.findIndex((op) => op !== 'skip_connect');
    return ops.map((_, k) => (k === place ? (among ? height : height / 2) : 0));
  });
}

/** A finished search: how many skips it ends with, its eigenvalues, and how far its alphas went. */
interface Made {
  readonly skips: number;
  readonly peak: number;
  readonly height?: number;
  readonly error?: number;
  /** The first eigenvalue; 0.3 of the peak when left out. */
  readonly first?: number;
  /** First, lowest and last training loss. */
  readonly losses?: readonly [number, number, number];
}

function measured(search: SearchProtocol, axes: StrengthAxes, made: Made): MeasuredCell {
  const { skips, peak, height = 3, error = 1e-4, losses: [first, lowest, last] = [2, 1, 1] } = made;
  const alpha = alphaWith(skips, height);
  const late = search.epochs - search.stability!.window;
  const epochs = Array.from({ length: search.epochs }, (_, epoch) => {
    const rising = epoch < late ? 0.3 : 1;
    return {
      epoch,
      trainLoss: epoch === 0 ? first : epoch === search.epochs - 1 ? last : lowest,
      alpha: epoch < late - 1 ? alphaWith(0, height) : alpha,
      dominantEigenvalue: epoch === 0 ? (made.first ?? peak * rising) : peak * rising,
      eigenvalueError: error,
    };
  });
  const genotype = deriveGenotype(S1, Float64Array.from(alpha));
  const kept = {
    protocol: search,
    result: { genotype, alpha, epochs },
    provenance: { seconds: 1 },
    key: '',
    known: true,
  };
  return { kind: 'search', axes, kept: [kept] };
}

/** What is shown of made-up searches, beside logs. */
function view(
  make: (axes: StrengthAxes, seed: number) => Made | undefined,
  logs: LogsResult = { known: false, why: 'The logs are not here: get them.' },
): CurvatureView {
  const cells = cellsOf(extraCurvature, { budget: 'laptop' });
  const runs = cells.flatMap((cell): MeasuredCell[] => {
    if (cell.run.kind === 'logs') {
      const kept = { protocol: LOGS, result: logs, provenance: { seconds: 1 }, key: '', known: true };
      return [{ kind: 'logs', axes: cell.axes, kept: [kept] }];
    }
    const made = make(cell.axes, cell.run.search.seed);
    return made ? [measured(cell.run.search, cell.axes, made)] : [];
  });
  return viewOf<'search' | 'logs', StrengthAxes>({ budget: 'laptop', runs, of: cells.length, missing: [] });
}

const byId = (shown: CurvatureView) =>
  Object.fromEntries(extraCurvature.claims(shown).map((claim) => [claim.id, claim]));

/** Fewer skips and less curvature with more of either, as in the authors' searches. */
const falling = ({ l2, dropPath }: StrengthAxes, seed: number): Made => {
  const rank = Math.round(dropPath > 0 ? 5 * dropPath : Math.log(l2 / 3e-4) / Math.log(3));
  return { skips: Math.round(6 - 1.5 * rank), peak: (1 - 0.2 * rank) * (1 + seed / 50) };
};

describe('extra-curvature', () => {
  const folders: string[] = [];
  after(() => {
    for (const each of folders) rmSync(each, { recursive: true, force: true });
  });

  it('has seven searches a seed, DARTS’ own in both series, each of second order and checked', () => {
    const cells = cellsOf(extraCurvature, { budget: 'laptop' });
    expect(cells.map(({ run }) => run.kind)).to.deep.equal(['logs', ...new Array<string>(42).fill('search')]);
    const first = cells.slice(1, 8).map(({ axes }) => [axes.l2, axes.dropPath]);
    expect(first).to.deep.equal([
      ...[3e-4, 9e-4, 27e-4, 81e-4].map((l2) => [l2, 0]),
      ...[0.2, 0.4, 0.6].map((dropPath) => [3e-4, dropPath]),
    ]);
    for (const id of STRENGTH_IDS) {
      for (const budget of ['smoke', 'laptop', 'full'] as const) {
        const search = strengthSearch(id, budget, 3);
        expect(SEARCH.parse(search)).to.deep.equal(search);
        expect(search.omega).to.include({ kind: 'unrolled', momentum: true, weightDecay: true });
        expect(search.alphaFirst).to.equal(true);
        expect(search.cutout !== undefined).to.equal(id.startsWith('drop'));
        // The rule: alpha can go as far as in the full search; what runs in seconds keeps its rates.
        if (budget !== 'smoke') expect(reachOf(search) / FULL_REACH).to.be.closeTo(1, 1e-12);
      }
    }
    expect(FULL_REACH).to.be.closeTo(3e-4 * 19_500, 1e-12);
    const full = strengthSearch('l2-3e-4', 'full', 0);
    expect(full.stability).to.include({
      action: 'record',
      every: 2,
      window: 5,
      lag: 5,
      startEpoch: 10,
      products: 40,
    });
    expect((full.solver as DartsProtocol).lr).to.equal(3e-4);
  });

  it('has about 2,000 weight steps at laptop on 1,024 images, some three minutes a search as estimated', () => {
    const search = strengthSearch('l2-81e-4', 'laptop', 0);
    expect(searchWork(search)).to.include({ weightSteps: 1920, alphaUpdates: 1920 });
    expect(search.dataset.trainSize).to.equal(1024);
    expect(search.stability).to.include({ every: 5, window: 12, lag: 12, startEpoch: 24 });
    // Two gradients for each of 20 products and one that checks them, in 25 epochs of 120; at full size in 26 of 50.
    const without = applySet(search, 'stability=none');
    expect(search.stability).to.include({ products: 20 });
    expect(searchWork(search).gradients - searchWork(without).gradients).to.equal(25 * 2 * 21);
    const full = strengthSearch('drop-0.2', 'full', 0);
    const fullWithout = applySet(full, 'stability=none');
    expect(searchWork(full).gradients - searchWork(fullWithout).gradients).to.equal(26 * 2 * 41);
    expect(searchSeconds(search)).to.be.within(100, 260);
  });

  it('tells what a strength does at the end from a largest eigenvalue that came before it acted', () => {
    const shown = view((axes, seed) => ({ ...falling(axes, seed), first: 2 + seed / 10 }));
    const claims = byId(shown);
    expect(claims['eigenvalue/l2']).to.include({ verdict: 'undecided' });
    expect(claims['eigenvalue/l2'].detail).to.contain('In 24 of 24 searches the largest is the first one');
    for (const series of ['l2', 'dropPath']) {
      expect(claims[`eigenvalue-end/${series}`]).to.include({ verdict: 'supported', secondary: true, n: 6 });
    }
    expect(byId(view(falling))['eigenvalue/l2'].detail).to.not.contain('the first one');
  });

  it('finds an order that is there, with its interval, n and what n could have found', () => {
    const shown = view(falling);
    const claims = byId(shown);
    for (const id of ['skips/l2', 'eigenvalue/l2', 'skips/dropPath', 'eigenvalue/dropPath']) {
      const { verdict, statistic, interval, n, detail } = claims[id];
      expect(verdict, id).to.equal('supported');
      expect(statistic.value, id).to.be.below(-0.9);
      expect(interval![1], id).to.be.below(0);
      expect(n).to.equal(6);
      expect(detail).to.match(
        /after Holm’s correction for 4 primary questions; decided below 0\.05\. 6 × 4 searches: so many find a τ of 0\.\d\d in four cases of five\./,
      );
    }
    expect(claims['eigenvalue-skips'].verdict).to.equal('supported');
    expect(claims['eigenvalue-skips'].detail).to.match(/a secondary question, not corrected/);
    // The skips came when the eigenvalue had risen: stopping goes back to before them.
    expect(claims['early-stopping']).to.include({ verdict: 'supported', n: 6 });
    expect(claims['early-stopping'].statistic.value).to.equal(6);
    // Without the logs that is said, and nothing else is missing.
    expect(claims['full-size/skips/l2']).to.include({
      verdict: 'not run',
      detail: 'The logs are not here: get them.',
    });
    const tables = extraCurvature.tables(shown);
    expect(tables).to.have.length(2);
    expect(tables[1].notes![0]).to.equal('The logs are not here: get them.');
    printsWell(tables);
    const row = titled(tables[1])[3];
    expect(row).to.include({ n: 6, '': 'L2 81e-4', skips: '2.0 ± 0.0', 'by seed': '2 2 2 2 2 2' });
    expect(row['early stopping']).to.match(/^6 of 6, back to \d+$/);
    expect(titled(tables[0]).map((each) => each[''])).to.deep.equal(new Array<string>(9).fill('✓ seen'));
    expect(titled(tables[0])[0].found).to.match(/^6\.0 \[5\.7, 6\.3\]; by chance 3\.6$/);
  });

  it('finds none in the turned order or in no order, and counts seeds that are whole alone', () => {
    const turned = byId(
      view((axes, seed) => ({ ...falling(axes, seed), skips: Math.min(6, 10 - falling(axes, seed).skips) })),
    );
    expect(turned['skips/l2'].verdict).to.equal('not supported');
    expect(turned['eigenvalue/l2'].verdict).to.equal('supported');
    expect(turned['eigenvalue-skips'].verdict).to.equal('not supported');
    const scrambled = byId(
      view(({ l2, dropPath }, seed) => {
        const [u] = normal(foldIn(key(seed), Math.round(1e5 * l2 + 10 * dropPath)), 1);
        return { skips: u > 0 ? 4 : 5, peak: 1 + u / 10 };
      }),
    );
    expect(scrambled['skips/l2'].verdict).to.equal('undecided');
    expect(scrambled['eigenvalue/dropPath'].verdict).to.equal('undecided');
    // The last seed is under way.
    const part = byId(
      view((axes, seed) =>
        seed === 5 && (axes.dropPath > 0 || axes.l2 === 81e-4) ? undefined : falling(axes, seed),
      ),
    );
    expect(part['skips/l2'].n).to.equal(5);
    expect(part['skips/l2'].detail).to.match(/ 5 × 4 searches: .* Left out: 1 seed with some of them\.$/);
    expect(part['skips/dropPath'].n).to.equal(5);
    expect(part['eigenvalue-skips'].detail).to.match(/ 38 searches of 6 seeds: so many find a τ of 0\.\d\d/);
    expect(byId(view(() => undefined))['skips/l2'].detail).to.equal(
      'The control was not run: With each decay, every supernet learns: its training loss is a tenth and more below its first (no searches).',
    );
  });

  it('says no more than was compared: strengths that are not there, and images that are cut out with paths dropped alone', () => {
    const without = byId(view((axes, seed) => (axes.l2 === 81e-4 ? undefined : falling(axes, seed))));
    expect(without['skips/l2'].text).to.match(/^The stronger the weights’ decay, up to 27e-4, /);
    expect(without['skips/l2'].verdict).to.equal('supported');
    expect(byId(view(falling))['skips/l2'].text).to.match(/^The stronger the weights’ decay, up to 81e-4, /);
    // One step, from none to any: an order all the same, and that is all that there is.
    const step = byId(
      view((axes, seed) => ({
        ...falling(axes, seed),
        skips: axes.dropPath > 0 ? 3 : falling(axes, seed).skips,
      })),
    );
    expect(step['skips/dropPath'].verdict).to.equal('supported');
    expect(step['skips/dropPath'].detail).to.match(
      /Images are cut out wherever paths are dropped; among 0\.2, 0\.4, 0\.6 alone τ is 0\.00 \(p = 1\.0\)\.$/,
    );
    expect(byId(view(falling))['skips/dropPath'].detail).to.match(/ alone τ is −1\.00 \(p = [\d.e-]+\)\.$/);
    // As many orders as two strengths have are not so few that one of them would be unlikely, of four questions.
    const two = byId(
      view((axes, seed) =>
        [3e-4, 81e-4].includes(axes.l2) && axes.dropPath === 0 ? falling(axes, seed) : undefined,
      ),
    );
    expect(two['eigenvalue/l2'].detail).to.match(/6 × 2 searches: so few find no τ, however large/);
  });

  it('decides nothing where a control fails, and says which', () => {
    const failed = /^The control failed: /;
    const still = view((axes, seed) => ({ ...falling(axes, seed), height: 0.05 }));
    for (const [id, { verdict, detail }] of Object.entries(byId(still))) {
      if (id.startsWith('full-size')) continue;
      expect(verdict, id).to.equal('cannot be seen here');
      expect(detail)
        .to.match(failed)
        .and.match(/, α goes farther than chance carries it \(least with .* 0\.\d times/);
    }
    // One strength without any movement has the skips of chance, fewer than a collapse: it is no part of an order.
    const frozen = byId(
      view((axes, seed) => ({ ...falling(axes, seed), height: axes.l2 === 81e-4 ? 0.2 : 3 })),
    );
    expect(frozen['skips/l2'].verdict).to.equal('cannot be seen here');
    expect(frozen['skips/l2'].detail).to.match(/least with L2 81e-4: 0\.\d times as far/);
    expect(frozen['skips/dropPath'].verdict).to.equal('supported');
    const blurred = byId(view((axes, seed) => ({ ...falling(axes, seed), error: 0.15 })));
    expect(blurred['skips/l2'].verdict).to.equal('supported');
    expect(blurred['eigenvalue/l2'].verdict).to.equal('cannot be seen here');
    expect(blurred['eigenvalue/l2'].detail).to.match(
      /eigenvalue that counts is ten times its numerical error and more \(the error is at most \d+/,
    );
    // A decay so strong that nothing is learned would look like the claim, and so would one that is learned under no longer.
    for (const losses of [
      [2.3, 2.3, 2.3],
      [2.3, 1.2, 2.3],
    ] as const) {
      const dead = byId(
        view((axes, seed) => ({ ...falling(axes, seed), ...(axes.l2 === 81e-4 && { losses }) })),
      );
      expect(dead['eigenvalue/l2'].verdict).to.equal('cannot be seen here');
      expect(dead['eigenvalue/l2'].detail)
        .to.match(failed)
        .and.match(/every supernet learns: .* \(the one that learns least: first 2\.30, last 2\.30\)\.$/);
      expect(dead['eigenvalue/dropPath'].verdict).to.equal('supported');
    }
    // Dropped paths raise a training loss again, whatever was learned.
    const dropped = (losses: readonly [number, number, number]) =>
      byId(view((axes, seed) => ({ ...falling(axes, seed), ...(axes.dropPath === 0.6 && { losses }) })));
    expect(dropped([2.3, 1.2, 2.4])['skips/dropPath'].verdict).to.equal('supported');
    expect(dropped([2.3, 2.2, 2.4])['skips/dropPath'].verdict).to.equal('cannot be seen here');
    expect(dropped([2.3, 2.2, 2.4])['skips/l2'].verdict).to.equal('supported');
    const flat = byId(view((axes, seed) => ({ ...falling(axes, seed), peak: -1e-6 })));
    expect(flat['eigenvalue/l2'].detail).to.match(/an eigenvalue is not above 0/);
    // Where plain DARTS has no more skips than chance there is nothing to keep it from, however few regularized ones have.
    const none = byId(
      view((axes, seed) => ({ ...falling(axes, seed), skips: Math.max(0, falling(axes, seed).skips - 3) })),
    );
    for (const id of ['skips/l2', 'skips/dropPath', 'eigenvalue-skips', 'early-stopping']) {
      expect(none[id].verdict, id).to.equal('cannot be seen here');
      expect(none[id].detail, id).to.match(
        /DARTS as it is ends with more skip connections than chance \(3\.0 \[2\.7/,
      );
    }
    expect(none['eigenvalue/l2'].verdict).to.equal('supported');
  });

  it('puts the authors’ searches beside, their eigenvalues from the matrices, checked by a direct method and by figures', async () => {
    const epochs = Array.from({ length: 26 }, (_, i) => (i < 25 ? 2 * i : 49));
    const log = (l2: number, dropPath: number, seed: number): MadeLog => {
      const { skips, peak } = falling({ l2, dropPath }, seed);
      // Twice as large from epoch 20 on.
      return {
        l2,
        dropPath,
        seed,
        skips,
        epochs,
        eigenvalues: epochs.map((epoch) => peak / (epoch < 20 ? 2 : 1)),
        size: 12,
      };
    };
    const searches = [1, 2, 3].flatMap((seed) => [
      ...[3e-4, 9e-4, 27e-4, 81e-4].map((l2) => log(l2, 0, seed)),
      ...[0.2, 0.4, 0.6].map((dropPath) => log(3e-4, dropPath, seed)),
    ]);
    const collapsed: MadeLog = {
      ...searches[0],
      space: 's3',
      dataset: 'svhn',
      l2: 729e-4,
      skips: 8,
      size: 16,
      eigenvalues: epochs.map(() => 0.001),
    };
    const folder = mkdtempSync(join(tmpdir(), 'zarts-curvature-'));
    folders.push(folder);
    writeClone(folder, [...searches, collapsed]);
    const logs = (await findSearchLogs({ data: folder }))!;
    const all = [...searches, collapsed];
    const idOf = ({
      space = 's1',
      l2,
      dropPath,
      seed,
    }: Pick<MadeLog, 'space' | 'l2' | 'dropPath' | 'seed'>) => [space, l2, dropPath, seed].join();
    const known = logs.matrices.map(({ hessians, ...search }) => ({
      ...search,
      epochs: hessians().map(({ epoch }) => epoch),
      dominantEigenvalue: all
        .find((each) => idOf(each) === idOf(search))!
        .eigenvalues.map((value) => Number(value.toFixed(6))),
    }));
    const read = await readLogs({ ...logs, figures: known });
    expect(read.check).to.deep.include({ matrices: 22 * 26, sizes: [12, 16] });
    // Lanczos' tolerance is half a percent of the residual's norm; values are much closer.
    expect(read.check!.direct).to.be.below(1e-3);
    expect(read.check!.figures).to.be.below(1e-3);
    const wrong = await readLogs({
      ...logs,
      figures: known.map((each) => ({
        ...each,
        dominantEigenvalue: each.dominantEigenvalue.map((x) => 1.1 * x),
      })),
    });
    expect(wrong.check!.figures).to.be.within(0.08, 0.1);

    const shown = view(falling, read);
    const claims = byId(shown);
    expect(claims['full-size/skips/l2']).to.include({ verdict: 'supported', n: 3 });
    expect(claims['full-size/eigenvalue/dropPath'].verdict).to.equal('supported');
    // They are no part of what is corrected for.
    expect(claims['skips/l2'].detail).to.match(/correction for 4 primary/);
    expect(claims['full-size/skips/l2'].detail).to.match(
      /What is asked about was chosen with these logs in view; over all 4 strengths that they have τ is −1\.00\./,
    );
    const [, results, table] = extraCurvature.tables(shown);
    printsWell([results, table]);
    const [plain] = titled(results);
    expect(plain).to.include({ 'full size: skips': '6 6 6', 'full size: largest eigenvalue': '1.04' });
    // λ̄ rises by half at epoch 19 or 20 by windows of 2 or 3 logged epochs: seen by 22, back by 7.
    expect(plain['full size: early stopping']).to.match(/^3 of 3, back to 1[3-6](–1[3-6])?$/);
    const last = titled(table).find((each) => each.space === 'S3')!;
    expect(last).to.include({
      'data set': 'SVHN',
      skips: '8',
      'largest eigenvalue': '0.001',
      'our early stopping': '0 of 1',
    });
    expect(table.notes!.join(' ')).to.match(
      /eigenvalues of 572 matrices of 12×12 and 16×16 .* within \S+ % of a direct method’s, and within/,
    );
    const fromFigures = view(falling, { known: true, searches: known, check: null });
    expect(extraCurvature.tables(fromFigures)[2].notes!.join(' ')).to.match(
      /From figures worked out from the logs/,
    );
  }).timeout(60_000);

  it('draws curvature along the search, skips against strength, and both against each other, with and without logs', async () => {
    const logged = [3e-4, 9e-4, 27e-4, 81e-4].flatMap((l2) =>
      [1, 2].map((seed) => {
        const { skips, peak } = falling({ l2, dropPath: 0 }, seed);
        return {
          ...{ space: 's1', dataset: 'cifar10', dropPath: 0, l2, seed, job: '1', normalSkips: skips },
          epochs: [0, 24, 49],
          dominantEigenvalue: [0.1, peak, peak / 2],
        };
      }),
    );
    const names = (shown: CurvatureView) => extraCurvature.charts(shown).map(({ name }) => name);
    const alone = view(falling);
    expect(names(alone)).to.deep.equal(['alongdecay', 'alongdrop', 'orderdecay', 'orderdrop', 'scatter']);
    const beside = view(falling, { known: true, searches: logged, check: null });
    expect(names(beside)).to.include('fulldecay');
    const scatter = extraCurvature.charts(beside).find(({ name }) => name === 'scatter')!;
    expect(await marksIn(scatter, 'point')).to.equal(42 + 8);
    const order = extraCurvature.charts(beside).find(({ name }) => name === 'orderdecay')!;
    expect(await marksIn(order, 'point')).to.equal(4 * 4);
    expect(extraCurvature.charts(view(() => undefined))).to.deep.equal([]);
  });

  it('takes the strengths from the settings, so that a change by hand is shown as what it is', () => {
    const cells = cellsOf(extraCurvature, {
      budget: 'smoke',
      seeds: 1,
      change: { strength: ['l2-3e-4', 'drop-0.6'], weights: { weightDecay: 0.05 } },
    });
    expect(cells.slice(1).map(({ axes }) => axes)).to.deep.equal([
      { l2: 0.05, dropPath: 0 },
      { l2: 0.05, dropPath: 0.6 },
    ]);
    const said = extraCurvature.deviations(cells).join(' ');
    expect(said)
      .to.match(/the argument is R-DARTS’/)
      .and.match(
        /Alpha’s rate times the number of its updates is 0\.0024, of 8 updates; in the full search 5\.85, of 19500 updates\./,
      );
    expect(said).to.not.match(/weights\.weightDecay|dropPath\.probability/);
  });

  it('has no logs with computed images, and says how to get them', async () => {
    const { known, why } = (await (
      SEARCH_LOGS.compute as (work: object, options: object) => Promise<LogsResult>
    )({ data: await SEARCH_LOGS.data(LOGS, { data: 'synthetic' }) }, {})) as { known: boolean; why: string };
    expect(known).to.equal(false);
    expect(why).to.match(/clone https:\/\/github\.com\/automl\/RobustDARTS/);
    expect(skipsOf({ genotype: deriveGenotype(S1, Float64Array.from(alphaWith(5, 1))) })).to.equal(5);
  });
});
