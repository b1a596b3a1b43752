import { conditionNumber } from '../../lib/analysis/condition.js';
import { ZartsError } from '../../lib/errors.js';
import type { Vec } from '../../lib/math/vec.js';
import { cosineLr, imagenetLr, linearly, sigmaAt } from '../../lib/search/schedules.js';
import type { SigmaSchedule } from '../../lib/solvers/mgs.js';
import { gld, gldRadii } from '../../lib/solvers/gld.js';
import { mgs, proposalLogDensity } from '../../lib/solvers/mgs.js';
import { rs } from '../../lib/solvers/rs.js';
import type { RsLaw } from '../../lib/solvers/rs.js';
import { CELLS } from '../../lib/spaces/spaces.js';
import type { Cell } from '../../lib/spaces/spaces.js';
import { deriveGenotype } from '../../lib/spaces/genotype.js';
import type { Genotype } from '../../lib/spaces/genotype.js';
import { norm, scale } from '../../lib/math/vec.js';
import type { FixtureCase } from './fixtures.js';
import { arrayOf, compare, exact, listedSpace, nodesOf, numberOf } from './network-case.js';
import type { ArrayError, CaseRunner, Computed } from './network-case.js';

/**
 * Runners of the cases that need no tensors: 8 genotype, 10 zero-order, 11 schedules; no results for a case of a group that is
 * a tensor's or a picture's business (drop path, cutout).
 */
export const numericCases: Readonly<Record<string, CaseRunner>> = {
  '8': genotypeCase,
  '10': zeroOrderCase,
  '11': scheduleCase,
};

function genotypeCase(c: FixtureCase): ArrayError[] {
  const space = listedSpace(c, nodesOf(c));
  if (!space) throw new ZartsError(`Case ${c.id} names no primitives; it cannot be run.`);
  const rows = c.values as { released: CellLists; corrected: CellLists | 'same' }[];
  const alphas = CELLS.map((cell) => vecRows(c, `alpha_${cell}`));
  return rows.flatMap(({ released, corrected }, i) => {
    const alpha = Float64Array.from(alphas.flatMap((each) => [...each[i]]));
    const same = (expected: CellLists, releasedIndexing: boolean): boolean => {
      const ours = listsOf(deriveGenotype(space, alpha, { releasedIndexing }));
      return (['normal', 'reduce', 'concat'] as const).every(
        (part) => JSON.stringify(ours[part]) === JSON.stringify(expected[part]),
      );
    };
    return [
      exact(`corrected[${i}]`, same(corrected === 'same' ? released : corrected, false)),
      exact(`released[${i}]`, same(released, true)),
    ];
  });
}

/** A genotype as the manifest writes it; both cells concatenate the same nodes. */
type CellLists = Record<Cell, (string | number)[][]> & { concat: number[] };

function listsOf({ normal, reduce, normalConcat }: Genotype): CellLists {
  const list = (edges: Genotype['normal']): (string | number)[][] => edges.map(([op, input]) => [op, input]);
  return { normal: list(normal), reduce: list(reduce), concat: [...normalConcat] };
}

function zeroOrderCase(c: FixtureCase): ArrayError[] {
  if ('grad_one_point' in c.arrays) return rsCase(c);
  if ('log_q' in c.arrays) return mgsCase(c);
  if ('radii' in c.arrays) return gldCase(c);
  if ('ratios' in c.arrays) return conditionCase(c);
  throw new ZartsError(`Case ${c.id} of group "${c.group}" is of no known kind; it was not run.`);
}

function rsCase(c: FixtureCase): ArrayError[] {
  const alpha = vec(c, 'alpha');
  const directions = vecRows(c, 'u');
  const [plus, minus] = [vec(c, 'loss_plus'), vec(c, 'loss_minus')];
  const [mu, xi] = [numberOf(c, 'mu'), numberOf(c, 'xi')];
  const law = c.constants.distribution as RsLaw;
  const forms = { one_point: 'one-point', two_point: 'two-point', multi_point: 'multi-point' } as const;
  const computed = Object.entries(forms).flatMap(([name, estimator]) => {
    const samples = estimator === 'multi-point' ? directions.length : 1;
    const solver = rs({ estimator, law, samples, mu, xi });
    const used = directions.slice(0, samples);
    const points = used.flatMap(() => (estimator === 'one-point' ? [alpha] : [alpha, alpha]));
    const losses = used.flatMap((_, i) => (estimator === 'one-point' ? [plus[i]] : [plus[i], minus[i]]));
    const { state, diagnostics } = solver.tell(
      solver.init(alpha),
      { points, directions: used },
      Float64Array.from(losses),
    );
    return [
      [`grad_${name}`, diagnostics.gradient],
      [`update_${name}`, diagnostics.update],
      [`alpha_new_${name}`, state.alpha],
    ] as const;
  });
  return compare(c, 'plain', Object.fromEntries(computed));
}

