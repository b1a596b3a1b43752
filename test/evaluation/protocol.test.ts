import { expect } from 'chai';
import { UsageError } from '../../lib/errors.js';
import {
  evaluationBudget,
  evaluationDeviations,
  fullEvaluation,
  linearBaseline,
  openEvaluationSettings,
} from '../../lib/evaluation/presets.js';
import type { EvaluationChoice } from '../../lib/evaluation/presets.js';
import { withSet } from '../support/with-set.js';
import { EVALUATION } from '../../lib/evaluation/protocol.js';
import { describe as describeFields } from '../../lib/settings.js';
import type { EvaluationProtocol, NetworkProtocol } from '../../lib/evaluation/protocol.js';
import { KNOWN_GENOTYPES } from '../../lib/spaces/genotype.js';
import { trainingSettings } from '../../reproductions/training.js';

const { DARTS_V2 } = KNOWN_GENOTYPES;
const full = (choice: EvaluationChoice = {}): EvaluationProtocol => fullEvaluation(DARTS_V2, choice);
const networkOf = ({ network }: EvaluationProtocol): NetworkProtocol => {
  if (network.kind !== 'genotype') throw new Error('no genotype');
  return network;
};

describe('evaluation/presets', () => {
  it('has the paper’s settings on small images (FIDELITY A5)', () => {
    const { network, ...rest } = full();
    expect(network).to.deep.include({ cells: 20, channels: 36, auxiliaryWeight: 0.4, dropPath: 0.2 });
    expect(rest).to.deep.include({ cutout: 16, batchSize: 96, epochs: 600, labelSmoothing: 0 });
    expect(rest.weights).to.deep.equal({
      lr: 0.025,
      schedule: 'cosine',
      warmup: false,
      momentum: 0.9,
      weightDecay: 3e-4,
      clip: 5,
    });
    expect(rest.dataset).to.deep.equal({
      name: 'cifar10',
      imageSide: 32,
      trainSize: 50_000,
      testSize: 10_000,
    });
    expect(full({ dataset: 'svhn' }).dataset).to.deep.include({ trainSize: 73_257, testSize: 26_032 });
  });

  it('has Table 2’s and Table 7’s sizes (FIDELITY A6)', () => {
    const sizes = (choice: EvaluationChoice) => {
      const { cells, channels } = networkOf(full(choice));
      return `${cells}/${channels}`;
    };
    const table = (preset: string, dataset: string) =>
      ['s1', 's2', 's3', 's4'].map((space) => sizes({ preset, dataset, space })).join(' ');
    expect(table('table-2', 'cifar10')).to.equal('20/36 20/16 20/36 20/16');
    for (const dataset of ['cifar100', 'svhn'])
      expect(table('table-2', dataset)).to.equal('8/16 8/16 8/16 8/16');
    for (const dataset of ['cifar10', 'cifar100', 'svhn'])
      expect(table('table-7', dataset)).to.equal('20/36 20/36 20/36 20/36');
    expect(() => full({ preset: 'table-2' })).to.throw(UsageError, /--space/);
    expect(() => full({ preset: 'table-2', space: 'darts' })).to.throw(UsageError, /"darts"/);
  });

  it('has the paper’s settings on ImageNet (FIDELITY A7)', () => {
    const protocol = full({ preset: 'imagenet' });
    expect(protocol.network).to.deep.include({ form: 'imagenet', cells: 14, channels: 48, dropPath: 0 });
    expect(protocol).to.deep.include({ batchSize: 1024, epochs: 250, labelSmoothing: 0.1, cutout: 0 });
    expect(protocol.weights).to.deep.include({
      lr: 0.5,
      schedule: 'linear',
      warmup: true,
      weightDecay: 3e-5,
    });
    expect(protocol.dataset).to.deep.include({ name: 'imagenet', imageSide: 224, trainSize: 1_281_167 });
    expect(() => full({ preset: 'imagenet', dataset: 'cifar10' })).to.throw(UsageError, /imagenet/);
    expect(() => full({ dataset: 'imagenet' })).to.throw(UsageError, /darts-space/);
  });

  it('derives smaller budgets: nothing grows, the cut-out and the learning rate keep their ratios', () => {
    for (const choice of [
      {},
      { preset: 'table-7', dataset: 'cifar100' },
      { preset: 'imagenet' },
    ] satisfies EvaluationChoice[]) {
      const whole = full(choice);
      expect(evaluationBudget(whole, 'full')).to.equal(whole);
      for (const budget of ['smoke', 'laptop']) {
        const small = evaluationBudget(whole, budget);
        expect(small.budget).to.equal(budget);
        for (const { path } of describeFields(EVALUATION.schema, small)) {
          const [here, there] = [small, whole].map((protocol) =>
            path.split('.').reduce<unknown>((at, step) => (at as Record<string, unknown>)[step], protocol),
          );
          if (typeof here === 'number') expect(here, path).to.be.at.most(there as number);
        }
        expect(small.weights.lr / small.batchSize).to.be.closeTo(whole.weights.lr / whole.batchSize, 1e-12);
        expect(small.cutout / small.dataset.imageSide).to.be.closeTo(
          whole.cutout / whole.dataset.imageSide,
          0.01,
        );
        expect(() => evaluationBudget(small, 'smoke')).to.throw(UsageError, /full protocol only/);
      }
    }
    const laptop = evaluationBudget(full(), 'laptop');
    expect(laptop.network).to.deep.include({ cells: 5, channels: 8, auxiliaryWeight: 0.4 });
    expect(networkOf(evaluationBudget(full(), 'smoke')).auxiliaryWeight).to.equal(0);
  });

  it('cuts at laptop, in tables alone, also what keeps many epochs from learning by heart', () => {
    const choice = { preset: 'table-2', dataset: 'cifar10', space: 's3' } as const;
    const [laptop, smoke] = (['laptop', 'smoke'] as const).map((budget) => trainingSettings(choice, budget));
    expect(laptop).to.deep.include({ epochs: 12, cutout: 0 });
    expect(laptop.network.dropPath).to.equal(0);
    expect(smoke.network.dropPath).to.equal(0.2);
    expect(trainingSettings(choice, 'full').cutout).to.equal(16);
    expect(evaluationBudget(full(choice), 'laptop').cutout).to.be.above(0);
    expect(
      trainingSettings({ ...choice, dataset: 'imagenet', preset: 'imagenet' }, 'laptop').epochs,
    ).to.equal(20);
  });

  it('names every deviation, and none for the paper’s own settings but the last batch', () => {
    const leftOver = evaluationDeviations(full());
    expect(leftOver).to.have.length(1);
    expect(leftOver[0]).to.include('left over');
    for (const space of ['s1', 's2']) {
      expect(evaluationDeviations(full({ preset: 'table-2', space }))).to.deep.equal(leftOver);
    }
    const other = evaluationDeviations(withSet(EVALUATION, full(), 'batchSize=64', 'network.channels=16'));
    expect(other).to.include.members([
      'batchSize is 64; the paper has 96.',
      'network.channels is 16; the paper has 36.',
    ]);
    // Of a width that the paper has in neither space, the space tells whose it departs from.
    const narrow = withSet(EVALUATION, full({ preset: 'table-2', space: 's1' }), 'network.channels=8');
    const printed = ['s1', 's2'].map((space) => evaluationDeviations(narrow, space).at(-1));
    expect(printed).to.deep.equal([36, 16].map((width) => `network.channels is 8; the paper has ${width}.`));
    const weights = withSet(EVALUATION, full(), 'weights.weightDecay=0', 'noisePasses=1');
    expect(evaluationDeviations(weights)).to.include.members([
      'weights.weightDecay is 0; the released scripts have 0.0003.',
      'noisePasses is 1; our default is 5.',
    ]);
    expect(evaluationDeviations(linearBaseline(full())).join()).to.include('baseline');
  });

  it('says whose every open setting is', () => {
    const sources = Object.fromEntries(
      openEvaluationSettings(full()).map(({ path, source }) => [path, source]),
    );
    expect(sources).to.include({ 'network.dropPath': 'released scripts', noisePasses: 'ours' });
    expect(sources).not.to.have.any.keys('epochs', 'batchSize', 'network.cells', 'seed');
  });
});

