import type { BenchReport, ShapeReport } from './bench.js';

/** A bar that the step should reach, and what was measured. */
export interface Bar {
  readonly what: string;
  readonly shape?: string;
  /** The bar: `value` must be at least, or at most, this. */
  readonly bar: number;
  readonly direction: 'at least' | 'at most';
  readonly value: number;
  readonly met: boolean;
}

interface ShapeBar {
  readonly what: string;
  readonly bar: number;
  readonly direction: Bar['direction'];
  /** The shapes that it is set for. */
  readonly applies: (name: string) => boolean;
  /** Undefined where it was not measured. */
  readonly value: (report: ShapeReport) => number | undefined;
}

const ratio =
  (name: string) =>
  ({ ratios }: ShapeReport): number | undefined =>
    ratios[name];

const full = (name: string): boolean => /-full-\d/.test(name);

const SHAPE_BARS: readonly ShapeBar[] = [
  {
    what: 'eager TensorFlow.js / compiled',
    bar: 15,
    direction: 'at least',
    applies: (name) => name === 'darts-small',
    value: ratio('eager/compiled'),
  },
  {
    what: 'PyTorch / compiled',
    bar: 4.5,
    direction: 'at least',
    applies: (name) => name === 'darts-small',
    value: ratio('torch/compiled'),
  },
  {
    what: 'PyTorch / compiled',
    bar: 3.5,
    direction: 'at least',
    applies: (name) => name === 'darts-full-16',
    value: ratio('torch/compiled'),
  },
  {
    what: 'PyTorch / compiled',
    bar: 4,
    direction: 'at least',
    applies: (name) => name.startsWith('s2-'),
    value: ratio('torch/compiled'),
  },
  {
    what: 'PyTorch / compiled',
    bar: 1.5,
    direction: 'at least',
    applies: (name) => name.startsWith('retrain-'),
    value: ratio('torch/compiled'),
  },
  {
    what: 'share of the matrix-product rate',
    bar: 0.35,
    direction: 'at least',
    applies: full,
    value: ratio('matrixProductShare'),
  },
  {
    what: 'alpha update (N = 4, M = 10) / its bare steps',
    bar: 1.05,
    direction: 'at most',
    applies: () => true,
    value: ratio('alphaUpdate/bareSteps'),
  },
  {
    what: 'step of DARTS, second order / first order',
    bar: 5,
    direction: 'at most',
    applies: () => true,
    value: ratio('darts2nd/darts1st'),
  },
  {
    what: 'seconds to record and load',
    bar: 15,
    direction: 'at most',
    applies: full,
    value: ({ graph }) => (graph.recordMs + graph.loadMs) / 1000,
  },
  {
    what: 'size of the graph in MB',
    bar: 20,
    direction: 'at most',
    applies: full,
    value: ({ graph }) => graph.bytes / 1e6,
  },
  {
    what: "peak memory / PyTorch's",
    bar: 1,
    direction: 'at most',
    applies: (name) => name.endsWith('-full-16'),
    value: ratio('peakMemory/torch'),
  },
  {
    what: 'peak memory while recording / while running',
    bar: 1,
    direction: 'at most',
    applies: (name) => name.endsWith('-full-64'),
    value: ratio('recordingMemory/runningMemory'),
  },
];

/** Every bar for which there is a measurement in the report. */
export function barsOf({ shapes, machine }: BenchReport): Bar[] {
  const judge = (what: string, bar: number, direction: Bar['direction'], value: number) => ({
    what,
    bar,
    direction,
    value,
    met: direction === 'at least' ? value >= bar : value <= bar,
  });
  const byShape = SHAPE_BARS.flatMap(({ what, bar, direction, applies, value }) =>
    Object.entries(shapes).flatMap(([shape, report]) => {
      const measured = applies(shape) ? value(report) : undefined;
      return measured === undefined ? [] : [{ ...judge(what, bar, direction, measured), shape }];
    }),
  );
  const pipeline = machine.pipelineImagesPerSecond;
  return [...byShape, judge('augmented images a second, one core', 20_000, 'at least', pipeline)];
}
