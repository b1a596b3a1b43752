import { expect } from 'chai';
import fc from 'fast-check';
import { UsageError } from '../../lib/errors.js';
import { countNetwork, multiplyAdds, sumCounts } from '../../lib/evaluation/count.js';
import { DARTS_FORMS, planNetwork } from '../../lib/evaluation/plan.js';
import type { NetworkShape } from '../../lib/evaluation/plan.js';
import { derivedNetwork } from '../../lib/evaluation/network.js';
import { KNOWN_GENOTYPES, checkGenotype, parseGenotype } from '../../lib/spaces/genotype.js';
import { randomGenotypes } from './genotypes.js';

const CIFAR: NetworkShape = { form: 'cifar', cells: 20, channels: 36, classes: 10 };
const IMAGENET: NetworkShape = { form: 'imagenet', cells: 14, channels: 48, classes: 1000 };
const square = (side: number) => ({ height: side, width: side });

describe('evaluation/count', () => {
  it('DARTS-V2 has the printed sizes: 3.3 M parameters on CIFAR-10, 4.7 M on ImageNet', () => {
    const small = countNetwork(KNOWN_GENOTYPES.DARTS_V2, CIFAR, square(32));
    expect(small.network.parameters).to.equal(3_349_342);
    expect(small.auxiliary?.parameters).to.equal(3_825_768 - 3_349_342);
    const large = countNetwork(KNOWN_GENOTYPES.DARTS_V2, IMAGENET, square(224));
    expect(large.network.parameters).to.equal(4_718_752);
    expect(multiplyAdds(large.network)).to.equal(529_911_552);
  });

  it('NAS-Bench-201’s networks have the published sizes: 73,306 parameters of skips alone, 1,531,546 at most', () => {
    const everywhere = (op: string) => parseGenotype(`|${op}~0|+|${op}~0|${op}~1|+|${op}~0|${op}~1|${op}~2|`);
    const shape = { form: 'stages', cells: 15, channels: 16, classes: 10 } as const;
    for (const [op, parameters] of [
      ['skip_connect', 73_306],
      ['none', 73_306],
      ['avg_pool_3x3', 73_306],
      ['nor_conv_3x3', 1_531_546],
    ] as const) {
      const genotype = everywhere(op);
      expect(countNetwork(genotype, shape, square(32)).network.parameters, op).to.equal(parameters);
      expect(derivedNetwork(genotype, shape).layout.size, op).to.equal(parameters);
    }
    // 3·9·16·32² in the stem; in a block 9·C·2C and 9·(2C)² at half the side, and C·2C; 64·10 at the end.
    const blocks = [16, 32].map((c, i) => (9 * 2 * c * c + 9 * 4 * c * c + 2 * c * c) * (16 / 2 ** i) ** 2);
    expect(multiplyAdds(countNetwork(everywhere('skip_connect'), shape, square(32)).network)).to.equal(
      3 * 9 * 16 * 32 ** 2 + blocks[0] + blocks[1] + 640,
    );
    expect(() => countNetwork(everywhere('none'), { ...shape, cells: 5 }, square(32))).to.throw(
      UsageError,
      /a multiple of 3, not 5/,
    );
    expect(() => countNetwork(everywhere('none'), shape, square(18))).to.throw(
      UsageError,
      /halve a map of 9×9/,
    );
    expect(() => countNetwork(everywhere('none'), CIFAR, square(32))).to.throw(
      UsageError,
      /The network form cifar takes genotypes of skeleton darts; this one is of stages/,
    );
  });

  it('counts by hand: one cell of two separable convolutions', () => {
    const genotype = checkGenotype({
      normal: [
        ['sep_conv_3x3', 0],
        ['dil_conv_5x5', 1],
      ],
      normalConcat: [2],
      reduce: [
        ['sep_conv_3x3', 0],
        ['conv_7x1_1x7', 1],
      ],
      reduceConcat: [2],
    });
    // A single cell is both a third and two thirds of the way: a reduction cell of twice the channels.
    const { network } = countNetwork(
      genotype,
      { form: 'cifar', cells: 1, channels: 2, classes: 3 },
      square(8),
    );
    const stem = { parameters: 27 * 6 + 12, convolutions: 27 * 6 * 64 };
    const preprocess = { parameters: 2 * (6 * 4 + 8), convolutions: 2 * 6 * 4 * 64 };
    const separable = { parameters: 2 * (9 * 4 + 16 + 8), convolutions: 2 * (9 * 4 + 16) * 16 };
    const long = { parameters: 2 * 7 * 16 + 8, convolutions: 7 * 16 * 8 * 4 + 7 * 16 * 16 };
    expect(network).to.deep.equal({
      parameters: stem.parameters + preprocess.parameters + separable.parameters + long.parameters + 5 * 3,
      convolutions: stem.convolutions + preprocess.convolutions + separable.convolutions + long.convolutions,
      linear: 12,
    });
  });

  it('adds up: stem, cells and classifier; multiply-adds of convolutions grow with the area', () => {
    fc.assert(
      fc.property(
        randomGenotypes,
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 9 }),
        fc.constantFrom(...DARTS_FORMS),
        (genotype, cells, half, form) => {
          const shape = { form, cells, channels: 2 * half, classes: 10 };
          const [once, twice] = [32, 64].map((side) => countNetwork(genotype, shape, square(side)));
          const inCells = sumCounts(...once.cells);
          expect(once.cells).to.have.length(cells);
          expect(once.network.parameters).to.be.greaterThan(inCells.parameters);
          expect(twice.network.parameters).to.equal(once.network.parameters);
          expect(twice.network.convolutions).to.equal(4 * once.network.convolutions);
          expect(once.network.linear).to.equal(10 * planNetwork(genotype, shape).features);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('has no auxiliary head where the images do not fit it', () => {
    const { DARTS_V1 } = KNOWN_GENOTYPES;
    expect(countNetwork(DARTS_V1, CIFAR, square(16)).auxiliary).to.equal(null);
    expect(countNetwork(DARTS_V1, CIFAR, square(40)).auxiliary).not.to.equal(null);
    expect(countNetwork(DARTS_V1, IMAGENET, square(320)).auxiliary).to.equal(null);
  });

  it('refuses what no network can be: sizes that are no positive integers, odd halves', () => {
    const { DARTS_V1 } = KNOWN_GENOTYPES;
    const refused: [Partial<NetworkShape>, number, string][] = [
      [{ cells: 0 }, 32, 'cells must be a positive integer, got 0'],
      [{ channels: 1.5 }, 32, 'channels must be a positive integer, got 1.5'],
      [{ classes: -1 }, 32, 'classes must be a positive integer, got -1'],
      [{ form: 'imagenet', channels: 7 }, 32, 'even'],
      [{}, 0, 'height must be a positive integer, got 0'],
      [{}, 30, 'a map of 15×15 pixels'],
    ];
    for (const [change, side, says] of refused) {
      expect(() => countNetwork(DARTS_V1, { ...CIFAR, ...change }, square(side)), says)
        .to.throw(UsageError)
        .with.property('message')
        .that.includes(says);
    }
  });
});