describe('evaluation/protocol', () => {
  const base = evaluationBudget(full(), 'laptop');

  it('takes fewer classes of ImageNet, and says so', () => {
    const all = full({ preset: 'imagenet' });
    expect(all.dataset).to.not.have.property('classes');
    const few = withSet(EVALUATION, all, 'dataset.classes=20');
    expect(few.dataset.classes).to.equal(20);
    expect(evaluationDeviations(few)).to.include('The first 20 classes are used; the paper has all 1000.');
    expect(evaluationDeviations(few).join()).not.to.contain('undefined');
    expect(openEvaluationSettings(few).map(({ path }) => path)).not.to.include('dataset.classes');
    expect(EVALUATION.parse(JSON.parse(JSON.stringify(few)))).to.deep.equal(few);
    for (const value of ['1', '1001', '2.5']) {
      expect(() => withSet(EVALUATION, all, `dataset.classes=${value}`)).to.throw(
        UsageError,
        `dataset.classes is ${value}; it must be an integer from 2 to 1000.`,
      );
    }
  });

  it('survives JSON, also for the linear baseline', () => {
    for (const protocol of [base, linearBaseline(base), full({ preset: 'imagenet' })]) {
      expect(EVALUATION.parse(JSON.parse(JSON.stringify(protocol)))).to.deep.equal(protocol);
    }
  });

  it('describes every field with its bounds', () => {
    for (const { path, bounds } of describeFields(EVALUATION.schema, base))
      expect(bounds, path).not.to.equal('');
    expect(describeFields(EVALUATION.schema, base).map(({ path }) => path)).to.include('network.dropPath');
    expect(describeFields(EVALUATION.schema, linearBaseline(base)).map(({ path }) => path)).not.to.include(
      'network.dropPath',
    );
  });

  const REFUSED: readonly [assignment: string, says: RegExp][] = [
    ['epochs=0', /epochs is 0; it must be an integer from 1/],
    ['batchSize=8001', /batchSize is 8001; it must be at most 8000/],
    ['weights.lr=-1', /weights\.lr is -1; it must be a number greater than 0/],
    ['weights.schedule=step', /one of cosine, linear/],
    ['weights.warmup=true', /false with weights\.schedule "cosine"/],
    ['network.dropPath=1', /less than 1/],
    ['network.dropath=0.1', /Did you mean "network\.dropPath"/],
    ['cutout=33', /cutout is 33; it must be at most 32/],
    ['dataset.imageSide=30', /15×15/],
    ['dataset.imageSide=16', /network\.auxiliaryWeight is 0\.4; it must be 0/],
    ['dataset.classes=10', /dataset\.classes is 10; it must be left out but for photographs/],
    ['preset=table-2', /--preset/],
    ['network.genotype=DARTS_V1', /it is what is evaluated/],
    ['network=1', /group of settings/],
    ['labelSmoothing', /path=value/],
  ];
  for (const [assignment, says] of REFUSED) {
    it(`refuses ${assignment} in one sentence`, () => {
      expect(() => withSet(EVALUATION, base, assignment)).to.throw(UsageError, says);
    });
  }

  it('refuses values that are no protocol, naming the field', () => {
    const genotype = { ...DARTS_V2, normal: [['sep_conv_3x4', 0]] };
    const changed: [unknown, RegExp][] = [
      [null, /must be a record/],
      [{ ...base, extra: 1 }, /Unknown protocol field "extra"/],
      [{ ...base, network: { ...networkOf(base), genotype } }, /normal has 1 entries/],
      [{ ...base, network: { ...networkOf(base), genotype: 'DARTS_V2' } }, /network\.genotype/],
      [{ ...base, dataset: undefined }, /dataset/],
    ];
    for (const [value, says] of changed) expect(() => EVALUATION.parse(value)).to.throw(UsageError, says);
  });
});
