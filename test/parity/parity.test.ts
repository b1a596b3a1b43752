import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { zipSync } from 'fflate';
import { dump } from 'npyjs';
import type { Tensor1D, Tensor4D } from '@tensorflow/tfjs-node';
import { tf } from '../../lib/engine/index.js';
import { ZartsError } from '../../lib/errors.js';
import { key, normal } from '../../lib/math/random.js';
import { LARGE, NETWORK_GROUPS, caseById, checkCase, fixtures, groupNumber } from './copied.js';
import type { FixtureCase } from './fixtures.js';
import { runCase, runParity } from './parity.js';
import type { CaseResult } from './parity.js';
import { defineSpace } from '../../lib/spaces/spaces.js';
import type { Primitive } from '../../lib/spaces/primitives.js';
import { supernet } from '../../lib/supernet/supernet.js';
import { lossAndGradients } from '../../lib/supernet/training.js';
import { FIXTURES } from '../support/fixtures.js';

describe('parity: every copied case is within tolerance', function () {
  this.timeout(120_000);

  it('has cases of every group of networks', () => {
    expect([...new Set(fixtures.cases.map(groupNumber))]).to.include.members([...NETWORK_GROUPS, '9', '11']);
    for (const id of LARGE) expect(caseById(id), id).to.be.an('object');
  });

  for (const c of fixtures.cases.filter(({ id }) => !LARGE.includes(id))) {
    it(c.id, () => {
      checkCase(c);
    });
  }
});

describe('parity: the runner', function () {
  this.timeout(120_000);

  /** The case with one of its expected arrays moved by a hundredth of its size. */
  const moved = (c: FixtureCase, name: string): FixtureCase => {
    const array = c.arrays[name];
    const data = Float32Array.from(array.data, (value) => value * 1.01 + 0.01);
    return { ...c, arrays: { ...c.arrays, [name]: { ...array, data } } };
  };
  const failures = (c: FixtureCase): CaseResult[] => runCase(c, fixtures).results.filter(({ ok }) => !ok);

  it('notices a wrong expectation, in both forms, and nothing else', () => {
    const wrong: [string, string][] = [
      ['prim_dil_conv_3x3_s2_7x7', 'gx'],
      ['prim_max_pool_3x3_s2_8x8', 'buf.1.running_var'],
      ['stem_7_odd_9x7', 'gw.1.bias'],
      ['bn_eval_noaffine_c3_n2', 'gx_eval'],
      ['supernet_s1', 'grad_norms'],
    ];
    for (const [id, name] of wrong) {
      const found = failures(moved(caseById(id), name));
      expect(
        found.map(({ array, form }) => `${array} ${form}`),
        id,
      ).to.deep.equal([`${name} eager`, `${name} compiled`]);
    }
    expect(failures(moved(caseById('cutout'), 'mask')).map(({ array }) => array)).to.deep.equal(['mask']);
  });

  it('notices weights of another layout, another shape, and wrong counts', () => {
    const index = String(caseById('supernet_s1').constants.param_index);
    const entries = fixtures.paramIndexes[index];
    const renamed = entries.map((entry, i) => (i === 3 ? { ...entry, name: `${entry.name}x` } : entry));
    const others = { ...fixtures, paramIndexes: { ...fixtures.paramIndexes, [index]: renamed } };
    const { results } = runCase(caseById('supernet_s1'), others);
    expect(results.find(({ array }) => array === 'layout')).to.include({ error: 1, ok: false });

    const shape = caseById('shape_noise_s2_7x7');
    const values = { input_shape: [3, 7, 7, 4], output_shape: [3, 3, 3, 4] };
    expect(failures({ ...shape, values })).to.have.length(2);
    expect(
      failures({
        ...caseById('error_skip_connect_s2_7x7'),
        values: { input_shape: [3, 8, 8, 4], expect: 'error' },
      }),
    ).to.have.length(2);

    const counts = structuredClone(caseById('counts').values) as { supernet: { params: number }[] };
    counts.supernet[0].params += 1;
    const miscounted = failures({ ...caseById('counts'), values: counts });
    expect(miscounted).to.have.length(1);
    expect(miscounted[0]).to.include({ error: 1, tolerance: 0 });
  });

  it('leaves no tensors behind', () => {
    const before = tf.memory().numTensors;
    for (const id of [
      'prim_sep_conv_3x3_s2_8x8',
      'bn_eval_affine_c4_n192',
      'error_skip_connect_s2_7x7',
      'supernet_s1',
    ])
      runCase(caseById(id), fixtures);
    expect(tf.memory().numTensors).to.equal(before);
  });
});

