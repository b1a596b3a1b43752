import { wholeNumber } from './options.js';
import type { BenchReport, ShapeReport, Timing } from '../../lib/bench/bench.js';
import { fixed } from '../../lib/report/format.js';
import { describeSeconds, terminalProgress } from '../../lib/report/progress-terminal.js';
import { textTable } from '../../lib/report/table.js';
import { print, printJson } from './text.js';

/** The options of `zarts bench`, as commander hands them over. */
export interface BenchCommandOptions {
  readonly shape?: string[];
  readonly repeats?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** Runs `zarts bench`. @returns the exit code. */
export async function benchCommand({
  shape,
  repeats,
  json,
  quiet = false,
}: BenchCommandOptions): Promise<number> {
  const times = repeats === undefined ? undefined : wholeNumber('--repeats', repeats, 1, 10_000);
  const { runBench } = await import('../../lib/bench/bench.js');
  const report = runBench({
    progress: terminalProgress({ quiet }),
    ...(shape === undefined ? {} : { shapes: shape }),
    ...(times === undefined ? {} : { repeats: times }),
  });
  if (json) printJson(report);
  else print(describeBench(report));
  return 0;
}

function describeBench({ shapes, machine, versions }: BenchReport): string[] {
  const { processor, cores } = machine;
  const { tensorflow, intraOpThreads, interOpThreads } = versions;
  const threads = `${intraOpThreads} intra-op and ${interOpThreads} inter-op threads`;
  return [
    `${processor}, ${cores} cores; TensorFlow ${tensorflow} with ${threads}`,
    ...Object.entries(shapes).flatMap(([name, shape]) => ['', ...describeShape(name, shape)]),
  ];
}

function describeShape(name: string, shape: ShapeReport): string[] {
  const { space, channels, cells, batch, image, parameters, ms, ratios, firstCallMs, memory } = shape;
  const size = `${channels} channels, ${cells} cells, batch ${batch}, ${image}×${image}`;
  const rows = Object.entries(ms).map(([engine, timing]: [string, Timing]) => ({
    engine,
    median: fixed(timing.median, 1),
    quartiles: timing.quartiles.map((each) => fixed(each, 1)).join(' – '),
    n: timing.n,
  }));
  const megabytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);
  return [
    textTable({
      title: `${name}: a training step in ${space}, ${size}, ${parameters.toLocaleString('en-US')} parameters`,
      columns: [
        { key: 'engine', title: 'engine' },
        { key: 'median', title: 'median, ms', align: 'right' },
        { key: 'quartiles', title: 'quartiles, ms', align: 'right' },
        { key: 'n', title: 'steps', align: 'right' },
      ],
      rows,
    }),
    ...Object.entries(ratios).map(([which, ratio]) => `${which}: ${fixed(ratio, 1)}`),
    `First compiled call, with recording: ${describeSeconds(firstCallMs / 1000)}`,
    ...memory.map(
      ({ step, tensors, nativeTensors, rssBytes }) =>
        `Memory after compiled step ${step}: ${tensors} tensors, ${nativeTensors} native, ${megabytes(rssBytes)} MiB resident`,
    ),
  ];
}
