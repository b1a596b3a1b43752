import type { BenchShape } from './shapes.js';
import { outputsOf } from './bits-outputs.js';
import type { Extent } from './bits-outputs.js';

/** A process of its own: `bits-worker.js SHAPE EXTENT SESSIONS` prints what each of so many sessions computed, a JSON line each. */
const [shape, extent, sessions] = process.argv.slice(2);
for (let session = 0; session < Number(sessions); session++) {
  const outputs = outputsOf(JSON.parse(shape) as BenchShape, extent as Extent);
  process.stdout.write(`${JSON.stringify(outputs)}\n`);
}
