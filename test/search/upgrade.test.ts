import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { UsageError } from '../../lib/errors.js';
import { DATASET_NAMES } from '../../lib/datasets/registry.js';
import { canonicalJson } from '../../lib/runs/canonical.js';
import { LANDSCAPE, PATH } from '../../lib/search/landscape-protocol.js';
import { fullSearch, onDataset, withBudget } from '../../lib/search/presets.js';
import { applySet, SEARCH } from '../../lib/search/protocol.js';
import type { SearchProtocol } from '../../lib/search/protocol.js';
import { upgraded } from '../../lib/search/upgrade.js';
import { BUDGETS, PRESETS } from '../../lib/settings.js';
import { TWO_CELL_IDS } from '../../lib/spaces/spaces.js';
import { FIXTURES } from '../support/fixtures.js';
import { oldProtocol } from '../support/old-protocols.js';
import { BASE_IDS } from './helpers.js';

/** By "solver space preset": of each protocol of version 1, budgets outermost, then data sets. */
const DIGESTS = JSON.parse(readFileSync(path.join(FIXTURES, 'protocol-digests.json'), 'utf8')) as Readonly<
  Record<string, string>
>;

const digest = (protocol: unknown): string =>
  createHash('sha256').update(canonicalJson(protocol)).digest('hex').slice(0, 16);

/** A search with the defaults of its time: rates as in the full one, alpha after the weights, Eq. 2 as printed but where released. */
function asThen({ alphaFirst: _, ...search }: SearchProtocol, full: SearchProtocol): SearchProtocol {
  const { solver, omega, weights, preset } = search;
  const own = full.solver as { lr?: number; xi?: number };
  const released = preset === 'released';
  return {
    ...search,
    weights: { ...weights, lr: full.weights.lr, lrMin: full.weights.lrMin },
    solver: {
      ...solver,
      ...('lr' in solver ? { lr: own.lr! } : {}),
      ...('xi' in solver ? { xi: own.xi! } : {}),
    },
    omega: omega.kind === 'unrolled' ? { ...omega, momentum: released, weightDecay: released } : omega,
  };
}

/** Every protocol of a solver in a space under a preset. */
const protocolsOf = (solver: string, space: string, preset: string): SearchProtocol[] =>
  BUDGETS.flatMap((budget) =>
    DATASET_NAMES.map((name) => {
      const full = onDataset(fullSearch(space, solver, preset), name);
      return asThen(withBudget(full, budget), full);
    }),
  );

describe('search/upgrade', () => {
  it('leaves every protocol what it was: solver × space × preset × budget × data set', () => {
    const found: Record<string, string> = {};
    // What came after the first version has no digest of it.
    for (const solver of BASE_IDS.filter((id) => id !== 'random-ws')) {
      for (const space of TWO_CELL_IDS) {
        for (const preset of PRESETS) {
          const protocols = protocolsOf(solver, space, preset);
          found[`${solver === 'random-alpha' ? 'random' : solver} ${space} ${preset}`] = protocols
            .map((each) => digest(oldProtocol(each)))
            .join(' ');
          for (const protocol of protocols)
            expect(SEARCH.parse(oldProtocol(protocol))).to.deep.equal(protocol);
        }
      }
    }
    expect(found).to.deep.equal(DIGESTS);
  });

  it('reads a solver that had another name', () => {
    const protocol = fullSearch('s2', 'random-alpha');
    expect(SEARCH.parse({ ...protocol, solver: { ...protocol.solver, kind: 'random' } })).to.deep.equal(
      protocol,
    );
    expect(() => fullSearch('s2', 'random')).to.throw(UsageError, /random is now called random-alpha/);
  });

  it('reads what settings changed by hand, and leaves alone what is no protocol of version 1', () => {
    const changes = [
      ['omega.momentum=inherit', 'omega.split=val', 'omega.lr=0.01'],
      ['omega.iterations=0'],
      ['omega.kind=coast', 'omega.drift=false'],
    ];
    for (const change of changes) {
      const protocol = applySet(fullSearch('s2'), ...change);
      expect(SEARCH.parse(oldProtocol(protocol))).to.deep.equal(protocol);
    }
    const second = applySet(fullSearch('s2', 'darts-2nd'), 'omega.momentum=true');
    expect(SEARCH.parse(oldProtocol(second))).to.deep.equal(second);
    for (const value of [null, 7, 'x', [], {}, { version: 1 }, { version: 1, kind: 'search' }, second]) {
      expect(() => upgraded(value)).to.not.throw();
    }
    expect(upgraded(second)).to.deep.equal(second);
  });

  it('reads landscapes and paths, and the searches in them', () => {
    const landscape = LANDSCAPE.parse({
      version: 2,
      kind: 'landscape',
      budget: 'smoke',
      seed: 1,
      supernet: withBudget(fullSearch('s2', 'darts-2nd', 'released'), 'smoke'),
      directions: 'orthonormal',
      points: 5,
      extent: 1,
      omega: { kind: 'unrolled', lr: 'scheduled', momentum: false, weightDecay: false },
      normalization: 'batch',
      validationBatches: 'all',
    });
    const path = PATH.parse({
      version: 1,
      kind: 'path',
      budget: 'smoke',
      seed: 1,
      landscape,
      solver: { kind: 'gradient', step: 1 },
      updates: 1,
      weightSteps: 0,
      start: { x: 0, y: 0 },
    });
    expect(PATH.parse(oldProtocol(path))).to.deep.equal(path);
    const finetuned = { kind: 'finetuned', iterations: 2, lr: 0.1 };
    const { omega, supernet } = LANDSCAPE.parse({ ...(oldProtocol(landscape) as object), omega: finetuned });
    expect(omega).to.deep.equal({ ...finetuned, momentum: 'zero', split: 'train' });
    expect(supernet).to.deep.equal(landscape.supernet);
  });
});
