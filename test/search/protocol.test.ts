import { expect } from 'chai';
import fc from 'fast-check';
import { UsageError } from '../../lib/errors.js';
import { protocolOf } from '../../bin/cli/search.js';
import {
  alphaUpdates,
  deviations,
  fullSearch,
  openSettings,
  settingSource,
  solverSearch,
  onDataset,
  withBudget,
} from '../../lib/search/presets.js';
import {
  BUDGETS,
  PRESETS,
  applySet,
  checkAgainstData,
  halfSize,
  isZeroOrder,
  SEARCH,
  searchSchema,
  spaceName,
  spaceOf,
  updatePeriod,
} from '../../lib/search/protocol.js';
import type { SearchProtocol } from '../../lib/search/protocol.js';
import { SOLVER_IDS, solverId, solversWith } from '../../lib/search/solvers.js';
import type { SolverId } from '../../lib/search/solvers.js';
import { describe as describeFields, fieldsOf, settablePaths } from '../../lib/settings.js';
import { createSolver } from '../../lib/solvers/registry.js';
import { SPACES, SPACE_IDS, TWO_CELL_IDS } from '../../lib/spaces/spaces.js';
import type { SearchSpace } from '../../lib/spaces/spaces.js';
import { BASE_IDS } from './helpers.js';

const PAPER = fullSearch('s2');
const every = SPACE_IDS.flatMap((space) =>
  BASE_IDS.flatMap((solver) => PRESETS.map((preset) => fullSearch(space, solver, preset))),
);

/** Where a setting of the solver's own search in S2 comes from. */
function sourceOf(path: string, solver: SolverId): string {
  const field = fieldsOf(searchSchema, fullSearch('s2', solver)).find((each) => each.path === path);
  return settingSource(field!, solver);
}

/** The sentence that a change to the paper's protocol is refused with. */
function refusal(path: string, value: unknown, from: SearchProtocol = PAPER): string {
  const changed = structuredClone(from) as unknown as Record<string, unknown>;
  const steps = path.split('.');
  const last = steps.pop()!;
  const group = steps.reduce((at, step) => at[step] as Record<string, unknown>, changed);
  if (value === undefined) delete group[last];
  else group[last] = value;
  try {
    SEARCH.parse(changed);
  } catch (error) {
    expect(error).to.be.instanceOf(UsageError);
    return (error as Error).message;
  }
  return 'accepted';
}

