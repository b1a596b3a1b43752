import { cpus } from 'node:os';
import { expect } from 'chai';
import { bitsOf } from '../../lib/runs/environment.js';
import { fullSearch, withBudget } from '../../lib/search/presets.js';
import type { SearchProtocol } from '../../lib/search/protocol.js';
import type { SpaceId } from '../../lib/spaces/spaces.js';
import { paceBy, paceText } from '../../reproductions/pace.js';
import type { Timed as TimedRun } from '../../reproductions/pace.js';

type Timed = TimedRun<SearchProtocol>;

describe('reproductions/pace', () => {
  const ESTIMATED = 100;
  const bits = bitsOf(null);
  const machine = { ...bits, cores: cpus().length };
  /** A search in a space that took so many times as long as estimated, finished in a minute of an hour. */
  const run = (space: SpaceId, times: number, minute = 0, there: object = machine): Timed => ({
    protocol: withBudget(fullSearch(space, 'mgs'), 'laptop'),
    provenance: { ...there, seconds: times * ESTIMATED },
    finished: `2026-11-30T12:${String(minute).padStart(2, '0')}:00.000Z`,
  });
  const pace = (runs: readonly Timed[], estimated = ESTIMATED) => paceBy(runs, () => estimated);
  const search = (space: string, solver = 'mgs') =>
    ({ kind: 'search', space, solver: { kind: solver } }) as const;

  it('is as estimated where nothing was computed', () => {
    expect(pace([]).runs).to.equal(0);
    expect(pace([]).of(search('s2'))).to.equal(1);
    expect(paceText(pace([]))).to.equal('for two cores');
  });

  it('is what runs took here, by the median', () => {
    const found = pace([run('s2', 2), run('s2', 3), run('s2', 10)]);
    expect(found.runs).to.equal(3);
    expect(found.of(search('s2'))).to.equal(3);
    expect(paceText(found)).to.equal('by 3 runs that this machine computed');
  });

  it('is told apart by space and solver where there are such runs, else by what is nearest', () => {
    const found = pace([run('s2', 2), run('s4', 6)]);
    expect(found.of(search('s2'))).to.equal(2);
    expect(found.of(search('s4', 'darts'))).to.equal(6);
    expect(found.of(search('s3'))).to.equal(4);
    expect(found.of({ kind: 'evaluation' })).to.equal(4);
  });

  it('is that of the search where nothing was measured on a supernet of its kind yet', () => {
    const found = pace([run('s2', 2), run('s4', 6), run('s4', 6)]);
    const supernet = search('s2');
    expect(found.of({ kind: 'landscape', supernet })).to.equal(2);
    expect(found.of({ kind: 'path', landscape: { supernet } })).to.equal(2);
  });

  it('leaves out runs of other machines, and those too short to tell', () => {
    const other = { ...machine, processor: 'another' };
    const older = { processor: bits.processor, cores: machine.cores };
    const bigger = { ...machine, cores: cpus().length + 1 };
    const found = pace([run('s2', 9, 0, other), run('s2', 9, 0, older), run('s2', 9, 0, bigger)]);
    expect(found.runs).to.equal(0);
    expect(pace([run('s2', 2)], 4.9).runs).to.equal(0);
    expect(paceBy([run('s2', 2)], () => undefined).runs).to.equal(0);
  });

  it('goes by the newest', () => {
    const slow = Array.from({ length: 30 }, (_, minute) => run('s2', 5, minute));
    const fast = Array.from({ length: 20 }, (_, minute) => run('s2', 1, minute + 30));
    expect(pace([...slow, ...fast]).of(search('s2'))).to.equal(1);
    expect(pace([...fast, ...slow]).of(search('s2'))).to.equal(1);
  });
});
