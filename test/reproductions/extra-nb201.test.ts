import { expect } from 'chai';
import type { Table } from '../../lib/report/table.js';
import { UsageError } from '../../lib/errors.js';
import { foldIn, key, uniform } from '../../lib/math/random.js';
import { SEARCH, applySet, updatePeriod } from '../../lib/search/protocol.js';
import type { SearchProtocol } from '../../lib/search/protocol.js';
import { searchSeconds, searchWork } from '../../reproductions/cost.js';
import { deriveGenotype } from '../../lib/spaces/genotype.js';
import { architectureAt, architectureWeights } from '../../lib/spaces/architectures.js';
import { SPACES } from '../../lib/spaces/spaces.js';
import { cellsOf, viewOf } from '../../reproductions/experiment.js';
import { remaining } from '../../reproductions/measure.js';
import type { MeasuredCell } from '../../reproductions/experiment.js';
import { extraNb201 } from '../../reproductions/extra-nb201.js';
import type { KeptRun } from '../../reproductions/kinds.js';
import { BENCHMARK, LOOKUP, WHOLE_BENCHMARK, lookupOf } from '../../reproductions/lookups.js';
import { METHOD_IDS, searchBy } from '../../reproductions/nb201-searches.js';
import type { MethodAxes, MethodId, Nb201View } from '../../reproductions/nb201-searches.js';
import { syntheticBenchmark } from '../../lib/datasets/nats-bench.js';

const NB201 = SPACES.nb201;
const number = (text: string): number[] => text.split('').map(Number);

/** Skip connections alone, convolutions alone, and a cell that leads nowhere: the places of their operations on the edges. */
const CELLS = { skips: number('111111'), convolutions: number('333333'), nowhere: number('000000') };

/** Alphas that stand for a cell. */
const alphaOf = (places: readonly number[]): number[] =>
  places.flatMap((place) => [0, 1, 2, 3, 4].map((k) => (k === place ? 1 : 0)));

const table = syntheticBenchmark();
const known = { digest: table.digest, table };
const unknown = { digest: 'none', why: 'The table could not be downloaded: put it there.' };

async function computed(kind: typeof LOOKUP | typeof WHOLE_BENCHMARK, protocol: object, data: object) {
  const result = await (kind.compute as (work: object, options: object) => Promise<unknown>)(
    { protocol, data },
    {},
  );
  const kept = { protocol, result, provenance: { seconds: 1, data: null }, key: '', known: true };
  return kept as unknown as KeptRun;
}

/** A search that ended in the cell, its supernet ranking as the table does where `ranks` says so. */
async function searched(
  method: MethodId,
  seed: number,
  places: readonly number[],
  { ranks = true, data = known }: { readonly ranks?: boolean; readonly data?: object } = {},
): Promise<MeasuredCell> {
  const protocol: SearchProtocol = searchBy(method, 'laptop', seed);
  const alpha = alphaOf(places);
  const architectures = Array.from(uniform(foldIn(key(seed), 7), 40), (u) => 3200 + Math.floor(u * 12_000));
  const { cifar10 } = table.accuracies;
  const losses = architectures.map((each, i) => (ranks ? -cifar10[each] : Math.sin(31 * i)));
  const epochs = Array.from({ length: protocol.epochs }, (_, epoch) => ({
    epoch,
    ...(method === 'random-ws' ? {} : { alpha: epoch < 8 ? alphaOf(CELLS.convolutions) : alpha }),
    ...(protocol.ranking && (epoch + 1) % protocol.ranking.every === 0
      ? { ranking: { architectures, losses } }
      : {}),
  }));
  const genotype = deriveGenotype(NB201, Float64Array.from(alpha));
  const search = {
    protocol,
    result: { genotype, alpha, epochs },
    provenance: { seconds: 1 },
    key: '',
    known: true,
  };
  const kept = search as unknown as KeptRun;
  const looked = await computed(LOOKUP, lookupOf(search as never), data);
  return { kind: 'lookup', axes: { method }, kept: [kept, looked] };
}

async function view(runs: readonly Promise<MeasuredCell>[], data: object = known): Promise<Nb201View> {
  const whole = {
    kind: 'benchmark',
    axes: { method: 'table' },
    kept: [await computed(WHOLE_BENCHMARK, BENCHMARK, data)],
  };
  const all = [whole as MeasuredCell, ...(await Promise.all(runs))];
  return viewOf<'lookup' | 'benchmark', MethodAxes>({
    budget: 'laptop',
    runs: all,
    of: all.length,
    missing: [],
  });
}

const SEEDS = Array.from({ length: 12 }, (_, seed) => seed);
const each = (method: MethodId, places: readonly number[], options?: Parameters<typeof searched>[3]) =>
  SEEDS.map((seed) => searched(method, seed, places, options));

/** The key of the column with a title. */
const keyOf = ({ columns }: Table, title: string): string =>
  columns.find((column) => column.title === title)!.key;