describe('search/protocol', () => {
  it('is valid, survives JSON and makes a solver: every space, solver, preset and budget', () => {
    for (const full of every) {
      for (const budget of BUDGETS) {
        const protocol = withBudget(full, budget);
        expect(SEARCH.parse(JSON.parse(JSON.stringify(protocol)))).to.deep.equal(protocol);
        if (isZeroOrder(protocol.solver))
          expect(createSolver(protocol.solver).kind).to.equal(protocol.solver.kind);
      }
    }
  });

  it('documents and bounds every field', () => {
    for (const protocol of every) {
      const fields = describeFields(SEARCH.schema, protocol);
      for (const { path, bounds } of fields) expect(bounds, path).to.not.equal('');
      const leaves = (value: object, prefix = ''): string[] =>
        Object.entries(value).flatMap(([name, child]: [string, unknown]) =>
          child !== null && typeof child === 'object'
            ? leaves(child, `${prefix}${name}.`)
            : [`${prefix}${name}`],
        );
      expect(fields.map(({ path }) => path)).to.have.members(leaves(protocol));
    }
  });

  it('names field, value and bounds of what is out of range', () => {
    const gld = fullSearch('s2', 'gld');
    const rs = fullSearch('s2', 'rs');
    expect(refusal('solver.samples', 0)).to.equal(
      'solver.samples is 0; it must be an integer from 1 to 65536.',
    );
    expect(refusal('solver.samples', 2.5)).to.equal(
      'solver.samples is 2.5; it must be an integer from 1 to 65536.',
    );
    expect(refusal('solver.samples', '4')).to.equal(
      'solver.samples is "4"; it must be an integer from 1 to 65536.',
    );
    expect(refusal('solver.tau', 0)).to.equal('solver.tau is 0; it must be a number greater than 0.');
    expect(refusal('solver.tau', NaN)).to.equal('solver.tau is NaN; it must be a number greater than 0.');
    expect(refusal('solver.sigma', -1)).to.equal('solver.sigma is -1; it must be a number at least 0.');
    expect(refusal('solver.lambda', 1.1)).to.equal(
      'solver.lambda is 1.1; it must be a number at least 0 and at most 1.',
    );
    expect(refusal('omega.iterations', -1)).to.equal(
      'omega.iterations is -1; it must be an integer from 0 to 10000.',
    );
    expect(refusal('channels', 15)).to.equal('channels is 15; it must be an even integer from 2 to 512.');
    expect(refusal('cells', 2)).to.equal('cells is 2; it must be an integer from 3 to 100.');
    expect(refusal('warmupEpochs', 60)).to.equal(
      'warmupEpochs is 60; it must be at most epochs, which is 50.',
    );
    expect(refusal('batchSize', 30_000)).to.equal(
      'batchSize is 30000; it must be at most 25000, half of dataset.trainSize (50000).',
    );
    expect(refusal('weights.lrMin', 1)).to.equal(
      'weights.lrMin is 1; it must be at most weights.lr, which is 0.025.',
    );
    expect(refusal('weights.momentum', 1)).to.equal(
      'weights.momentum is 1; it must be a number at least 0 and less than 1.',
    );
    expect(refusal('weights.clip', 0)).to.equal(
      'weights.clip is 0; it must be a number greater than 0, or null.',
    );
    expect(refusal('omega.lr', 'fixed')).to.equal(
      'omega.lr is "fixed"; it must be a number greater than 0, or "scheduled".',
    );
    expect(refusal('updateEvery', 0)).to.equal(
      'updateEvery is 0; it must be an integer from 1 to 1000000, or "iterations".',
    );
    expect(refusal('dataset.imageSide', 20)).to.equal(
      'dataset.imageSide is 20; it must be one of 8, 16, 32.',
    );
    expect(refusal('seed', 2 ** 60)).to.match(
      /^seed is \d+; it must be an integer from 0 to 9007199254740991\.$/,
    );
    expect(refusal('solver.density', 'mixture')).to.equal(
      'solver.density is "mixture"; it must be one of literal, flat, released.',
    );
    expect(refusal('solver.radiusMin', 0.3, gld)).to.equal(
      'solver.radiusMin is 0.3; it must be at most solver.radiusMax, which is 0.2.',
    );
    expect(refusal('solver.estimator', 'two-point', rs)).to.match(
      /^solver\.samples is 4; it must be 1 with the two-point estimator/,
    );
    expect(refusal('version', 3)).to.equal('version is 3; it must be 2.');
  });

  it('names what is missing, unknown or no record at all', () => {
    expect(refusal('epochs', undefined)).to.equal(
      'The protocol lacks epochs; it must be an integer from 1 to 100000.',
    );
    expect(refusal('dataset', undefined)).to.match(/lacks dataset/);
    expect(refusal('solver.xi', 1)).to.match(
      /^Unknown protocol field "solver\.xi"; allowed: solver\.kind, solver\.samples/,
    );
    expect(refusal('epoch', 1)).to.match(/Did you mean "epochs"/);
    expect(refusal('solver.kind', 'msg')).to.match(
      /^Unknown solver "msg"; allowed: rs, mgs, gld, random-alpha, darts, random-ws\. Did you mean "mgs"/,
    );
    expect(refusal('space', 's5')).to.match(/^Unknown search space "s5"; allowed: s1, s2/);
    expect(() => SEARCH.parse(null)).to.throw(UsageError, /must be a record of settings, not null/);
    expect(() => SEARCH.parse('x')).to.throw(UsageError, /not "x"/);
  });

  it('never fails but with a sentence', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...describeFields(SEARCH.schema, PAPER)),
        fc.jsonValue(),
        ({ path }, value) => {
          expect(refusal(path, value)).to.match(/^(accepted$|[\s\S]*\.$)|\?$/);
        },
      ),
    );
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(() => SEARCH.parse(value)).to.throw(UsageError);
      }),
    );
  });

  it('derives the update period and the halves', () => {
    expect(updatePeriod(PAPER)).to.equal(10);
    expect(updatePeriod(applySet(PAPER, 'omega.iterations=0'))).to.equal(1);
    expect(updatePeriod(applySet(PAPER, 'updateEvery=7'))).to.equal(7);
    expect(halfSize(applySet(PAPER, 'dataset.trainSize=1001'))).to.equal(500);
  });

  it('is refused by data that are too few', () => {
    expect(() => checkAgainstData(PAPER, 8000)).to.throw(
      UsageError,
      'dataset.trainSize is 50000; it must be at most 8000, the training images in the data set.',
    );
    expect(() => checkAgainstData(PAPER, 50_000)).to.not.throw();
  });

  describe('changed by settings', () => {
    it('reads values as JSON or as words, and leaves the original alone', () => {
      const before = structuredClone(PAPER);
      const changed = applySet(
        PAPER,
        'solver.samples=8',
        'solver.density=flat',
        'weights.clip=null',
        ' omega.lr = 1e-3 ',
        'solver.measureBase=true',
      );
      expect(changed.solver).to.include({ samples: 8, density: 'flat', measureBase: true });
      expect(changed.weights.clip).to.equal(null);
      expect(changed.omega).to.include({ lr: 0.001 });
      expect(PAPER).to.deep.equal(before);
    });

    it('checks only the end result, so settings that need each other go together', () => {
      const changed = applySet(PAPER, 'epochs=5', 'warmupEpochs=1');
      expect(changed).to.include({ epochs: 5, warmupEpochs: 1 });
      expect(() => applySet(PAPER, 'epochs=5')).to.throw(
        UsageError,
        'warmupEpochs is 10; it must be at most epochs, which is 5.',
      );
    });

    it('answers an unknown path with the allowed ones and the nearest', () => {
      expect(() => applySet(PAPER, 'solver.sample=8')).to.throw(
        UsageError,
        /allowed: seed, .*Did you mean "solver\.samples"/,
      );
      expect(() => applySet(PAPER, 'samples=8')).to.throw(UsageError, /Did you mean "solver\.samples"/);
      expect(() => applySet(PAPER, 'solver=mgs')).to.throw(
        UsageError,
        /solver is a group of settings; set one of solver\.samples/,
      );
      expect(() => applySet(PAPER, 'solver.radiusMax=1')).to.throw(
        UsageError,
        /Unknown setting "solver\.radiusMax"/,
      );
      expect(() => applySet(PAPER, '__proto__.x=1')).to.throw(UsageError, /Unknown setting/);
      expect(() => applySet(PAPER, 'samples')).to.throw(UsageError, /"samples" is not path=value/);
      expect(() => applySet(PAPER, '=3')).to.throw(UsageError, /not path=value/);
      expect(() => applySet(PAPER, 'solver.samples=many')).to.throw(
        UsageError,
        'solver.samples is "many"; it must be an integer from 1 to 65536.',
      );
      expect(() => applySet(PAPER, 'solver.samples=')).to.throw(
        UsageError,
        'solver.samples is ""; it must be',
      );
    });

    it('switches an optional group on by any of its fields, and off by none', () => {
      const on = applySet(PAPER, 'dropPath.probability=0.3', 'perturbation.kind=adv');
      expect(on.dropPath).to.deep.equal({ probability: 0.3 });
      expect(on.perturbation).to.deep.equal({ kind: 'adv', epsilonStart: 0.03, epsilonEnd: 0.3, steps: 7 });
      expect(solverId(on)).to.equal('mgs');
      expect(PAPER).to.not.have.any.keys('dropPath', 'perturbation');
      const off = applySet(on, 'dropPath=none', ' perturbation = none ');
      expect(off).to.deep.equal(PAPER);
      expect(applySet(PAPER, 'cutout=none')).to.deep.equal(PAPER);
      const both = applySet(on, 'dropPath=none', 'dropPath.probability=0.5');
      expect(both.dropPath).to.deep.equal({ probability: 0.5 });
      expect(() => applySet(PAPER, 'dropPath=0.3')).to.throw(
        UsageError,
        'dropPath is a group of settings; set one of dropPath.probability.',
      );
      expect(() => applySet(PAPER, 'dropPath.chance=0.3')).to.throw(
        UsageError,
        /Unknown setting "dropPath\.chance"/,
      );
      expect(() => applySet(PAPER, 'dropPath.probability=1')).to.throw(
        UsageError,
        'dropPath.probability is 1; it must be a number at least 0 and less than 1.',
      );
      expect(() => applySet(PAPER, 'stability.action=halt')).to.throw(
        UsageError,
        'stability.action is "halt"; it must be one of record, stop, regularize.',
      );
    });

    it('refuses groups that do not fit the rest', () => {
      expect(() => applySet(PAPER, 'partialChannels.k=5')).to.throw(
        UsageError,
        'partialChannels.k is 5; it must be a divisor of channels, which is 16.',
      );
      expect(() => applySet(PAPER, 'cutout.length=16', 'dataset.imageSide=8')).to.throw(
        UsageError,
        'cutout.length is 16; it must be at most dataset.imageSide, which is 8.',
      );
      expect(() => applySet(PAPER, 'stability.action=stop', 'stability.every=2')).to.throw(
        UsageError,
        'stability.every is 2; it must be left out with stability.action stop, which looks at every epoch.',
      );
      expect(() => applySet(PAPER, 'stability.action=regularize', 'weights.weightDecay=0.05')).to.throw(
        UsageError,
        'stability.maxWeightDecay is 0.03; it must be at least weights.weightDecay, which is 0.05.',
      );
      const darts = fullSearch('s2', 'darts-1st');
      expect(() => applySet(darts, 'omega.iterations=10')).to.throw(
        UsageError,
        /^Unknown setting "omega\.iterations"/,
      );
      expect(() => applySet(darts, 'omega.kind=finetuned')).to.throw(
        UsageError,
        'omega.kind is "finetuned"; it must be "current" or "unrolled" with a gradient solver, which has no candidates to fine-tune.',
      );
    });

    it('leaves to their own options what decides other settings', () => {
      for (const [path, option] of [
        ['preset', '--preset'],
        ['budget', '--budget'],
        ['solver.kind', '--solver'],
      ]) {
        expect(() => applySet(PAPER, `${path}=x`)).to.throw(
          UsageError,
          `${path} cannot be set: choose it with ${option}`,
        );
        expect(settablePaths(SEARCH.schema, PAPER)).to.not.include(path);
      }
    });
  });
});

