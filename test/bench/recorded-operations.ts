import { newSupernetProgram } from '../../lib/search/program.js';
import type { ProgramForm } from '../../lib/search/program.js';
import { SPACE_IDS } from '../../lib/spaces/spaces.js';
import { benchProgram, benchStep } from './program.js';
import { BENCH_CLASSES, BENCH_SHAPES } from './shapes.js';

/** A supernet small enough to be recorded in a second. */
const SMALL = { cells: 3, channels: 8, batchSize: 4, image: 8, classes: BENCH_CLASSES, compile: true };

/** Every way in which a search has its supernet normalize, mix and drop. */
const FORMS: readonly ProgramForm[] = [
  { mixing: 'softmax', statistics: 'batch', dropPath: true },
  { mixing: 'given', statistics: 'batch', dropPath: false },
  { mixing: 'softmax', statistics: 'running', dropPath: false },
];

/**
 * The TensorFlow operations of which this project's searches and trainings consist on the device of this process, each by
 * its name, in alphabetical order.
 */
export function recordedOperations(): readonly string[] {
  const found = new Set<string>();
  const add = (program: { stats(): { readonly operationsByType: Readonly<Record<string, number>> } }) => {
    for (const operation of Object.keys(program.stats().operationsByType)) found.add(operation);
  };
  for (const space of SPACE_IDS) {
    for (const form of FORMS) {
      for (const partial of [{}, { partialChannels: { k: 4, edgeNormalization: true } }]) {
        const { program } = newSupernetProgram({ ...SMALL, ...partial, space }, form);
        program.call('save');
        add(program);
        program.dispose();
      }
    }
  }
  const retraining = benchStep(BENCH_SHAPES['retrain-small']);
  const program = benchProgram(retraining, true);
  program.call('step', retraining.inputs, { outputs: [], update: false });
  add(program);
  program.dispose();
  return [...found].sort();
}
