import { expect } from 'chai';
import { cellsOf } from '../../reproductions/experiment.js';
import { searchOf } from '../../reproductions/kinds.js';
import { memoryBytes, needsOf, supernetParameters } from '../../reproductions/needs.js';
import { committedResults, readRecord, recordFiles } from '../../reproductions/records.js';
import { EXPERIMENTS, experimentById } from '../../reproductions/registry.js';
import type { SearchProtocol } from '../../lib/search/protocol.js';

describe('reproductions/needs', () => {
  it('counts the parameters of every supernet that a kept record has trained', () => {
    const runs = recordFiles(committedResults()).flatMap((file) => readRecord(file).result.runs);
    const searches = runs.flatMap(({ kept }) => kept).filter(({ protocol }) => protocol.kind === 'search');
    expect(searches).to.have.length.above(10);
    for (const { protocol, result } of searches) {
      const { supernetParameters: counted } = result as { supernetParameters: number };
      expect(supernetParameters(protocol as SearchProtocol)).to.equal(counted);
    }
  });

  it('needs more machines to be faster, but never less than the longest chain', () => {
    for (const experiment of EXPERIMENTS) {
      const cells = cellsOf(experiment, { budget: 'laptop', seeds: 1 });
      const [one, some, many] = [1, 4, 1e5].map((machines) => needsOf(cells, machines));
      expect(one.hoursOnAll).to.be.closeTo(one.hours, 1e-9);
      expect(some.hoursOnAll).to.be.within(many.hoursOnAll, one.hoursOnAll);
      expect(many.hoursOnAll).to.be.closeTo(many.longestHours, 1e-9);
      expect(one.diskBytes).to.be.above(0);
    }
  });

  it('knows more memory for larger steps', () => {
    const searches = cellsOf(experimentById('table-2'), { budget: 'full', seeds: 1 }).flatMap(
      ({ run }) => searchOf(run) ?? [],
    );
    const [search] = searches;
    const of = (batchSize: number): number =>
      memoryBytes({ kind: 'search', search: { ...search, batchSize } });
    expect(of(128) - of(64)).to.be.closeTo(2 * (of(64) - of(32)), 1);
    expect(of(64)).to.be.within(1e9, 6e9);
  });
});