describe('search/protocol with a space of one’s own', () => {
  const edges = [...Array(5).keys()].map(() => ['skip_connect', 'sep_conv_3x3'] as const);
  const mine: SearchSpace = { name: 'mine', nodes: 2, edges: { normal: edges, reduce: edges } };

  it('is a record in the protocol, which survives JSON and every budget', () => {
    for (const solver of SOLVER_IDS) {
      const full = fullSearch(mine, solver);
      expect(full.space).to.deep.equal(mine);
      for (const budget of BUDGETS) {
        const protocol = withBudget(full, budget);
        expect(SEARCH.parse(JSON.parse(JSON.stringify(protocol)))).to.deep.equal(protocol);
        expect(spaceName(protocol)).to.equal('mine');
        expect(spaceOf(protocol)).to.deep.equal(mine);
      }
    }
    expect(deviations(fullSearch(mine))).to.deep.equal([
      'The space "mine" is declared for this search; the paper has none like it.',
    ]);
  });

  it('is the built-in one where it is declared as that, and refused where it only has its name', () => {
    expect(fullSearch(SPACES.s2).space).to.equal('s2');
    expect(SEARCH.parse({ ...PAPER, space: JSON.parse(JSON.stringify(SPACES.s3)) as object }).space).to.equal(
      's3',
    );
    expect(() => fullSearch({ ...mine, name: 's2' })).to.throw(
      UsageError,
      'Space "s2" is declared otherwise than the built-in space of that name; give it another name.',
    );
  });

  it('is refused with the place of what is wrong', () => {
    const wrong = (normal: unknown): SearchSpace =>
      ({ ...mine, edges: { normal, reduce: edges } }) as SearchSpace;
    expect(() => fullSearch(wrong(edges.slice(1)))).to.throw(UsageError, /the normal cell has 4 edges/);
    expect(() => fullSearch(wrong([...edges.slice(1), ['sep_conv']]))).to.throw(
      UsageError,
      /normal cell, edge 4 \(2 → 3\): Unknown primitive "sep_conv"/,
    );
    expect(() => fullSearch(wrong([['none'], ...edges.slice(1)]))).to.throw(
      UsageError,
      /normal cell, edge 0 \(0 → 2\) has no operation but "none"/,
    );
    expect(refusal('space', { nodes: 2 })).to.match(/needs a name/);
    expect(refusal('space', 7)).to.match(/^space is 7; it must be one of s1, .* or a declared space\.$/);
    expect(refusal('space', ['s1'])).to.match(/it must be one of/);
    expect(() => applySet(PAPER, 'space=mine')).to.throw(UsageError, /Unknown search space "mine"/);
  });
});

