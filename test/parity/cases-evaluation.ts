import type { Tensor1D, Tensor4D } from '@tensorflow/tfjs-node';
import type { HostArrays, ProgramFunction } from '../../lib/engine/index.js';
import { derivedNetwork } from '../../lib/evaluation/network.js';
import type { DerivedNetwork } from '../../lib/evaluation/network.js';
import { initialStatistics, runningStatistics, trainingStatistics } from '../../lib/supernet/statistics.js';
import { trainingPass } from '../../lib/evaluation/program.js';
import { NETWORK_FORMS } from '../../lib/evaluation/plan.js';
import { parseGenotype } from '../../lib/spaces/genotype.js';
import { paramIndex, pieceNorms, sameLayout } from './cases-supernet.js';
import type { FixtureCase, Fixtures, ParamEntry } from './fixtures.js';
import {
  NotCovered,
  checkEpsilon,
  hostArray,
  hostArrays,
  inBothForms,
  numberOf,
  specsOf,
  withLayout,
} from './network-case.js';
import type { ArrayError, CaseRunner } from './network-case.js';

/** Runners of the cases of networks of derived cells: 12. */
export const evaluationCases: Readonly<Record<string, CaseRunner>> = { '12': networkCase };

/** The network that a case's constants describe. */
export function caseNetwork(c: FixtureCase): DerivedNetwork {
  checkEpsilon(c);
  const { genotype, affine, pool_followed_by_bn: poolsNormalized } = c.constants;
  if (affine === false || poolsNormalized === true) {
    throw new NotCovered('its batch norms are not those of a network of derived cells');
  }
  if (genotype === undefined) throw new NotCovered('it lists no genotype');
  const { form: named = 'cifar' } = c.constants;
  const form = NETWORK_FORMS.find((each) => each === named);
  if (form === undefined) throw new NotCovered(`its form ${JSON.stringify(named)} is none here`);
  const shape = {
    form,
    cells: numberOf(c, 'layers'),
    channels: numberOf(c, 'C'),
    classes: numberOf(c, 'classes'),
  };
  return derivedNetwork(parseGenotype(JSON.stringify(genotype)), shape, auxiliaryWeight(c) > 0);
}

/** The weight of the auxiliary loss; 0 for a case without it. */
export function auxiliaryWeight(c: FixtureCase): number {
  return c.constants.auxiliary_weight === undefined ? 0 : numberOf(c, 'auxiliary_weight');
}

/** One training pass forward and backward, then one in inference mode with the running statistics that it left. */
function networkCase(c: FixtureCase, fixtures: Fixtures): ArrayError[] {
  const net = caseNetwork(c);
  const index = paramIndex(c, fixtures);
  return withLayout(sameLayout(net.layout, index), () => networkErrors(c, net, index));
}

function networkErrors(c: FixtureCase, net: DerivedNetwork, index: readonly ParamEntry[]): ArrayError[] {
  const momentum = numberOf(c, 'bn_momentum');
  const vector = (data: Float32Array) => ({ shape: [data.length], data });
  const initial = initialStatistics(net.normalizations);
  const state: HostArrays = {
    weights: hostArray(c, 'weights'),
    mean: vector(initial.mean),
    variance: vector(initial.variance),
  };
  const inputs = hostArrays(c, ['x', 'target']);
  const losses = {
    auxiliaryWeight: auxiliaryWeight(c),
    labelSmoothing: c.constants.label_smoothing === undefined ? 0 : numberOf(c, 'label_smoothing'),
  };
  const functions: Record<'train' | 'infer', ProgramFunction> = {
    train: {
      inputs: specsOf(inputs),
      run: (state, { x, target }) => {
        const weights = state.weights as Tensor1D;
        const { normalization, moved } = trainingStatistics(net.normalizations, state, momentum);
        const images = x as Tensor4D;
        const { logits, loss, gradient, auxiliary } = trainingPass(
          net,
          weights,
          images,
          target as Tensor1D,
          losses,
          { normalization },
        );
        return {
          outputs: { logits, loss, gradient, ...(auxiliary ? { auxiliary } : {}) },
          state: moved(),
        };
      },
    },
    infer: {
      inputs: { x: specsOf(inputs).x },
      run: (state, { x }) => {
        const normalization = runningStatistics(net.normalizations, state);
        const { logits } = net.scores(state.weights as Tensor1D, x as Tensor4D, { normalization });
        return { outputs: { logits } };
      },
    },
  };
  return inBothForms(c, state, functions, (program) => {
    const { logits, loss, gradient, auxiliary } = program.call('train', inputs);
    const inferred = program.call('infer', { x: inputs.x });
    return {
      logits: logits.data,
      ...(net.auxiliary ? { logits_auxiliary: auxiliary.data } : {}),
      loss: loss.data,
      grad_norms: pieceNorms(gradient.data, index),
      logits_eval: inferred.logits.data,
    };
  });
}
