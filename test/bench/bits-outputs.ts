import { createHash } from 'node:crypto';
import { key } from '../../lib/math/random.js';
import type { HostArrays } from '../../lib/engine/index.js';
import { lossAtOmega } from '../../lib/search/omega.js';
import { newSupernetProgram } from '../../lib/search/program.js';
import { SearchSession } from '../../lib/search/session.js';
import { benchProgram, benchStep } from './program.js';
import { BENCH_CLASSES, BENCH_SGD, isRetraining } from './shapes.js';
import type { BenchShape, RetrainShape, SearchShape } from './shapes.js';

/** What a session computed: a digest of all its bits for each output, by the output's name. */
export type Digests = Readonly<Record<string, string>>;

/** Steps alone, or everything that a search measures with a supernet as well: each is a graph more to be optimized. */
export type Extent = 'steps' | 'all';

/** Steps after which weights are compared: a difference in a gradient shows in every loss after it. */
const STEPS = 3;

function digestOf(values: number | ArrayLike<number>): string {
  const data = typeof values === 'number' ? [values] : values;
  return createHash('sha256')
    .update(new Uint8Array(Float64Array.from(data).buffer))
    .digest('hex')
    .slice(0, 16);
}

/** Everything that a new session of this shape computes from the same weights and images. */
export function outputsOf(shape: BenchShape, extent: Extent): Digests {
  return isRetraining(shape) ? trainingOutputs(shape) : searchOutputs(shape, extent);
}

/** Steps on ω, α gradients of both orders, and a landscape's point after fine-tuning. */
function searchOutputs(shape: SearchShape, extent: Extent): Digests {
  const { space, cells, channels, batch, image } = shape;
  const { state, inputs } = benchStep(shape);
  const parts = { space, cells, channels, batchSize: batch, image, classes: BENCH_CLASSES, compile: true };
  const made = newSupernetProgram(parts, { mixing: 'softmax', statistics: 'batch', dropPath: false });
  try {
    const session = new SearchSession(made);
    const alpha = Float64Array.from(inputs.alphas.data);
    const { images, labels } = inputs;
    const pass = { batch: { images, labels }, alpha, noise: key(4) };
    session.writeWeights(state.omega.data as Float32Array, state.momentum.data as Float32Array);
    const found: Record<string, string> = {};
    for (let step = 1; step <= STEPS; step++) {
      const { loss } = session.train(pass, BENCH_SGD);
      found[`loss, step ${step}`] = digestOf(loss);
    }
    const { omega, momentum } = session.readWeights();
    found.weights = digestOf(omega);
    found.momentum = digestOf(momentum);
    if (extent === 'steps') return found;
    const first = session.firstOrder(pass);
    found['α gradient'] = digestOf(first.gradient);
    const { gradient } = session.secondOrder(pass, pass, { ...BENCH_SGD, radius: 0.01 });
    found['second-order α gradient'] = digestOf(gradient);
    session.save();
    const away = alpha.map((value, i) => value + 0.1 * Math.sin(i));
    const tuned = { kind: 'tuned', momentum: 'zero', sgd: BENCH_SGD, passes: [pass, pass] } as const;
    found['landscape point'] = digestOf(lossAtOmega(session, tuned, [pass], away));
    return found;
  } finally {
    made.program.dispose();
  }
}

/** Steps of a derived network's training, and its scores. */
function trainingOutputs(shape: RetrainShape): Digests {
  const made = benchStep(shape);
  const program = benchProgram(made, true);
  try {
    const found: Record<string, string> = {};
    for (let step = 1; step <= STEPS; step++) {
      const { loss } = program.call('step', made.inputs, { outputs: ['loss'] });
      found[`loss, step ${step}`] = digestOf(loss.data);
    }
    for (const [name, { data }] of Object.entries(program.read() as HostArrays)) found[name] = digestOf(data);
    return found;
  } finally {
    program.dispose();
  }
}