describe('parity: folders of other cases, and broken ones', function () {
  this.timeout(120_000);
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(path.join(os.tmpdir(), 'zarts-parity-'));
  });
  afterEach(() => {
    rmSync(dir, { recursive: true });
  });

  type Manifest = Record<string, unknown> & { cases: Record<string, unknown>[] };

  /** A folder with copies of some cases, whose manifest can be changed before it is written. */
  const folderOf = (ids: readonly string[], change: (manifest: Manifest) => void = () => undefined): void => {
    const manifest = JSON.parse(readFileSync(path.join(FIXTURES, 'manifest.json'), 'utf8')) as Manifest;
    manifest.cases = manifest.cases.filter(({ id }) => ids.includes(id as string));
    for (const { file } of manifest.cases as { file?: string }[]) {
      if (file !== undefined) cpSync(path.join(FIXTURES, file), path.join(dir, file));
    }
    change(manifest);
    writeFileSync(path.join(dir, 'manifest.json'), JSON.stringify(manifest));
  };

  it('counts results and tells each as it is there', () => {
    folderOf(['prim_none_s2_8x8', 'drop_path_p0_2', 'cosine_lr_50_0_025', 'cutout'], ({ cases }) => {
      for (const c of cases) if (c.id === 'cutout') c.group = '99 something new';
    });
    const told: CaseResult[] = [];
    const report = runParity(dir, { onCase: (result) => told.push(result) });
    expect(told).to.deep.equal(report.cases);
    // Layout, then y and gx in two forms, those of drop path too; one schedule.
    expect(report).to.deep.include({ passed: 10, failed: 0 });
    expect(report.skipped.map(({ id }) => id)).to.deep.equal(['cutout']);
  });

  it('refuses a folder without a manifest in one sentence', () => {
    expect(() => runParity(dir)).to.throw(ZartsError, /manifest\.json is missing: .*\.$/);
  });

  it('fails a case whose archive is damaged or missing, with the sentence, and runs the others', () => {
    folderOf(['prim_none_s2_7x7', 'prim_none_s2_8x8', 'prim_skip_connect_s1_7x7']);
    const damaged = path.join(dir, 'prim_none_s2_7x7.npz');
    const bytes = readFileSync(damaged);
    writeFileSync(damaged, bytes.subarray(0, bytes.length / 2));
    rmSync(path.join(dir, 'prim_none_s2_8x8.npz'));
    const { cases, failed } = runParity(dir);
    expect(failed).to.equal(2);
    const reasons = cases.filter(({ ok }) => !ok).map(({ id, reason }) => `${id}: ${reason}`);
    expect(reasons[0]).to.match(/^prim_none_s2_8x8: .*is missing/);
    expect(reasons[1]).to.match(/^prim_none_s2_7x7: .*not a whole archive/);
    expect(cases.filter(({ id }) => id === 'prim_skip_connect_s1_7x7').every(({ ok }) => ok)).to.be.true;
  });

  it('skips unknown groups, operations and settings, each with its reason', () => {
    const ids = ['prim_none_s2_7x7', 'prim_none_s2_8x8', 'prim_max_pool_3x3_s1_7x7', 'cutout', 'supernet_s1'];
    folderOf(ids, ({ cases }) => {
      const [pool, none, other, supernet, cutout] = cases as {
        group: string;
        constants: Record<string, unknown>;
      }[];
      pool.constants.bn_eps = 1e-3;
      none.constants.op = 'shuffle';
      other.group = '13 something else';
      supernet.constants.stem_multiplier = 4;
      cutout.group = 'unnumbered';
    });
    const { cases, skipped, failed } = runParity(dir);
    expect(cases).to.be.empty;
    expect(failed).to.equal(0);
    expect(skipped.map(({ reason }) => reason)).to.deep.equal([
      'its batch norms have ε = 0.001; ours have 1e-5',
      'its operation "shuffle" is no primitive here',
      'the group "13 something else" is not known',
      'its stem_multiplier is 4; that of our supernet is 3',
      'the group "unnumbered" is not known',
    ]);
  });

  it('fails a case whose constants contradict its arrays, and runs the others', () => {
    folderOf(['prim_sep_conv_3x3_s1_7x7', 'prim_none_s2_7x7', 'prim_none_s2_8x8'], ({ cases }) => {
      const [convolution, none, other] = cases.map(({ constants }) => constants as Record<string, unknown>);
      convolution.op = 'sep_conv_5x5';
      delete none.C;
      other.op = 'max_pool_3x3';
    });
    const failures = runParity(dir).cases.filter(({ ok }) => !ok);
    expect(failures.map(({ id, array }) => `${id} ${array}`)).to.include.members([
      'prim_sep_conv_3x3_s1_7x7 layout',
      'prim_none_s2_8x8 case',
      'prim_none_s2_7x7 y',
    ]);
    expect(failures.find(({ array }) => array === 'case')?.reason).to.match(/has no number "C"/);
  });

  it('runs a supernet of another space, depth and size from its manifest alone', () => {
    // Two intermediate nodes, five edges, cells that reduce at 1 and 2, an image that is not square.
    const edge = (...primitives: Primitive[]): Primitive[] => primitives;
    const normalEdges = [
      edge('max_pool_3x3', 'dil_conv_5x5'),
      edge('skip_connect', 'sep_conv_7x7'),
      edge('conv_7x1_1x7', 'none'),
      edge('noise', 'avg_pool_3x3'),
      edge('sep_conv_5x5', 'skip_connect'),
    ];
    const reduceEdges = [...normalEdges].reverse();
    const space = defineSpace({
      name: 'invented',
      nodes: 2,
      edges: { normal: normalEdges, reduce: reduceEdges },
    });
    const net = supernet(space, { cells: 4, channels: 2, classes: 3 });
    const batch = 2;
    const noiseShapes: Record<string, number[]> = {
      'noise.0.3': [batch, 8, 12, 2],
      'noise.1.1': [batch, 4, 6, 4],
      'noise.2.1': [batch, 2, 3, 8],
      'noise.3.3': [batch, 2, 3, 8],
    };
    const floats = (seed: number, shape: number[]) => ({
      shape,
      data: Float32Array.from(
        normal(
          key(seed),
          shape.reduce((product, side) => product * side, 1),
        ),
      ),
    });
    const arrays: Record<string, { shape: number[]; data: Float32Array | Int32Array; role: string }> = {
      x: { ...floats(1, [batch, 8, 12, 3]), role: 'input' },
      target: { shape: [batch], data: Int32Array.of(2, 0), role: 'input' },
      weights: { shape: [net.layout.size], data: net.init(key(2)), role: 'weight' },
      alpha_normal: { ...floats(3, [5, 2]), role: 'input' },
      alpha_reduce: { ...floats(4, [5, 2]), role: 'input' },
    };
    Object.entries(noiseShapes).forEach(
      ([name, shape], i) => (arrays[name] = { ...floats(10 + i, shape), role: 'input' }),
    );
    const tensor = (name: string) =>
      tf.tensor(
        arrays[name].data,
        arrays[name].shape,
        arrays[name].data instanceof Int32Array ? 'int32' : 'float32',
      );
    tf.tidy(() => {
      const alphas = tf.concat([
        tf.reshape(tensor('alpha_normal'), [10]),
        tf.reshape(tensor('alpha_reduce'), [10]),
      ]);
      const noise = (name: string) => tensor(`noise.${name.split('.')[1]}.${name.split('.')[3]}`) as Tensor4D;
      const args = [tensor('weights') as Tensor1D, alphas as Tensor1D, tensor('x') as Tensor4D] as const;
      const { loss, alphas: gradient } = lossAndGradients(net, ...args, tensor('target') as Tensor1D, {
        noise,
      });
      const values = Float32Array.from(gradient.dataSync());
      arrays.logits = {
        shape: [batch, 3],
        data: Float32Array.from(net.logits(...args, { noise }).dataSync()),
        role: 'expected',
      };
      arrays.loss = { shape: [], data: Float32Array.from(loss.dataSync()), role: 'expected' };
      arrays.g_alpha_normal = { shape: [5, 2], data: values.slice(0, 10), role: 'expected' };
      arrays.g_alpha_reduce = { shape: [5, 2], data: values.slice(10), role: 'expected' };
    });
    const info = Object.entries(arrays).map(([name, { shape, data, role }]) => [
      name,
      { shape, role, dtype: data instanceof Int32Array ? 'int32' : 'float32', suggested_atol: 1e-5 },
    ]);
    const constants = {
      C: 2,
      layers: 4,
      classes: 3,
      steps: 2,
      multiplier: 2,
      reduction_layers: [1, 2],
      param_index: 'of its own',
      primitives_normal: normalEdges,
      primitives_reduce: reduceEdges,
    };
    const entry = {
      id: 'anything',
      group: '5 x',
      file: 'a.npz',
      constants,
      arrays: Object.fromEntries(info) as object,
    };
    const layout = net.layout.parameters.map(({ name, shape, offset, size }) => ({
      name,
      shape,
      offset,
      size,
      layout: '',
    }));
    writeFileSync(
      path.join(dir, 'manifest.json'),
      JSON.stringify({ format_version: 1, cases: [entry], param_indexes: { 'of its own': layout } }),
    );
    const files = Object.entries(arrays).map(([name, { data, shape }]) => [
      `${name}.npy`,
      new Uint8Array(dump(data, shape)),
    ]);
    writeFileSync(path.join(dir, 'a.npz'), zipSync(Object.fromEntries(files) as Record<string, Uint8Array>));

    const { cases, skipped, failed } = runParity(dir);
    expect(skipped).to.be.empty;
    expect(cases.map(({ array, form }) => `${array} ${form}`)).to.deep.equal([
      'layout plain',
      ...['eager', 'compiled'].flatMap((form) =>
        ['logits', 'loss', 'g_alpha_normal', 'g_alpha_reduce'].map((array) => `${array} ${form}`),
      ),
    ]);
    expect(failed).to.equal(0);
    // Not by accident: the loss is that of this network, near ln 3 but not it.
    expect(arrays.loss.data[0]).to.be.within(0.3, 3);
  });
});