describe('extra-nb201', () => {
  it('has 24 searches of the three methods that are compared, 12 of the others, and rankings of the three', async () => {
    const cells = cellsOf(extraNb201, { budget: 'laptop' });
    expect(cells[0].run.kind).to.equal('benchmark');
    const searches = cells.flatMap(({ run, axes }) => (run.kind === 'lookup' ? [{ ...run, ...axes }] : []));
    for (const method of METHOD_IDS) {
      const own = searches.filter((each) => each.method === method);
      const main = ['darts-1st', 'mgs-flat', 'random-ws'].includes(method);
      expect(own, method).to.have.length(main ? 24 : 12);
      for (const { search } of own) {
        expect(search.ranking !== undefined, method).to.equal(main);
        expect(search.history).to.deep.equal({ alphaEvery: 1 });
        expect(SEARCH.parse(search)).to.deep.equal(search);
      }
    }
    // A search and what is looked up of its end are one run.
    const nothing = await remaining(cells, new Map());
    expect(nothing).to.deep.include({ known: 0, of: cells.length });
    expect(() => cellsOf(extraNb201, { budget: 'smoke', change: { method: 'dart' as 'mgs' } })).to.throw(
      UsageError,
    );
  });

  it('has about a thousand weight steps a search at laptop, and as many updates with M = 0 as with M = 10', () => {
    for (const method of METHOD_IDS) {
      const { weightSteps } = searchWork(searchBy(method, 'laptop', 0));
      expect(weightSteps, method).to.equal(1000);
    }
    const [tuned, untuned] = (['mgs-flat', 'mgs-flat-m0'] as const).map((id) => searchBy(id, 'laptop', 0));
    expect(updatePeriod(tuned)).to.equal(10).and.to.equal(updatePeriod(untuned));
    expect(searchWork(untuned).fineTuneSteps).to.equal(0);
    // The same search but for the gradient of each update.
    const blind = searchBy('mgs-flat-no-gradient', 'laptop', 0);
    expect(searchWork(blind).gradients).to.equal(0);
    const { ranking, ...unranked } = tuned;
    expect(ranking).not.to.equal(undefined);
    expect(
      applySet(blind, `solver.lambda=${tuned.solver.kind === 'mgs' && tuned.solver.lambda}`),
    ).to.deep.equal(unranked);
    expect(searchSeconds(searchBy('darts-1st', 'laptop', 0))).to.be.below(60);
    expect(searchSeconds(tuned)).to.be.below(240);
  });

  it('supports what differs and nothing else, with the three endings apart', async () => {
    const shown = await view([
      ...each('darts-1st', CELLS.skips),
      ...each('mgs-flat', CELLS.convolutions),
      ...each('random-ws', CELLS.convolutions),
      ...each('rs', CELLS.nowhere),
    ]);
    const claims = Object.fromEntries(extraNb201.claims(shown).map((claim) => [claim.id, claim]));
    const verdicts = Object.fromEntries(Object.entries(claims).map(([id, { verdict }]) => [id, verdict]));
    expect(verdicts).to.include({
      'darts-without-convolutions': 'supported',
      'below-darts/mgs-flat': 'supported',
      'below-darts/rs': 'not supported',
      'below-chance/rs': 'not supported',
      'below-random-ws/mgs-flat': 'undecided',
      'below-darts/gld': 'not run',
    });
    expect(claims['below-darts/gld'].detail).to.match(/has too few searches here/);
    const share = claims['darts-without-convolutions'];
    expect(share.statistic.value).to.equal(1);
    expect(share.detail).to.match(/after Holm’s correction for \d+ primary questions.*Chance: 10\.5 %/);
    const { cifar10 } = table.accuracies;
    expect(claims['below-darts/mgs-flat'].statistic.value).to.equal(0.5);
    const [results, control] = extraNb201.tables(shown);
    const row = (method: string) => results.rows.find((each) => each['1'] === method)!;
    const [ending, derived] = ['disconnected', 'CIFAR-10, none left out'].map((title) =>
      keyOf(results, title),
    );
    expect(Object.values(row('DARTS 1st'))).to.include.members(['0 of 12', '12 of 12']);
    expect(row('ZARTS-RS')[ending]).to.equal('12 of 12');
    const skips = cifar10[parseInt('111111', 5)];
    expect(row('DARTS 1st')['3']).to.equal(`${skips.toFixed(2)} ± 0.00`);
    // The convolutions came before the skips, and the strongest but none is the first that is left.
    expect(row('ZARTS-RS')[derived]).to.equal(`${skips.toFixed(2)} ± 0.00`);
    expect(row('a uniform draw (exact)')[ending]).to.equal('2 %');
    expect(Object.values(control.rows[0])).to.include('1.00 ± 0.00');
    const charts = extraNb201.charts(shown).map(({ name }) => name);
    expect(charts).to.include.members(['regretgradient', 'regretzero', 'cifar', 'ends', 'control']);
    expect(extraNb201.drawings!(shown)[0].svg).to.contain('skip_connect');
  });

  it('decides nothing where the control fails, and says so', async () => {
    const blind = { ranks: false };
    const shown = await view([
      ...each('darts-1st', CELLS.skips, blind),
      ...each('mgs-flat', CELLS.convolutions, blind),
      ...each('random-ws', CELLS.convolutions, blind),
    ]);
    for (const { verdict, detail } of extraNb201.claims(shown)) {
      expect(verdict).to.equal('cannot be seen here');
      expect(detail).to.match(/^The control failed: τ of the losses in a supernet of random-ws/);
    }
  });

  it('shows searches without the table, their accuracies not known here', async () => {
    const shown = await view(each('darts-1st', CELLS.skips, { data: unknown }), unknown);
    const [results] = extraNb201.tables(shown);
    expect(results.rows).to.have.length(1);
    expect(results.rows[0]['3']).to.equal('–');
    expect(results.rows[0][keyOf(results, 'without convolution')]).to.equal('12 of 12');
    expect(results.notes![0]).to.equal(`Accuracies are not known here: ${unknown.why}`);
    expect(extraNb201.charts(shown)).to.deep.equal([]);
    for (const { verdict, detail } of extraNb201.claims(shown)) {
      expect(verdict).to.equal('not run');
      expect(detail).to.match(/not known here/);
    }
  });

  it('looks up an architecture that a supernet can be set to', () => {
    const genotype = architectureAt(NB201, parseInt('111111', 5));
    expect(Array.from(architectureWeights(NB201, genotype))).to.deep.equal(alphaOf(CELLS.skips));
  });
});
