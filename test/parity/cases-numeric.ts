import { conditionNumber } from '../../lib/analysis/condition.js';
import { ZartsError } from '../../lib/errors.js';
import type { Vec } from '../../lib/math/vec.js';
import { cosineLr, dropPathAt, imagenetLr, sigmaAt } from '../../lib/search/schedules.js';
import type { SigmaSchedule } from '../../lib/solvers/mgs.js';
import { gld, gldRadii } from '../../lib/solvers/gld.js';
import { mgs, proposalLogDensity } from '../../lib/solvers/mgs.js';
import { rs } from '../../lib/solvers/rs.js';
import type { RsLaw } from '../../lib/solvers/rs.js';
import { CELLS, cellEdges, defineSpace } from '../../lib/spaces/spaces.js';
import type { Cell, SearchSpace } from '../../lib/spaces/spaces.js';
import { deriveGenotype } from '../../lib/spaces/genotype.js';
import type { Genotype } from '../../lib/spaces/genotype.js';
import type { Primitive } from '../../lib/spaces/primitives.js';
import { norm, scale } from '../../lib/math/vec.js';
import type { FixtureCase } from './fixtures.js';

/** The error of one expected array of a case, next to its tolerance. */
export interface CaseResult {
  readonly id: string;
  readonly array: string;
  /** `plain`: computed in JavaScript numbers, no tensors. */
  readonly form: 'plain';
  /** Largest absolute difference; Infinity where a value is missing or not a number. */
  readonly error: number;
  readonly tolerance: number;
}

/**
 * Runners of the cases that need no tensors, by the number that a group's name starts with: 8 genotype, 10 zero-order,
 * 11 schedules. A runner reads everything from the case, its id included in no decision; it returns no result for a case
 * of its group that is a tensor's or a picture's business (drop path, cutout).
 */
export const numericCases: Readonly<Record<string, (c: FixtureCase) => CaseResult[]>> = {
  '8': genotypeCase,
  '10': zeroOrderCase,
  '11': scheduleCase,
};

function genotypeCase(c: FixtureCase): CaseResult[] {
  const space = caseSpace(c);
  const rows = c.values as { released: CellLists; corrected: CellLists | 'same' }[];
  const { alpha_normal: normal, alpha_reduce: reduce } = c.arrays;
  const stride = {
    normal: normal.data.length / normal.shape[0],
    reduce: reduce.data.length / reduce.shape[0],
  };
  return rows.flatMap(({ released, corrected }, i) => {
    const alpha = Float64Array.from([
      ...normal.data.subarray(i * stride.normal, (i + 1) * stride.normal),
      ...reduce.data.subarray(i * stride.reduce, (i + 1) * stride.reduce),
    ]);
    const compare = (name: string, expected: CellLists, releasedIndexing: boolean): CaseResult => {
      const ours = listsOf(deriveGenotype(space, alpha, { releasedIndexing }));
      const same = CELLS.every((cell) => JSON.stringify(ours[cell]) === JSON.stringify(expected[cell]));
      const concat = JSON.stringify(ours.concat) === JSON.stringify(expected.concat);
      return { id: c.id, array: `${name}[${i}]`, form: 'plain', error: same && concat ? 0 : 1, tolerance: 0 };
    };
    return [
      compare('corrected', corrected === 'same' ? released : corrected, false),
      compare('released', released, true),
    ];
  });
}

/** A genotype as the manifest writes it; both cells concatenate the same nodes. */
type CellLists = Record<Cell, (string | number)[][]> & { concat: number[] };

function listsOf({ normal, reduce, normalConcat }: Genotype): CellLists {
  const list = (edges: Genotype['normal']): (string | number)[][] => edges.map(([op, input]) => [op, input]);
  return { normal: list(normal), reduce: list(reduce), concat: [...normalConcat] };
}

