import { expect } from 'chai';
import type { Tensor, Tensor1D, Tensor4D } from '@tensorflow/tfjs-node';
import { compile, conv2d, crossEntropy, recordedCalls, tf } from '../../lib/engine/index.js';
import type { HostArray, Program, ProgramFunction, Tensors } from '../../lib/engine/index.js';
import { backend } from '../../lib/engine/tensorflow.js';
import { ZartsError } from '../../lib/errors.js';

const vector = (...values: number[]): HostArray => ({
  shape: [values.length],
  data: Float32Array.from(values),
});
const whole = (...values: number[]): HostArray => ({ shape: [values.length], data: Int32Array.from(values) });
const float = (...shape: number[]) => ({ shape, dtype: 'float32' as const });
const listOf = ({ data }: HostArray): number[] => Array.from(data);

const FORMS = [
  ['eager', false],
  ['compiled', true],
] as const;

/** Functions of the state a [3], b [3], count int32 [1]. */
const functions = {
  step: {
    inputs: { x: float(3) },
    run: ({ a, b }: Tensors, { x }: Tensors) => ({
      outputs: { sum: tf.sum(tf.mul(a, x)), twice: tf.mul(a, 2) },
      state: { a: tf.add(a, x), b: tf.sub(b, a) },
    }),
  },
  swap: { inputs: {}, run: ({ a, b }: Tensors) => ({ outputs: {}, state: { a: b, b: a } }) },
  look: { inputs: {}, run: ({ a }: Tensors) => ({ outputs: { sum: tf.sum(a) } }) },
  count: {
    inputs: {},
    run: ({ count }: Tensors) => ({ outputs: {}, state: { count: tf.add(count, tf.scalar(1, 'int32')) } }),
  },
} satisfies Record<string, ProgramFunction>;
const initial = () => ({ a: vector(1, 2, 3), b: vector(0.5, 0.25, -1), count: whole(7) });