function mgsCase(c: FixtureCase): ArrayError[] {
  const alpha = vec(c, 'alpha');
  const directions = vecRows(c, 'u');
  const loss = vec(c, 'loss');
  const [base] = vec(c, 'loss0');
  const [sigma, lambda, tau] = [numberOf(c, 'sigma'), numberOf(c, 'lambda'), numberOf(c, 'tau')];
  const logQ = proposalLogDensity(directions, vec(c, 'grad'), { sigma, lambda });
  const logP = loss.map((value) => -(value - base) / tau);
  const solver = mgs({
    samples: directions.length,
    sigma,
    lambda,
    tau,
    density: 'literal',
    measureBase: true,
  });
  const { state, diagnostics } = solver.tell(
    solver.init(alpha),
    { points: [alpha, ...directions], directions, logQ, sigma },
    Float64Array.from([base, ...loss]),
  );
  return compare(c, 'plain', {
    log_q: logQ,
    log_ptilde: logP,
    log_ctilde: logP.map((value, i) => value - logQ[i]),
    weights: diagnostics.weights,
    update: diagnostics.update,
    alpha_new: state.alpha,
    ess: [diagnostics.ess],
    esr: [diagnostics.esr],
    log_Z: [diagnostics.logZ ?? NaN],
  });
}

function gldCase(c: FixtureCase): ArrayError[] {
  const alpha = vec(c, 'alpha');
  const options = { radiusMax: numberOf(c, 'R'), radiusMin: numberOf(c, 'r') };
  const radii = gldRadii(options);
  const directions = vecRows(c, 'z').map((z, k) => scale(radii[k] / norm(z), z));
  const losses = Float64Array.from([...vec(c, 'loss0'), ...vec(c, 'loss')]);
  const solver = gld(options);
  const { state, diagnostics } = solver.tell(
    solver.init(alpha),
    { points: [alpha, ...directions], directions },
    losses,
  );
  return [
    exact('choice', diagnostics.choice === numberOf(c, 'choice')),
    ...compare(c, 'plain', {
      radii,
      u: directions.flatMap((u) => Array.from(u)),
      update: diagnostics.update,
      alpha_new: state.alpha,
    }),
  ];
}

function conditionCase(c: FixtureCase): ArrayError[] {
  const { q, ratios } = conditionNumber(
    vec(c, 'alpha'),
    vecRows(c, 'delta'),
    vec(c, 'loss0')[0],
    vec(c, 'loss'),
  );
  return compare(c, 'plain', { ratios, Q: [q] });
}

/** The manifest's names of the σ schedules, and ours. */
const SIGMA_ARRAYS = {
  cosine: 'cosine',
  slow_cosine: 'slow-cosine',
  linear: 'linear',
  stable: 'constant',
} as const satisfies Record<string, SigmaSchedule>;

function scheduleCase(c: FixtureCase): ArrayError[] {
  const { arrays } = c;
  const byEpoch = (values: Readonly<Record<string, (epoch: number) => number>>): ArrayError[] => {
    const computed = Object.entries(values).map(([name, value]) => [
      name,
      Array.from(arrays[name].data, (_, epoch) => value(epoch)),
    ]);
    return compare(c, 'plain', Object.fromEntries(computed) as Computed);
  };
  if ('lr_with_warmup' in arrays) {
    const settings = { epochs: numberOf(c, 'epochs'), lr: numberOf(c, 'lr0') };
    return byEpoch({
      lr: (epoch) => imagenetLr(epoch, { ...settings, warmup: false }),
      lr_with_warmup: (epoch) => imagenetLr(epoch, { ...settings, warmup: true }),
    });
  }
  if ('lr' in arrays) {
    const [epochs, lr, lrMin] = ['epochs', 'lr0', 'eta_min'].map((name) => numberOf(c, name));
    return byEpoch({ lr: (epoch) => cosineLr(epoch, { epochs, lr, lrMin }) });
  }
  if ('drop_prob' in arrays) {
    const settings = { epochs: numberOf(c, 'epochs'), to: numberOf(c, 'drop_path_prob') };
    return byEpoch({
      drop_prob: (epoch) => linearly(epoch, settings),
      keep_prob: (epoch) => 1 - linearly(epoch, settings),
    });
  }
  const sigmas = Object.entries(SIGMA_ARRAYS).filter(([name]) => name in arrays);
  if (sigmas.length === 0) return [];
  const [sigma, epochs, warmupEpochs] = ['sigma0', 'epochs', 'warmup'].map((name) => numberOf(c, name));
  const values = sigmas.map(([name, schedule]) => [
    name,
    (epoch: number) => sigmaAt(epoch, { schedule, sigma, epochs, warmupEpochs }),
  ]);
  return byEpoch(Object.fromEntries(values) as Record<string, (epoch: number) => number>);
}

/** An array of the case as a plain vector. */
function vec(c: FixtureCase, name: string): Vec {
  return Float64Array.from(arrayOf(c, name).data);
}

/** The rows of an array of the case: its parts along the first side. */
function vecRows(c: FixtureCase, name: string): Vec[] {
  const data = vec(c, name);
  const [rows] = c.arrays[name].shape;
  const length = data.length / rows;
  return Array.from({ length: rows }, (_, i) => data.slice(i * length, (i + 1) * length));
}