/** The space that a genotype case's constants describe: one list for all edges, or one for each edge of each cell. */
function caseSpace({ id, constants, arrays }: FixtureCase): SearchSpace {
  const edgeCount = arrays.alpha_normal.shape[1];
  let nodes = 1;
  while (cellEdges(nodes).length < edgeCount) nodes++;
  const cell = (kind: Cell): Primitive[][] => {
    const own = (constants[`primitives_${kind}`] ?? constants.primitives) as
      Primitive[] | Primitive[][] | undefined;
    if (own === undefined) throw new ZartsError(`Case ${id} names no primitives; it cannot be run.`);
    return Array.isArray(own[0]) ? (own as Primitive[][]) : cellEdges(nodes).map(() => own as Primitive[]);
  };
  return defineSpace({ name: id, nodes, edges: { normal: cell('normal'), reduce: cell('reduce') } });
}

function zeroOrderCase(c: FixtureCase): CaseResult[] {
  if ('grad_one_point' in c.arrays) return rsCase(c);
  if ('log_q' in c.arrays) return mgsCase(c);
  if ('radii' in c.arrays) return gldCase(c);
  if ('ratios' in c.arrays) return conditionCase(c);
  throw new ZartsError(`Case ${c.id} of group "${c.group}" is of no known kind; it was not run.`);
}

function rsCase(c: FixtureCase): CaseResult[] {
  const alpha = vec(c, 'alpha');
  const directions = vecRows(c, 'u');
  const [plus, minus] = [vec(c, 'loss_plus'), vec(c, 'loss_minus')];
  const [mu, xi] = [num(c, 'mu'), num(c, 'xi')];
  const law = c.constants.distribution as RsLaw;
  const forms = { one_point: 'one-point', two_point: 'two-point', multi_point: 'multi-point' } as const;
  return Object.entries(forms).flatMap(([name, estimator]) => {
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
      result(c, `grad_${name}`, diagnostics.gradient),
      result(c, `update_${name}`, diagnostics.update),
      result(c, `alpha_new_${name}`, state.alpha),
    ];
  });
}

function mgsCase(c: FixtureCase): CaseResult[] {
  const alpha = vec(c, 'alpha');
  const directions = vecRows(c, 'u');
  const loss = vec(c, 'loss');
  const [base] = vec(c, 'loss0');
  const [sigma, lambda, tau] = [num(c, 'sigma'), num(c, 'lambda'), num(c, 'tau')];
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
  return [
    result(c, 'log_q', logQ),
    result(c, 'log_ptilde', logP),
    result(
      c,
      'log_ctilde',
      logP.map((value, i) => value - logQ[i]),
    ),
    result(c, 'weights', diagnostics.weights),
    result(c, 'update', diagnostics.update),
    result(c, 'alpha_new', state.alpha),
    result(c, 'ess', [diagnostics.ess]),
    result(c, 'esr', [diagnostics.esr]),
    result(c, 'log_Z', [diagnostics.logZ ?? NaN]),
  ];
}

function gldCase(c: FixtureCase): CaseResult[] {
  const alpha = vec(c, 'alpha');
  const options = { radiusMax: num(c, 'R'), radiusMin: num(c, 'r') };
  const radii = gldRadii(options);
  const directions = vecRows(c, 'z').map((z, k) => scale(radii[k] / norm(z), z));
  const losses = Float64Array.from([...vec(c, 'loss0'), ...vec(c, 'loss')]);
  const solver = gld(options);
  const { state, diagnostics } = solver.tell(
    solver.init(alpha),
    { points: [alpha, ...directions], directions },
    losses,
  );
  const choice = { array: 'choice', error: diagnostics.choice === num(c, 'choice') ? 0 : 1, tolerance: 0 };
  return [
    result(c, 'radii', radii),
    result(
      c,
      'u',
      directions.flatMap((u) => Array.from(u)),
    ),
    { id: c.id, form: 'plain', ...choice },
    result(c, 'update', diagnostics.update),
    result(c, 'alpha_new', state.alpha),
  ];
}