for (const [form, compiled] of FORMS) {
  describe(`engine/compile, ${form}`, function () {
    this.timeout(60_000);
    let program: Program<keyof typeof functions>;
    beforeEach(() => {
      program = compile(initial(), functions, { compile: compiled });
    });
    afterEach(() => {
      program.dispose();
    });

    it('computes outputs from the old state and keeps the new one', () => {
      const { sum, twice } = program.call('step', { x: vector(1, 10, 100) });
      expect(sum.shape).to.deep.equal([]);
      expect(listOf(sum)).to.deep.equal([321]);
      expect(listOf(twice)).to.deep.equal([2, 4, 6]);
      const { a, b } = program.read();
      expect(listOf(a)).to.deep.equal([2, 12, 103]);
      // b sees the old a, whichever is written first.
      expect(listOf(b)).to.deep.equal([-0.5, -1.75, -4]);
      expect(listOf(program.call('look').sum)).to.deep.equal([117]);
    });

    it('leaves the state bit for bit without `update`', () => {
      program.write({ a: vector(0.1, 1e-30, -0) });
      const before = program.read();
      const { sum } = program.call('step', { x: vector(1, 1, 1) }, { update: false });
      expect(sum.data[0]).to.be.closeTo(0.1, 1e-7);
      const after = program.read();
      for (const name of Object.keys(before)) {
        expect(Buffer.from(after[name].data.buffer.slice(0))).to.deep.equal(
          Buffer.from(before[name].data.buffer.slice(0)),
        );
      }
    });

    it('exchanges two state entries', () => {
      program.call('swap');
      const { a, b } = program.read();
      expect(listOf(a)).to.deep.equal([0.5, 0.25, -1]);
      expect(listOf(b)).to.deep.equal([1, 2, 3]);
      program.call('swap');
      expect(listOf(program.read(['a']).a)).to.deep.equal([1, 2, 3]);
    });

    it('gives the wanted outputs only, none if none are wanted, and still updates', () => {
      expect(program.call('step', { x: vector(1, 1, 1) }, { outputs: ['twice'] })).to.have.all.keys('twice');
      expect(program.call('step', { x: vector(1, 1, 1) }, { outputs: [] })).to.deep.equal({});
      expect(listOf(program.read(['a']).a)).to.deep.equal([3, 4, 5]);
      expect(program.call('step', { x: vector(1, 1, 1) }, { outputs: [], update: false })).to.deep.equal({});
      expect(listOf(program.read(['a']).a)).to.deep.equal([3, 4, 5]);
    });

    it('reads back what was written, before and after the first call, as arrays of their own', () => {
      const written = vector(5, 6, 7);
      program.write({ a: written });
      written.data[0] = 0;
      const read = program.read(['a']).a;
      expect(listOf(read)).to.deep.equal([5, 6, 7]);
      read.data[1] = 0;
      expect(listOf(program.call('look').sum)).to.deep.equal([18]);
      program.write({ a: vector(8, 9, 10), count: whole(1) });
      expect(program.read(['a'])).to.have.all.keys('a');
      expect(listOf(program.read().a)).to.deep.equal([8, 9, 10]);
      expect(listOf(program.read().b)).to.deep.equal([0.5, 0.25, -1]);
    });

    it('is not changed by what happens to the initial arrays', () => {
      const state = initial();
      const other = compile(state, functions, { compile: compiled });
      state.a.data[0] = 99;
      expect(listOf(other.call('look').sum)).to.deep.equal([6]);
      other.dispose();
    });

    it('keeps whole numbers whole', () => {
      program.call('count');
      program.call('count');
      const { count } = program.read(['count']);
      expect(count.data).to.be.instanceOf(Int32Array);
      expect(listOf(count)).to.deep.equal([9]);
    });

    it('takes another input shape by the way, and keeps the state', () => {
      const mean = {
        inputs: { x: float(2) },
        run: ({ a }: Tensors, { x }: Tensors) => ({
          outputs: { mean: tf.mean(x) },
          state: { a: tf.add(a, tf.mean(x)) },
        }),
      };
      const other = compile({ a: vector(1) }, { mean }, { compile: compiled });
      expect(listOf(other.call('mean', { x: vector(2, 4) }).mean)).to.deep.equal([3]);
      expect(listOf(other.call('mean', { x: vector(1, 2, 3, 6) }).mean)).to.deep.equal([3]);
      expect(listOf(other.call('mean', { x: vector(7, 9) }).mean)).to.deep.equal([8]);
      expect(listOf(other.read().a)).to.deep.equal([15]);
      other.dispose();
    });

    it('gives an input or a state entry itself as an output', () => {
      const same = {
        inputs: { x: float(2) },
        run: ({ a }: Tensors, { x }: Tensors) => ({ outputs: { x, a, copy: tf.clone(x) }, state: { a: x } }),
      };
      const other = compile({ a: vector(1, 2) }, { same }, { compile: compiled });
      const { x, a, copy } = other.call('same', { x: vector(3, 4) });
      expect([x, a, copy].map(listOf)).to.deep.equal([
        [3, 4],
        [1, 2],
        [3, 4],
      ]);
      expect(listOf(other.read().a)).to.deep.equal([3, 4]);
      other.dispose();
    });

    it('names what it does not know', () => {
      const loose = program as Program<string>;
      const faults: [() => unknown, RegExp][] = [
        [() => loose.call('jump'), /no function "jump"; it has step, swap, look, count\.$/],
        [() => program.call('step'), /input "x" of "step" is missing; given: none\.$/],
        [() => program.call('step', { y: vector(1) }), /input "x" of "step" is missing; given: y\.$/],
        [
          () => program.call('step', { x: vector(1, 2, 3) }, { outputs: ['some'] }),
          /output "some" of "step" is unknown; known: sum, twice\.$/,
        ],
        [() => program.read(['c']), /no state "c"; it has a, b, count\.$/],
        [() => program.write({ c: vector(1) }), /no state "c"; it has a, b, count\.$/],
      ];
      for (const [fault, message] of faults) expect(fault).to.throw(ZartsError, message);
    });

    it('refuses another type, number of dimensions, or length, and stays as it was', () => {
      const faults: [() => unknown, RegExp][] = [
        [
          () => program.call('step', { x: whole(1, 2, 3) }),
          /Input "x" of "step" is int32; it was declared float32\.$/,
        ],
        [
          () => program.call('step', { x: { shape: [1, 3], data: new Float32Array(3) } }),
          /has shape \[1,3\]; it was declared with 1 dimensions\.$/,
        ],
        [
          () => program.call('step', { x: { shape: [3], data: new Float32Array(2) } }),
          /has shape \[3\] but 2 values\.$/,
        ],
        [
          () => program.write({ a: vector(1, 2) }),
          /State "a" is float32 \[3\]; it cannot take a value that is float32 \[2\]\.$/,
        ],
        [
          () => program.write({ count: vector(1) }),
          /State "count" is int32 \[1\]; it cannot take a value that is float32 \[1\]\.$/,
        ],
        [
          () => program.write({ b: vector(9, 9, 9), a: { shape: [3], data: new Float32Array(4) } }),
          /State "a" has shape \[3\] but 4 values\.$/,
        ],
      ];
      for (const [fault, message] of faults) expect(fault).to.throw(ZartsError, message);
      expect(listOf(program.call('look').sum)).to.deep.equal([6]);
      expect(listOf(program.read().b)).to.deep.equal([0.5, 0.25, -1]);
    });

    it('refuses a function that gives the state another shape, or a state that there is none of', () => {
      const faulty = (state: (a: Tensor) => Tensors) => {
        const f = { inputs: {}, run: ({ a }: Tensors) => ({ outputs: {}, state: state(a) }) };
        const other = compile({ a: vector(1, 2) }, { f }, { compile: compiled });
        return () => {
          try {
            other.call('f');
          } finally {
            other.dispose();
          }
        };
      };
      expect(faulty((a) => ({ a: tf.concat([a as Tensor1D, a as Tensor1D]) }))).to.throw(
        ZartsError,
        /returns state "a" as float32 \[4\]; it is float32 \[2\]\.$/,
      );
      expect(faulty((a) => ({ other: a }))).to.throw(ZartsError, /no state "other"; it has a\.$/);
    });

    it('leaves no tensors behind, in TensorFlow.js or beneath it', () => {
      const gradient: ProgramFunction = {
        inputs: { x: float(2, 4, 4, 3), labels: { shape: [2], dtype: 'int32' } },
        run: ({ filter }, { x, labels }) => {
          const { value, grads } = tf.valueAndGrads((w: Tensor) => {
            const maps = conv2d(x as Tensor4D, w as Tensor4D, [1, 1], [1, 1]);
            return crossEntropy(tf.mean(maps, [1, 2]), labels as Tensor1D);
          })([filter]);
          return { outputs: { loss: value }, state: { filter: tf.sub(filter, tf.mul(grads[0], 0.01)) } };
        },
      };
      const outside = { js: tf.memory().numTensors, native: backend.binding.getNumOfTensors() };
      const other = compile(
        { filter: { shape: [3, 3, 3, 5], data: new Float32Array(135).fill(0.1) } },
        { gradient },
        { compile: compiled },
      );
      const call = () =>
        other.call('gradient', {
          x: { shape: [2, 4, 4, 3], data: new Float32Array(96).fill(1) },
          labels: whole(1, 4),
        });
      const losses = [call().loss.data[0]];
      const within = { js: tf.memory().numTensors, native: backend.binding.getNumOfTensors() };
      for (let i = 0; i < 200; i++) losses.push(call().loss.data[0]);
      other.read();
      other.write({ filter: other.read().filter });
      losses.push(call().loss.data[0]);
      expect({ js: tf.memory().numTensors, native: backend.binding.getNumOfTensors() }).to.deep.equal(within);
      other.dispose();
      expect({ js: tf.memory().numTensors, native: backend.binding.getNumOfTensors() }).to.deep.equal(
        outside,
      );
      // It did learn: the loss of five equal classes is ln 5 at first.
      expect(losses[0]).to.be.closeTo(Math.log(5), 1e-5);
      expect(losses[201]).to.be.below(losses[0] - 0.1);
    });

    it('leaves none behind when a call fails', () => {
      const fails = {
        inputs: {},
        run: ({ a }: Tensors) => {
          tf.mul(a, 3);
          throw new Error('on purpose');
        },
      };
      const outside = { js: tf.memory().numTensors, native: backend.binding.getNumOfTensors() };
      const other = compile({ a: vector(1, 2) }, { fails }, { compile: compiled });
      for (let i = 0; i < 3; i++) expect(() => other.call('fails')).to.throw('on purpose');
      other.dispose();
      expect({ js: tf.memory().numTensors, native: backend.binding.getNumOfTensors() }).to.deep.equal(
        outside,
      );
      // And TensorFlow.js works as before.
      expect(tf.tidy(() => tf.add(1, 2).dataSync()[0])).to.equal(3);
    });
  });
}

