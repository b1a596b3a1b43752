import { expect } from 'chai';
import { canonicalJson } from '../../lib/runs/canonical.js';
import { RESULT_VERSION } from '../../lib/runs/store.js';
import type { FoundRun } from '../../lib/runs/store.js';
import { BUDGETS } from '../../lib/search/protocol.js';
import { cellsOf } from '../../reproductions/experiment.js';
import { partsOf } from '../../reproductions/kinds.js';
import { EXPERIMENTS } from '../../reproductions/registry.js';
import { usesOf } from '../../reproductions/uses.js';

/** What is computed first of each cell. */
const firsts = (
  experiment: (typeof EXPERIMENTS)[number],
  budget: (typeof BUDGETS)[number],
  seeds: number[],
) =>
  new Map(
    cellsOf(experiment, { budget, seeds })
      .map(({ run }) => partsOf(run)[0].protocol([]))
      .map((protocol) => [canonicalJson(protocol), protocol]),
  );

const found = (protocols: Iterable<unknown>): FoundRun[] =>
  Array.from(protocols, (protocol, i) => ({
    key: `run ${i}`,
    resultVersion: RESULT_VERSION,
    dataDigest: 'd',
    protocol: protocol as FoundRun['protocol'],
  }));

describe('uses of runs', function () {
  this.timeout(60_000);
  for (const budget of BUDGETS) {
    it(`are those of the grids with all seeds that occur, though grids are not made with all of them: ${budget}`, () => {
      for (const experiment of EXPERIMENTS) {
        const name = `${experiment.id}-${budget}`;
        const grid = firsts(experiment, budget, [0, 1, 2, 5]);
        // Half of what it has, and another figure's of later seeds.
        const half = [...grid.values()].filter((_, i) => i % 2 === 0);
        const others = firsts(EXPERIMENTS[experiment.id === 'fig-4' ? 6 : 3], 'smoke', [0, 7]);
        const runs = found([...half, ...others.values()]);
        const seeds = new Set(runs.flatMap(({ protocol }) => (protocol as { seed?: number }).seed ?? []));
        const whole = firsts(
          experiment,
          budget,
          [...seeds].sort((a, b) => a - b),
        );
        const uses = usesOf(runs, new Map(), [{ name, experiment, budget }]);
        const keys = (own: readonly FoundRun[]): string[] => own.map(({ key }) => key);
        const expected = keys(runs.filter(({ protocol }) => whole.has(canonicalJson(protocol))));
        expect(expected, name).to.include.members(keys(runs.slice(0, half.length)));
        expect(keys(runs.filter(({ key }) => uses.get(key)!.length > 0)), name).to.deep.equal(expected);
      }
    });
  }
});