function conditionCase(c: FixtureCase): CaseResult[] {
  const { q, ratios } = conditionNumber(
    vec(c, 'alpha'),
    vecRows(c, 'delta'),
    vec(c, 'loss0')[0],
    vec(c, 'loss'),
  );
  return [result(c, 'ratios', ratios), result(c, 'Q', [q])];
}

/** The manifest's names of the σ schedules, and ours. */
const SIGMA_ARRAYS = {
  cosine: 'cosine',
  slow_cosine: 'slow-cosine',
  linear: 'linear',
  stable: 'constant',
} as const satisfies Record<string, SigmaSchedule>;

function scheduleCase(c: FixtureCase): CaseResult[] {
  const { arrays } = c;
  const byEpoch = (name: string, value: (epoch: number) => number): CaseResult =>
    result(
      c,
      name,
      Array.from(arrays[name].data, (_, epoch) => value(epoch)),
    );
  if ('lr_with_warmup' in arrays) {
    const [epochs, lr] = [num(c, 'epochs'), num(c, 'lr0')];
    return [
      byEpoch('lr', (epoch) => imagenetLr(epoch, { epochs, lr, warmup: false })),
      byEpoch('lr_with_warmup', (epoch) => imagenetLr(epoch, { epochs, lr, warmup: true })),
    ];
  }
  if ('lr' in arrays) {
    const settings = { epochs: num(c, 'epochs'), lr: num(c, 'lr0'), lrMin: num(c, 'eta_min') };
    return [byEpoch('lr', (epoch) => cosineLr(epoch, settings))];
  }
  if ('drop_prob' in arrays) {
    const settings = { epochs: num(c, 'epochs'), probability: num(c, 'drop_path_prob') };
    return [
      byEpoch('drop_prob', (epoch) => dropPathAt(epoch, settings)),
      byEpoch('keep_prob', (epoch) => 1 - dropPathAt(epoch, settings)),
    ];
  }
  const sigmas = Object.entries(SIGMA_ARRAYS).filter(([name]) => name in arrays);
  if (sigmas.length === 0) return [];
  const settings = { sigma: num(c, 'sigma0'), epochs: num(c, 'epochs'), warmupEpochs: num(c, 'warmup') };
  return sigmas.map(([name, schedule]) =>
    byEpoch(name, (epoch) => sigmaAt(epoch, { schedule, ...settings })),
  );
}

/** An array of the case as a plain vector. */
function vec(c: FixtureCase, name: string): Vec {
  if (!(name in c.arrays)) throw new ZartsError(`Case ${c.id} has no array "${name}"; it cannot be run.`);
  return Float64Array.from(c.arrays[name].data);
}

/** The rows of a matrix of the case. */
function vecRows(c: FixtureCase, name: string): Vec[] {
  const data = vec(c, name);
  const [rows, length] = c.arrays[name].shape;
  return Array.from({ length: rows }, (_, i) => data.slice(i * length, (i + 1) * length));
}

function num(c: FixtureCase, name: string): number {
  const value = c.constants[name];
  if (typeof value !== 'number')
    throw new ZartsError(`Case ${c.id} has no number "${name}" among its constants.`);
  return value;
}

function result(c: FixtureCase, array: string, computed: ArrayLike<number>): CaseResult {
  const expected = vec(c, array);
  const tolerance = c.info[array].suggested_atol;
  if (tolerance === undefined) throw new ZartsError(`Case ${c.id}, array "${array}" has no tolerance.`);
  return { id: c.id, array, form: 'plain', error: largestError(computed, expected), tolerance };
}

/** Largest absolute difference; equal infinities agree; a length or a NaN that differs is an infinite error. */
export function largestError(computed: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (computed.length !== expected.length) return Infinity;
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    const difference = Object.is(computed[i], expected[i]) ? 0 : Math.abs(computed[i] - expected[i]);
    largest = Math.max(largest, Number.isNaN(difference) ? Infinity : difference);
  }
  return largest;
}