describe('engine/compile, recording', function () {
  this.timeout(60_000);
  const recorded = (run: ProgramFunction['run'], inputs: ProgramFunction['inputs'] = { x: float(4) }) =>
    compile({ a: vector(1, 2, 3, 4) }, { f: { inputs, run } });
  const call = (program: Program<'f'>) => program.call('f', { x: vector(1, 2, 3, 4) });

  it('refuses to read a value, in words, and eager does not', () => {
    const run: ProgramFunction['run'] = (_, { x }) => ({ outputs: { y: tf.mul(x, x.dataSync()[0]) } });
    const program = recorded(run);
    expect(() => call(program)).to.throw(
      ZartsError,
      /reads the value of a tensor .* while it is being recorded; return the tensor from the step instead, or run with compile: false\.$/,
    );
    program.dispose();
    const eager = compile({ a: vector(1) }, { f: { inputs: { x: float(4) }, run } }, { compile: false });
    expect(listOf(call(eager).y)).to.deep.equal([1, 2, 3, 4]);
    eager.dispose();
    // The refusal leaves TensorFlow.js in working order.
    expect(tf.tidy(() => tf.tensor1d([1, 2]).sum().dataSync()[0])).to.equal(3);
  });

  it('refuses operations whose shape depends on values', () => {
    const program = recorded((_, { x }) => ({ outputs: { y: tf.unique(x).values } }));
    expect(() => call(program)).to.throw(ZartsError, /uses Unique.*depends on values/);
    program.dispose();
  });

  it('takes constants along, made inside or outside of it', () => {
    const outside = tf.tensor1d([1, 0, 0, 5]);
    const program = recorded((_, { x }) => ({
      outputs: { y: tf.add(tf.mul(x, outside), tf.tensor1d([0, 10, 20, 30])) },
    }));
    expect(listOf(call(program).y)).to.deep.equal([1, 10, 20, 50]);
    outside.dispose();
    expect(listOf(call(program).y)).to.deep.equal([1, 10, 20, 50]);
    program.dispose();
  });

  it('copies whatever is fed before anything can keep it, and a state does not follow the arrays it came from', () => {
    // A fed tensor is the JavaScript array: kept by a variable, it would be released on one of TensorFlow's threads.
    const given = vector(1, 2, 3, 4);
    const program = compile(
      { a: given, b: vector(0, 0, 0, 0) },
      { f: { inputs: { x: float(4) }, run: (_, { x }) => ({ outputs: {}, state: { b: x } }) } },
    );
    const x = vector(5, 6, 7, 8);
    program.call('f', { x });
    x.data.fill(0);
    given.data.fill(0);
    const { Placeholder, DeepCopy } = program.stats().operationsByType;
    expect(DeepCopy).to.equal(Placeholder).and.equal(3);
    expect(listOf(program.read(['a']).a)).to.deep.equal([1, 2, 3, 4]);
    expect(listOf(program.read(['b']).b)).to.deep.equal([5, 6, 7, 8]);
    program.dispose();
  });

  it('writes constants of one value as Fill, and equal constants once', () => {
    const statsOf = (run: ProgramFunction['run']) => {
      const program = recorded(run);
      call(program);
      const stats = program.stats();
      program.dispose();
      return stats;
    };
    const long = 10_000;
    const uniform = statsOf((_, { x }) => ({
      outputs: { y: tf.sum(tf.outerProduct(x as Tensor1D, tf.fill([long], 2.5))) },
    }));
    expect(uniform.operationsByType.Fill).to.equal(1);
    expect(uniform.graphBytes).to.be.below(long);

    const values = Array.from({ length: 40 }, (_, i) => i);
    const once = statsOf((_, { x }) => ({
      outputs: { y: tf.outerProduct(x as Tensor1D, tf.tensor1d(values)) },
    }));
    const twice = statsOf((_, { x }) => {
      const product = (constant: Tensor1D) => tf.outerProduct(x as Tensor1D, constant);
      return { outputs: { y: tf.add(product(tf.tensor1d(values)), product(tf.tensor1d(values))) } };
    });
    const others = statsOf((_, { x }) => {
      const product = (constant: Tensor1D) => tf.outerProduct(x as Tensor1D, constant);
      return {
        outputs: { y: tf.add(product(tf.tensor1d(values)), product(tf.tensor1d([...values].reverse()))) },
      };
    });
    expect(once.operationsByType.Const).to.be.greaterThan(0);
    expect(twice.operationsByType.Const).to.equal(once.operationsByType.Const);
    expect(others.operationsByType.Const).to.equal(once.operationsByType.Const + 1);
  });

  it('keeps −0, infinities and NaN in constants', () => {
    const program = recorded((_, { x }) => ({
      outputs: {
        y: tf.add(x, tf.tensor1d([Infinity, NaN, -Infinity, 0])),
        zero: tf.div(1, tf.fill([32], -0)),
      },
    }));
    const { y, zero } = call(program);
    expect(listOf(y)).to.deep.equal([Infinity, NaN, -Infinity, 4]);
    expect(new Set(listOf(zero))).to.deep.equal(new Set([-Infinity]));
    program.dispose();
  });

  it('leaves out of the graph what no output needs', () => {
    const program = recorded((_, { x }) => {
      tf.softmax(x as Tensor1D);
      return { outputs: { y: tf.neg(x) } };
    });
    call(program);
    expect(program.stats().operationsByType).to.have.property('Neg', 1);
    expect(program.stats().operationsByType).to.not.have.property('Softmax');
    program.dispose();
  });

  it('tells what a program consists of; an eager one of nothing', () => {
    const program = recorded((_, { x }) => ({ outputs: { y: tf.neg(x) } }));
    expect(program.stats()).to.include({ operations: 0, graphBytes: 0 });
    call(program);
    const { operations, operationsByType, graphBytes, recordMs, loadMs } = program.stats();
    expect(operations).to.equal(Object.values(operationsByType).reduce((sum, count) => sum + count, 0));
    for (const number of [operations, graphBytes, recordMs, loadMs]) expect(number).to.be.greaterThan(0);
    program.dispose();
  });

  it('frees its session and cannot be used afterwards', () => {
    const before = backend.binding.getNumOfSavedModels();
    const program = recorded((_, { x }) => ({ outputs: { y: tf.neg(x) } }));
    call(program);
    expect(backend.binding.getNumOfSavedModels()).to.equal(before + 1);
    program.dispose();
    program.dispose();
    expect(backend.binding.getNumOfSavedModels()).to.equal(before);
    expect(() => call(program)).to.throw(ZartsError, /was disposed/);
    expect(() => program.read()).to.throw(ZartsError, /was disposed/);
    expect(() => {
      program.write({ a: vector(1, 2, 3, 4) });
    }).to.throw(ZartsError, /was disposed/);
    const eager = compile(
      { a: vector(1, 2) },
      { look: { inputs: {}, run: ({ a }) => ({ outputs: { y: tf.neg(a) } }) } },
      { compile: false },
    );
    eager.dispose();
    expect(() => eager.call('look')).to.throw(ZartsError, /was disposed/);
    expect(() => eager.read()).to.throw(ZartsError, /was disposed/);
  });
});

describe('engine/compile: sums', () => {
  it('of many terms are recorded as additions one after the other, which TensorFlow is kept from gathering', () => {
    const sum = {
      inputs: {},
      run: ({ a, b }: Tensors) => ({ outputs: { sum: tf.addN([a, b, a, b]) } }),
    };
    const nodes = recordedCalls({ a: vector(1, 2), b: vector(3, 4) }, { sum }, 'sum')();
    const additions = nodes.filter(({ op }) => op.startsWith('Add'));
    expect(additions.map(({ op }) => op)).to.deep.equal(['AddV2', 'AddV2', 'AddV2']);
    const [first, second, third] = additions;
    expect(second.inputs[0]).to.equal(first.name);
    expect(third.inputs[0]).to.equal(second.name);
    for (const { attributes } of additions) {
      expect(attributes.map(({ name }) => name)).to.include(
        '_grappler_ArithmeticOptimizer_AddOpsRewriteStage',
      );
    }
  });
});