describe('search/presets', () => {
  it('has the paper’s numbers', () => {
    expect(PAPER).to.include({ cells: 8, channels: 16, epochs: 50, warmupEpochs: 10, batchSize: 64 });
    expect(PAPER.solver).to.include({ samples: 4, lambda: 1e-3, sigma: 0.2, tau: 0.01, density: 'literal' });
    expect(fullSearch('darts').solver).to.include({ sigma: 0.025 });
    expect(PAPER.omega).to.include({
      kind: 'finetuned',
      iterations: 10,
      split: 'train',
      momentum: 'zero',
      lr: 'scheduled',
    });
    const evaluations = (preset: string): number => {
      const { solver } = fullSearch('s2', 'gld', preset);
      return isZeroOrder(solver) ? createSolver(solver).evaluations : NaN;
    };
    expect(evaluations('paper')).to.equal(11);
    expect(evaluations('released')).to.equal(16);
  });

  it('knows a protocol’s solver by its settings', () => {
    for (const space of SPACE_IDS) {
      for (const solver of BASE_IDS) {
        for (const preset of PRESETS) {
          const full = fullSearch(space, solver, preset);
          expect(solverId(full), `${solver} ${preset}`).to.equal(solver);
          expect(solverId(withBudget(full, 'smoke'))).to.equal(solver);
        }
      }
    }
  });

  it('has names for a solver under one preset, as tables have them', () => {
    expect(fullSearch('s2', 'mgs-flat')).to.deep.equal(fullSearch('s2', 'mgs', 'flat'));
    const options = { space: 's2', dataset: 'cifar10', budget: 'smoke', seed: '1' };
    expect(protocolOf({ ...options, solver: 'mgs-flat' })).to.deep.equal(
      protocolOf({ ...options, solver: 'mgs', preset: 'flat' }),
    );
    expect(() => fullSearch('s2', 'mgs-flat', 'released')).to.throw(
      UsageError,
      'The solver mgs-flat is mgs with preset flat; choose mgs for preset released.',
    );
    // Tables with one preset alone: names that differ in the preset fall together, and only some solvers are read by it.
    expect(solversWith(['gld', 'mgs-flat', 'mgs', 'darts-1st'], 'released')).to.deep.equal([
      'darts-1st',
      'mgs',
      'gld',
    ]);
    expect(solversWith(['gld', 'mgs-flat', 'mgs'], undefined)).to.deep.equal(['mgs', 'mgs-flat', 'gld']);
    const under = (id: SolverId, preset?: 'released') =>
      solverSearch(id, 's2', 'svhn', 'smoke', { preset }).preset;
    expect([under('mgs-flat'), under('mgs-flat', 'released'), under('gld', 'released')]).to.deep.equal([
      'flat',
      'released',
      'released',
    ]);
    expect([under('random-alpha', 'released'), under('darts-2nd', 'released')]).to.deep.equal([
      'paper',
      'paper',
    ]);
  });

  it('names an unknown space, solver, preset or budget with the nearest', () => {
    expect(() => fullSearch('S2')).to.throw(UsageError, /search space "S2".*Did you mean "s2"/);
    expect(() => fullSearch('s2', 'msg')).to.throw(UsageError, /solver "msg".*Did you mean "mgs"/);
    expect(() => fullSearch('s2', 'mgs', 'papers')).to.throw(
      UsageError,
      /preset "papers".*Did you mean "paper"/,
    );
    expect(() => withBudget(PAPER, 'laptops')).to.throw(
      UsageError,
      /budget "laptops".*Did you mean "laptop"/,
    );
  });

  it('derives budgets from the full protocol: smaller in size, equal in everything else', () => {
    const sizes = [
      'dataset.imageSide',
      'dataset.trainSize',
      'cells',
      'channels',
      'batchSize',
      'epochs',
      'warmupEpochs',
      'omega.iterations',
      'cutout.length',
      'stability.window',
      'stability.lag',
      'stability.startEpoch',
      'stability.products',
      'solver.architectures',
      'solver.batches',
      'solver.finalists',
      'budget',
    ];
    // Rates follow a rule of their own: alpha's times its updates stays.
    const rates = ['solver.lr', 'solver.xi'];
    const weightRates = ['weights.lr', 'weights.lrMin'];
    const at = (protocol: SearchProtocol, path: string): unknown =>
      path.split('.').reduce<unknown>((value, step) => (value as Record<string, unknown>)[step], protocol);
    for (const full of every) {
      for (const budget of ['smoke', 'laptop'] as const) {
        const small = withBudget(full, budget);
        expect(small.budget).to.equal(budget);
        for (const { path } of describeFields(SEARCH.schema, full)) {
          if (weightRates.includes(path)) continue;
          if (budget === 'laptop' && rates.includes(path)) {
            const reach = (each: SearchProtocol): number => (at(each, path) as number) * alphaUpdates(each);
            expect(reach(small)).to.be.closeTo(reach(full), 1e-9);
          } else if (!sizes.includes(path)) expect(at(small, path), path).to.deep.equal(at(full, path));
          else if (path !== 'budget') expect(at(small, path), path).to.be.at.most(at(full, path) as number);
        }
        // Each budget still does what it is there to show: alpha moves, more than once an epoch.
        expect(small.warmupEpochs).to.be.below(small.epochs);
        expect(Math.floor(halfSize(small) / small.batchSize)).to.be.at.least(2 * updatePeriod(small));
      }
    }
    expect(withBudget(PAPER, 'full')).to.equal(PAPER);
    expect(() => withBudget(withBudget(PAPER, 'laptop'), 'smoke')).to.throw(
      UsageError,
      /derived from the full protocol only/,
    );
  });

  it('keeps the weights’ rate times their steps in long searches, else their rate by the image', () => {
    const steps = (each: SearchProtocol) => each.epochs * Math.floor(halfSize(each) / each.batchSize);
    const reach = (each: SearchProtocol) => steps(each) * each.weights.lr;
    for (const id of ['mgs', 'darts-1st', 'pc-darts'] as const) {
      const full = onDataset(fullSearch('s2', id), 'cifar10');
      const long = withBudget(full, 'laptop', 'long');
      expect(reach(long), id).to.be.closeTo(reach(full), 1e-9);
      expect(long.weights.lrMin / long.weights.lr).to.be.closeTo(full.weights.lrMin / full.weights.lr, 1e-12);
      expect(steps(long)).to.equal(2000);
      expect(long.omega).to.deep.equal(full.omega);
      // As many images an update of DARTS' 64, the same rate; of PC-DARTS' 256 at 0.1 as many a step.
      expect(withBudget(full, 'laptop').weights.lr, id).to.be.closeTo(0.025, 1e-12);
      // As many steps on an eighth of the images.
      const repeated = withBudget(full, 'laptop', 'repeated');
      expect(reach(repeated), id).to.be.closeTo(reach(full), 1e-9);
      expect([repeated.dataset.trainSize, repeated.epochs, steps(repeated)]).to.deep.equal([1024, 120, 1920]);
      if (full.warmupEpochs > 0)
        expect(repeated.warmupEpochs / repeated.epochs).to.be.closeTo(full.warmupEpochs / full.epochs, 0.01);
      expect(withBudget(full, 'smoke', 'repeated')).to.deep.equal(withBudget(full, 'smoke'));
      expect(withBudget(full, 'smoke', 'long')).to.deep.equal(withBudget(full, 'smoke'));
      expect(withBudget(full, 'full', 'long')).to.equal(full);
    }
    const staged = onDataset(fullSearch('nb201', 'darts-1st'), 'cifar10');
    expect(reach(withBudget(staged, 'laptop'))).to.be.closeTo(reach(staged), 1e-9);
  });

  it('never raises what is already small, and keeps warm-up’s share', () => {
    const small = applySet(PAPER, 'epochs=4', 'warmupEpochs=1', 'omega.iterations=1', 'batchSize=2');
    expect(withBudget(small, 'laptop')).to.deep.include({ epochs: 4, warmupEpochs: 1, batchSize: 2 });
    expect(withBudget(PAPER, 'laptop')).to.include({ epochs: 10, warmupEpochs: 2 });
    // 0.4 epochs of warm-up round to none.
    expect(withBudget(PAPER, 'smoke')).to.include({ epochs: 2, warmupEpochs: 0 });
    const long = applySet(PAPER, 'epochs=200', 'warmupEpochs=100');
    expect(withBudget(long, 'laptop')).to.include({ epochs: 10, warmupEpochs: 5 });
  });

  it('has nothing to confess for the paper’s own settings, whatever the solver of the paper', () => {
    for (const space of TWO_CELL_IDS) {
      for (const solver of ['mgs', 'rs', 'gld'])
        expect(deviations(fullSearch(space, solver))).to.deep.equal([]);
    }
    expect(deviations(fullSearch('nb201'))).to.have.length(1);
    expect(deviations({ ...PAPER, seed: 9 })).to.deep.equal([]);
  });

  it('lists what each preset does otherwise', () => {
    const flat = deviations(fullSearch('s2', 'mgs', 'flat'));
    expect(flat).to.have.length(1);
    expect(flat[0]).to.match(/density is taken as constant/);
    const released = deviations(fullSearch('s2', 'mgs', 'released'));
    expect(released).to.have.length(4);
    for (const what of [/not normalized/, /blend/, /never fine-tuned/, /validation half/]) {
      expect(
        released.some((sentence) => what.test(sentence)),
        String(what),
      ).to.be.true;
    }
    const releasedRs = deviations(fullSearch('s2', 'rs', 'released')).join();
    expect(releasedRs).to.match(/has no RS/);
    expect(releasedRs).to.match(/sphere of each kind of cell/);
    expect(deviations(fullSearch('s2', 'random-alpha'))).to.deep.equal([
      'Random search over alphas is a baseline of ours; the paper has none.',
    ]);
  });

  it('lists what each gradient solver does otherwise than its own paper', () => {
    const told = (id: string, preset = 'paper') => deviations(fullSearch('s2', id, preset));
    for (const id of ['darts-1st', 'darts-2nd', 'sdarts-rs']) {
      expect(told(id), id).to.have.length(1);
      expect(told(id)[0]).to.match(/draws one anew/);
    }
    expect(told('pc-darts')).to.deep.equal([]);
    expect(told('rdarts-dp').join()).to.match(/0, 0\.2, 0\.4 and 0\.6.*one search/);
    expect(told('rdarts-l2').join()).to.match(/several weight decays/);
    expect(told('darts-es').join()).to.match(/Lanczos/);
    expect(told('darts-ada')).to.have.length(4);
    expect(told('sdarts-adv').join()).to.match(/batch norms/);
    expect(told('darts-2nd', 'released').join()).to.match(/switched off/);
    expect(told('darts-2nd', 'released')).to.have.length(2);
    expect(told('darts-1st', 'released').join()).to.match(/never moves alpha by its gradient/);
    // Noise is drawn alike in the passes of a difference.
    expect(deviations(fullSearch('s4', 'darts-2nd')).join()).to.match(/same noise/);
    for (const id of BASE_IDS) {
      for (const preset of PRESETS) {
        for (const sentence of told(id, preset)) expect(sentence).to.match(/^[A-Za-z].*\.$/);
      }
    }
  });

  it('says of an optional group that it is on or off where it is otherwise in the paper', () => {
    expect(deviations(applySet(PAPER, 'dropPath.probability=0.3'))).to.deep.equal([
      'dropPath is on (probability 0.3); the paper searches without it.',
    ]);
    const dp = fullSearch('s2', 'rdarts-dp');
    const changed = deviations(applySet(dp, 'cutout=none', 'dropPath.probability=0.2'));
    expect(changed).to.include.members([
      'cutout is off; R-DARTS searches with it.',
      'dropPath.probability is 0.2; R-DARTS’ paper has 0.6.',
    ]);
    expect(deviations(applySet(fullSearch('s2', 'pc-darts'), 'solver.lr=0.001'))).to.deep.equal([
      'solver.lr is 0.001; PC-DARTS’ paper has 0.0006.',
    ]);
    expect(sourceOf('dropPath.probability', 'rdarts-dp')).to.equal('baseline paper');
    expect(sourceOf('cutout.length', 'rdarts-dp')).to.equal('baseline code');
    expect(sourceOf('stability.products', 'darts-es')).to.equal('ours');
    expect(sourceOf('dropPath.probability', 'mgs')).to.equal('ours');
  });

  it('lists every other setting that differs, with the number it should be', () => {
    expect(deviations(withBudget(PAPER, 'laptop'))).to.include.members([
      'cells is 5; the paper has 8.',
      'batchSize is 32; the released scripts have 64.',
      'omega.iterations is 4; the paper has 10.',
    ]);
    expect(deviations(applySet(PAPER, 'omega.kind=coast', 'omega.drift=false'))[0]).to.match(/PyTorch 2/);
    fc.assert(
      fc.property(
        fc.constantFrom(
          'cells=9',
          'solver.tau=1',
          'omega.momentum=inherit',
          'weights.clip=null',
          'updateEvery=10',
          'solver.sigmaSchedule=constant',
          'dataset.name=synthetic',
        ),
        (setting) => {
          const sentences = deviations(applySet(PAPER, setting));
          expect(sentences).to.have.length(1);
          expect(sentences[0]).to.contain(setting.split('=')[0]);
        },
      ),
    );
  });

  it('lists what the paper leaves open, with its source', () => {
    const open = openSettings(PAPER);
    const sigma = open.find(({ path }) => path === 'solver.sigma');
    expect(sigma).to.deep.equal({ path: 'solver.sigma', value: 0.2, source: 'released scripts' });
    expect(open.find(({ path }) => path === 'omega.lr')).to.deep.include({ source: 'ours' });
    expect(open.some(({ path }) => ['solver.samples', 'omega.iterations', 'cells', 'seed'].includes(path))).to
      .be.false;
    expect(sourceOf('solver.xi', 'rs')).to.equal('ours');
  });
});
