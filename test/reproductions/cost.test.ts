import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { projectRoot } from '../../lib/engine/tensorflow.js';
import { search } from '../../lib/search/search.js';
import { searchData } from '../../lib/search/run.js';
import { fineTuneIterations } from '../../lib/search/omega-protocol.js';
import { fullSearch, withBudget } from '../../lib/search/presets.js';
import { applySet } from '../../lib/search/protocol.js';
import type { SpaceId } from '../../lib/spaces/spaces.js';
import { watchProgram } from '../search/helpers.js';
import { KEPT_DRAWS, searchSeconds, searchWork, stepMs } from '../../reproductions/cost.js';
import { cellsOf } from '../../reproductions/experiment.js';
import { estimate, estimateInTurn } from '../../reproductions/measure.js';
import { AS_ESTIMATED } from '../../reproductions/pace.js';
import { EXPERIMENTS } from '../../reproductions/registry.js';
import { longIt } from '../support/long.js';

describe('cost of a search', () => {
  for (const [solver, ...set] of [
    ['mgs'],
    ['mgs', 'warmupEpochs=1', 'updateEvery=3'],
    ['mgs', 'solver.lambda=1', 'solver.measureBase=true'],
    ['rs'],
    ['gld'],
    ['random-alpha'],
  ]) {
    it(`counts the steps and updates that a search really makes: ${[solver, ...set].join(' ')}`, async () => {
      const protocol = applySet(withBudget(fullSearch('s2', solver), 'smoke'), ...set);
      const updates: { losses: number[] }[] = [];
      const { steps, updates: made } = await search(protocol, {
        dataset: await searchData(protocol, { data: 'synthetic' }),
        store: {
          appendMetrics: (record) => {
            if ('losses' in record) updates.push(record as unknown as { losses: number[] });
          },
          saveCheckpoint: () => undefined,
        },
      });
      const work = searchWork(protocol);
      expect(work).to.include({ weightSteps: steps, alphaUpdates: made });
      expect(work.evaluations).to.equal(updates.reduce((sum, { losses }) => sum + losses.length, 0));
      expect(work.fineTuneSteps).to.equal(work.evaluations * fineTuneIterations(protocol.omega));
    });
  }

  for (const solver of ['mgs', 'darts-1st', 'darts-2nd', 'sdarts-adv']) {
    const test = solver === 'mgs' || solver === 'darts-2nd' ? it : longIt;
    test(`counts the passes that ${solver} really makes`, async () => {
      const protocol = withBudget(fullSearch('s2', solver), 'smoke');
      const dataset = await searchData(protocol, { data: 'synthetic' });
      const made = { steps: 0, evaluations: 0, gradients: 0, weightGradients: 0 };
      const { unwatch } = watchProgram(protocol, dataset.classes.length, {
        before: ({ name, inputs, options: { outputs = [], update = true } }) => {
          if (name !== 'step') return;
          if (!update) made[outputs.includes('alphaGradient') ? 'gradients' : 'evaluations']++;
          else made[inputs.lr.data[0] > 0 ? 'steps' : 'weightGradients']++;
        },
      });
      await search(protocol, { dataset });
      unwatch();
      const { weightSteps, fineTuneSteps, evaluations, gradients, weightGradients } = searchWork(protocol);
      expect(made).to.deep.equal({
        steps: weightSteps + fineTuneSteps,
        evaluations,
        gradients,
        weightGradients,
      });
    });
  }

  it('counts no fine-tuning where the released code does none', () => {
    expect(searchWork(withBudget(fullSearch('s2', 'mgs', 'released'), 'smoke')).fineTuneSteps).to.equal(0);
  });

  // The shortest of many steps of the compiled program on two idle cores, in milliseconds.
  const measured: [SpaceId, number, number, 8 | 16 | 32, number, number][] = [
    ['s2', 4, 3, 16, 8, 3.8],
    ['s2', 8, 5, 16, 32, 17.9],
    ['s2', 8, 5, 16, 64, 33.7],
    ['s2', 8, 5, 32, 64, 144.8],
    ['s2', 16, 8, 32, 64, 467],
    ['darts', 8, 3, 16, 16, 21.9],
    ['darts', 8, 5, 16, 64, 106],
    ['darts', 16, 8, 32, 16, 316],
  ];
  for (const [space, channels, cells, imageSide, batchSize, ms] of measured) {
    it(`estimates ${ms} ms a step within a third: ${space}, ${channels} channels, ${cells} cells, ${imageSide}², batch ${batchSize}`, () => {
      const full = fullSearch(space);
      const protocol = { ...full, channels, cells, batchSize, dataset: { ...full.dataset, imageSide } };
      expect(stepMs(protocol) / ms).to.be.within(2 / 3, 4 / 3);
    });
  }

  it('adds up over runs that differ; the same run, and a network that is compiled, count once', () => {
    const search = withBudget(fullSearch('s2'), 'laptop');
    const cell = (seed: number) => ({
      axes: {},
      run: { kind: 'search' as const, search: { ...search, seed } },
    });
    const [single, same, double] = [[0], [0, 0], [0, 1]].map((seeds) => estimate(seeds.map(cell)));
    expect(same).to.equal(single);
    expect(double).to.be.within(1.5 * single, 2 * single);
    expect(estimate([])).to.equal(0);

    const grids = [[0], [0, 1]].map((seeds) => seeds.map(cell));
    const costs = estimateInTurn(grids, AS_ESTIMATED).map(({ seconds }) => seconds);
    expect(costs[0]).to.equal(single);
    expect(costs[0] + costs[1], 'what is shared counts where it comes first').to.be.closeTo(double, 1e-6);
    const [half] = estimateInTurn([[cell(0), { ...cell(1), worth: () => undefined }]], AS_ESTIMATED);
    expect(half.gated).to.be.closeTo(double - single, 1e-6);
    expect(estimate([cell(0)], { runs: 1, of: () => 3 })).to.be.closeTo(3 * single, 1e-6);
  });

  it('counts on as many kept draws as the kernels keep', () => {
    const header = readFileSync(join(projectRoot, 'lib', 'engine', 'native', 'normal.h'), 'utf8');
    const [, megabytes] = /MOST = size_t\{(\d+)\} << 20;/.exec(header)!;
    expect(KEPT_DRAWS).to.equal(Number(megabytes) * 2 ** 20);
    // What is drawn again costs less where it is kept: at laptop, not at full size; a gradient solver draws anew.
    const perStep = (space: SpaceId, solver: string, ...set: string[]) => {
      const protocol = applySet(withBudget(fullSearch(space, solver, 'paper'), 'laptop'), ...set);
      return searchSeconds(protocol) / searchSeconds(applySet(protocol, 'space=s2'));
    };
    expect(perStep('s4', 'darts-1st')).to.be.closeTo(2, 1e-9);
    expect(perStep('s4', 'mgs')).to.be.within(1, 1.8);
    expect(perStep('s4', 'mgs', 'channels=64', 'batchSize=64')).to.be.closeTo(2, 1e-9);
  });

  it('has an estimate for each figure and table: at laptop a night at most, half a day with all that hangs on controls; two minutes at smoke', () => {
    for (const experiment of EXPERIMENTS) {
      const [smoke, laptop, full] = (['smoke', 'laptop', 'full'] as const).map((budget) =>
        estimate(cellsOf(experiment, { budget })),
      );
      const [{ seconds, gated }] = estimateInTurn([cellsOf(experiment, { budget: 'laptop' })], AS_ESTIMATED);
      expect(seconds).to.be.closeTo(laptop, 1e-6);
      expect((laptop - gated) / 3600, experiment.id).to.be.within(0.01, 10);
      expect(laptop / 3600, experiment.id).to.be.below(12);
      expect(smoke, experiment.id).to.be.within(0.1, 120);
      expect(full, experiment.id).to.be.above(laptop);
    }
  });
});
