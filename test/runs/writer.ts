/**
 * A process that computes a run whose every value is known in advance, to be killed by tests. Arguments: the folder of
 * runs, and the step at which it is finished. With WRITER_HOLD it only takes the lock and waits.
 */
import { openRun } from '../../lib/runs/store.js';
import { checkpointAt, metricsAt, PROTOCOL } from './writer-state.js';

const [home, last] = [process.argv[2], Number(process.argv[3])];
const warn = (message: string): void => {
  process.stderr.write(message + '\n');
};
const run = openRun({ home, ...PROTOCOL, onWarning: warn });
try {
  run.lock();
  let step = run.resume()?.step ?? 0;
  process.stdout.write(`from ${step}\n`);
  if (process.env.WRITER_HOLD) {
    setInterval(() => undefined, 1000);
  } else {
    while (step < last) {
      step++;
      run.appendMetrics(metricsAt(step));
      if (step % 3 === 0) run.saveCheckpoint(checkpointAt(step));
    }
    run.finish({ steps: step }, { host: 'test' });
    process.stdout.write('done\n');
  }
} catch (error) {
  process.stderr.write(error instanceof Error ? `${error.name}: ${error.message}\n` : String(error));
  process.exitCode = 1;
}
