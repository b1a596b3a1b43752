import { Option } from 'commander';
import type { Command } from 'commander';
import { BENCH_SHAPE_NAMES } from '../../test/bench/shapes.js';
import { unknownName } from '../../lib/errors.js';
import { NETWORK_FORMS } from '../../lib/evaluation/plan.js';
import { EVALUATION_DATASETS, EVALUATION_PRESETS } from '../../lib/evaluation/protocol.js';
import { ALL_DATASETS } from '../../lib/datasets/registry.js';
import { BUDGETS, PRESETS } from '../../lib/search/protocol.js';
import { SOLVER_IDS } from '../../lib/search/solvers.js';
import { SPACE_IDS } from '../../lib/spaces/spaces.js';
import { GENOTYPE_ARGUMENT } from './genotype.js';
import type * as SettingsHelp from './settings-help.js';

/** What a command was given: its argument, and its options as commander hands them over. */
interface Given {
  readonly argument: never;
  readonly options: never;
}

/** A command: what its help says, and what runs it. Its module is loaded when it runs: TensorFlow takes seconds. */
interface Entry {
  readonly name: string;
  /** The one argument, as usage shows it, and what it must be. */
  readonly argument?: readonly [usage: string, description: string];
  /** One line for the list of commands. */
  readonly summary: string;
  readonly description: string;
  readonly options?: readonly Option[];
  readonly examples: readonly string[];
  /** What else its help says, of the options that were typed before --help. */
  readonly more?: (options: Readonly<Record<string, unknown>>) => readonly string[];
  /** Options that are none of its own belong to the program that it starts. */
  readonly passThrough?: boolean;
  /** @returns the exit code. */
  readonly run: (given: Given) => Promise<number>;
}

const option = (flags: string, description: string, preset?: string): Option =>
  new Option(flags, description).default(preset);
const repeatable = (flags: string, description: string): Option =>
  new Option(flags, description).argParser((value, earlier: readonly string[] = []) => [...earlier, value]);

// What several commands take.
const JSON_ONLY = option('--json', 'one JSON document on stdout');
const PROGRESS = [
  option('--json', 'one JSON document on stdout, progress on stderr'),
  option('--quiet', 'no progress on stderr'),
];
const BUDGET = option('--budget <name>', `how much computing: ${BUDGETS.join(', ')}`, 'laptop');
const DATA = option(
  '--data <dir>',
  'folder that holds the data sets, or "synthetic" (default: $ZARTS_DATA, then data/, then the download)',
);
const EAGER = option('--eager', 'run TensorFlow.js step by step instead of compiled: slow, for debugging');
const EXPERIMENT = [
  BUDGET,
  repeatable('--set <path=value>', 'change a setting of the protocol, e.g. solver.samples=8 (repeatable)'),
  DATA,
  ...PROGRESS,
];
const QUEUE = 'redis:// or rediss:// URL of the queue; @FILE reads it from a file, env from $ZARTS_QUEUE';
const GENOTYPE = ['<genotype>', GENOTYPE_ARGUMENT] as const;
const LIMITS = [
  option(
    '--most-skips <n>',
    'derive a search’s genotype anew with at most n skip connections in its normal cell',
  ),
  option('--most-parameters <n>', 'with at most n parameters, as a network of 20 cells and 36 channels'),
  option('--most-multiply-adds <n>', 'with at most n multiply-adds, as that network on 32×32 pixels'),
];
const EPOCH = option(
  '--epoch <n>',
  'of a search’s log with a genotype an epoch: that one (default: the last)',
);

/** Settings and presets, which are read off the schemas when a help is asked for. */
// eslint-disable-next-line @typescript-eslint/no-require-imports
const settingsHelp = () => require('./settings-help.js') as typeof SettingsHelp;

const COMMANDS: readonly Entry[] = [
  {
    name: 'doctor',
    summary: 'what the installation consists of, and what is wrong with it',
    description:
      'Shows engine, versions, device, kernel and data found, and what to do about what is wrong with each.',
    options: [JSON_ONLY],
    examples: ['npx zarts doctor', 'npx zarts doctor --json'],
    run: async ({ options }) => (await import('./doctor.js')).doctor(options),
  },
  {
    name: 'list',
    argument: ['[what]', 'experiments (if left out) or genotypes'],
    summary: 'every figure and table, or the genotypes that are known by name',
    description:
      'Lists every figure and table of the paper: what it shows, about how long each budget takes on two cores, and the results that are there. With "genotypes" those of the literature: whose they are, the size that their papers print and the size that is counted here.',
    options: [
      option(
        '--machines <n>',
        'also what each takes on n machines: hours, memory, disk, and what a week buys',
      ),
      JSON_ONLY,
    ],
    examples: [
      'npx zarts list',
      'npx zarts list --machines 16',
      'npx zarts list genotypes',
      'npx zarts list --json',
    ],
    run: async ({ argument, options }) => (await import('./list.js')).listCommand(argument, options),
  },
  {
    name: 'reproduce',
    argument: ['<id>', 'fig-1 … fig-9, table-1 … table-7, extra-nb201, extra-curvature, or all'],
    summary: 're-run a figure or table and judge its claims',
    description:
      "Runs what a figure or table of the paper needs, prints the table and a verdict on each of the paper's claims, and writes the pictures. What was computed before is not computed again.",
    options: [
      ...EXPERIMENT,
      option('--preset <name>', `one algorithm alone (${PRESETS.join(', ')}) instead of those compared`),
      option('--seeds <n>', 'how many seeds each run is repeated with (default: what the budget allows)'),
      option('--queue <url>', `have it computed by workers: ${QUEUE}`),
      option(
        '--slurm',
        'print a batch script for Slurm that computes it, an array job with a task for each share of the runs',
      ),
      option('--share <i/n>', 'compute only one of n shares of the runs, and make no table of them'),
      option('--stored', 'show what the run store has of it, and compute nothing'),
    ],
    examples: [
      'npx zarts reproduce fig-4 --budget laptop',
      'npx zarts reproduce table-2 --budget full --queue redis://server:6379',
      'npx zarts reproduce table-2 --budget full --slurm > job.sh',
      'npx zarts reproduce table-5 --budget laptop --seeds 3',
      'npx zarts reproduce fig-4 --budget smoke --data synthetic --json > fig-4.json',
      'npx zarts reproduce fig-4 --set solver.tau=0.1 --set epochs=20',
    ],
    run: async ({ argument, options }) =>
      (await import('./reproduce.js')).reproduceCommand(argument, options),
  },
  {
    name: 'search',
    summary: 'one architecture search',
    description:
      'Runs one search and prints its genotype and what happened in each epoch. A search that was run before is shown at once, one that was interrupted goes on.',
    options: [
      ...EXPERIMENT,
      option(
        '--space <id>',
        `search space: ${SPACE_IDS.join(', ')}, or a .json file that declares one (name, nodes, edges.normal, edges.reduce)`,
      ),
      option('--solver <id>', `solver: ${SOLVER_IDS.join(', ')}`, 'mgs'),
      option('--preset <name>', `whose algorithm: ${PRESETS.join(', ')} (default: paper)`),
      option(
        '--dataset <name>',
        `images to search on: ${ALL_DATASETS.join(', ')} (a folder of your own, with --data)`,
        'cifar10',
      ),
      option('--seed <n>', 'seed of everything random', '0'),
      option(
        '--from <run>',
        'run a recorded search again, from its key (or the start of it), its folder, or a file with its record',
      ),
      ...LIMITS,
      EAGER,
    ],
    examples: [
      'npx zarts search --space s2 --solver mgs --seed 1',
      'npx zarts search --space s3 --solver darts-es --budget laptop',
      'npx zarts search --space s2 --set dropPath.probability=0.3',
      'npx zarts search --from 3f2a91',
      'npx zarts search --space darts --budget smoke --data synthetic --json',
      'npx zarts search --space s3 --dataset svhn --seed 2',
      'npx zarts search --space s2 --set solver.samples=8 --data ~/data',
    ],
    more: (options) => settingsHelp().searchSettings(options),
    run: async ({ options }) => (await import('./search.js')).searchCommand(options),
  },
  {
    name: 'draw',
    argument: GENOTYPE,
    summary: 'the cells of a genotype as a picture',
    description:
      'Draws the normal and the reduction cell of a genotype side by side, and prints what they consist of; with --compare, two genotypes under each other, with what differs in colour.',
    options: [
      option(
        '--out <file>',
        'the picture, .svg or .png (default: the genotype’s name with .svg, in this folder)',
      ),
      option('--compare <genotype>', 'another genotype to compare with, given in the same way'),
      EPOCH,
      ...LIMITS,
      JSON_ONLY,
    ],
    examples: [
      'npx zarts draw DARTS_V2 --out darts-v2.png',
      'npx zarts draw DARTS_V1 --compare DARTS_V2',
      'npx zarts draw 3f0c9a --out found.svg --json',
    ],
    run: async ({ argument, options }) => (await import('./draw.js')).drawCommand(argument, options),
  },
  {
    name: 'evaluate',
    argument: GENOTYPE,
    summary: 'train a derived network from scratch and test it',
    description:
      'Trains the network that stacks a genotype’s cells from scratch and prints its test error after the last epoch, beside that of a linear classifier on the same images. An evaluation that was run before is shown at once, one that was interrupted goes on.',
    options: [
      ...EXPERIMENT,
      option(
        '--preset <name>',
        `whose retraining: ${EVALUATION_PRESETS.join(', ')} (default: table-2 for a search’s genotype in S1–S4, nb201 for NAS-Bench-201’s, else darts-space)`,
      ),
      option(
        '--dataset <name>',
        `images to train on: ${EVALUATION_DATASETS.join(', ')} (default: a search’s own, else cifar10; folder: one of your own, with --data)`,
      ),
      option(
        '--space <id>',
        'space that the genotype comes from, for the sizes of table-2 (default: a search’s own)',
      ),
      option('--seed <n>', 'first seed of everything random', '0'),
      option('--seeds <n>', 'how many seeds the training is repeated with', '1'),
      option(
        '--prepare <pixels>',
        'photographs: shrink them once, to a shorter side of so many pixels, and keep that',
      ),
      option('--skip-undecodable', 'photographs: pass over those that cannot be decoded, and name them'),
      option(
        '--export <dir>',
        'write the trained network there as SavedModel, as TensorFlow.js model (both read back and compared) and in ONNX, and the genotype as text',
      ),
      EPOCH,
      ...LIMITS,
      option('--no-baseline', 'without the linear classifier beside it (full budget: never with it)'),
      EAGER,
    ],
    examples: [
      'npx zarts evaluate DARTS_V2 --budget smoke',
      'npx zarts evaluate DARTS_V2 --budget laptop --seeds 3 --data ~/data',
      'npx zarts evaluate DARTS_V2 --budget laptop --export exported',
      'npx zarts evaluate 4f0c6e1a --preset table-7 --set epochs=50',
    ],
    more: (options) => settingsHelp().evaluationSettings(options),
    run: async ({ argument, options }) => (await import('./evaluate.js')).evaluateCommand(argument, options),
  },
  {
    name: 'count',
    argument: GENOTYPE,
    summary: 'parameters and multiply-adds of a derived network',
    description:
      'Counts the parameters and multiply-adds of the network that stacks a genotype’s cells, exactly and without running it; at the sizes that the paper trains, or at the one that the options describe.',
    options: [
      option(
        '--form <name>',
        `stem and head: ${NETWORK_FORMS.join(', ')} (default: cifar; stages for NAS-Bench-201’s genotypes)`,
      ),
      option('--cells <n>', 'number of cells (default: 20; 14 in the imagenet form)'),
      option('--channels <n>', 'channels of the first cells (default: 36; 48)'),
      option('--image <n>', 'side of the square images in pixels (default: 32; 224)'),
      option('--classes <n>', 'number of classes (default: 10; 1000)'),
      option('--aux', 'also with the auxiliary head that training adds'),
      EPOCH,
      ...LIMITS,
      option('--json', 'one JSON document on stdout, cell by cell'),
    ],
    examples: [
      'npx zarts count DARTS_V2',
      'npx zarts count DARTS_V1 --cells 8 --channels 16 --classes 100 --aux',
      'npx zarts count AmoebaNet --form imagenet --json',
      'npx zarts count genotypes.py:DARTS_V2',
      'npx zarts count search.log --epoch 24',
      'npx zarts count 4f0c6e1a --most-skips 2',
    ],
    run: async ({ argument, options }) => (await import('./count.js')).countCommand(argument, options),
  },
  {
    name: 'parity',
    argument: ['<dir>', 'folder with a manifest.json of reference cases'],
    summary: 'compare with the reference numbers of PyTorch',
    description:
      'Runs the reference cases of a folder and prints the error of each beside its tolerance; exit code 1 if one is out of tolerance.',
    options: PROGRESS,
    examples: ['npx zarts parity test/fixtures', 'npx zarts parity test/fixtures --json'],
    run: async ({ argument, options }) => (await import('./parity.js')).parityCommand(argument, options),
  },
  {
    name: 'bench',
    summary: 'time the step: compiled against eager, and against PyTorch',
    description:
      'Times a training step of the supernet (forward, backward, clipping, SGD with momentum), engines taking turns in one run, and prints medians, ratios, arithmetic and memory.',
    options: [
      repeatable('--shape <name>', `only that shape (repeatable): ${BENCH_SHAPE_NAMES.join(', ')}, or all`),
      option(
        '--peer <name>',
        'also time another framework: torch (installed into .venv-bench at its first use)',
      ),
      option('--peer-compile', 'with --peer torch: torch.compile as well, which takes minutes to compile'),
      option('--check', 'with --peer torch: only compare its network with the reference numbers'),
      option(
        '--repeats <n>',
        'timed steps of each engine (default: 15 on small shapes, 5 or 3 on full ones)',
      ),
      option('--eager', 'time eager TensorFlow.js on full shapes too'),
      option('--updates <n>', 'alpha updates timed a shape (default: 3 on small shapes, 0 on full ones)'),
      option('--memory-steps <n>', 'also look whether memory grows over that many steps'),
      option('--counts', 'only count the operations of a step, without computing anything'),
      option(
        '--bits',
        'only see whether all outputs have the same bits in 3 sessions × 3 processes × 1 and 2 threads between operations',
      ),
      option('--profile', 'only time the operations of a step, each alone, and print the ten slowest'),
      option(
        '--gpu-first-run',
        'on a machine with a GPU, in ten minutes: kernels, parity, bits, a search, times (against PyTorch where .venv-bench has it), memory',
      ),
      option('--tune', 'choose thread settings for this machine by measuring, and keep them'),
      ...PROGRESS,
    ],
    examples: [
      'npx zarts bench --shape darts-small',
      'npx zarts bench --peer torch --json > bench.json',
      'npx zarts bench --shape darts-full-64 --repeats 3',
      'npx zarts bench --counts --json > test/bench/graph-counts.json',
      'npx zarts bench --bits --shape s2-small',
      'npx zarts bench --profile --shape darts-full-16',
      'npx zarts bench --tune',
    ],
    run: async ({ options }) => (await import('./bench.js')).benchCommand(options),
  },
  {
    name: 'worker',
    summary: 'take runs from a queue and compute them',
    description:
      'Computes the runs of tables that were put into a queue (reproduce --queue), until it is stopped. All machines share the run store (ZARTS_HOME on a shared folder). Stopped by Ctrl-C or SIGTERM it keeps the state of its run and hands it back; one that is killed loses nothing but the steps since the last checkpoint.',
    options: [
      option('--queue <url>', QUEUE, 'env'),
      option('--concurrency <n>', 'runs at once, each in a process of its own', '1'),
      option('--gpu <i>', 'the GPU that it uses, as nvidia-smi counts them; start one worker a GPU'),
      DATA,
      option('--quiet', 'say nothing on stderr'),
    ],
    examples: [
      'npx zarts worker --queue redis://server:6379',
      'npx zarts worker --queue @queue-url --concurrency 4 --data /shared/data',
      'npx zarts worker --queue env --gpu 0',
    ],
    run: async ({ options }) => (await import('./worker.js')).workerCommand(options),
  },
  {
    name: 'queue',
    argument: [
      '<action...>',
      'status, retry [ID…], cancel TABLE, drain, or page: see in a browser what status says (the start of an ID is enough)',
    ],
    summary: 'what a queue holds: status, retry, cancel, drain, page',
    description:
      'Says what a queue holds: tables, runs under way, runs that failed as often as they are tried and are parked. retry gives parked runs another chance, cancel takes a table out and drain everything; runs under way end. page serves a page to watch it by.',
    options: [
      option('--queue <url>', QUEUE, 'env'),
      option('--runs', 'every run, not only those under way and those parked (status)'),
      option(
        '--host <address>',
        'address that the page is served on; another than this machine’s own needs --token',
        '127.0.0.1',
      ),
      option('--port <n>', 'port of the page', '3000'),
      option('--token <file>', 'file with the token that opens the page'),
      option('--write', 'a page that can retry, remove and pause, not only show'),
      JSON_ONLY,
    ],
    examples: [
      'npx zarts queue status --queue redis://server:6379',
      'npx zarts queue retry --queue env',
      'npx zarts queue cancel table-2-full --queue env',
      'npx zarts queue page --queue env --port 8080',
    ],
    run: async ({ argument, options }) => (await import('./queue.js')).queueCommand(argument, options),
  },
  {
    name: 'runs',
    argument: [
      '[action...]',
      'list, show KEY, remove KEY…, export FILE KEY…, import FILE (default: list); the first characters of a key are enough',
    ],
    summary: 'what the run store holds; runs moved between machines',
    description:
      'Lists, shows and removes runs, finished or not, and moves them between machines as one archive: export writes it, import checks every byte of it and replaces nothing; it also takes the runs of a figure’s record, so that a grid that is not whole goes on. The store is .zarts/runs, or runs/ in $ZARTS_HOME, which several machines may share.',
    options: [
      option(
        '--figure <name>',
        'the runs of a figure or table at a budget, e.g. table-2-laptop (list, export)',
      ),
      option('--old', 'every run of an earlier result version (remove)'),
      JSON_ONLY,
    ],
    examples: [
      'npx zarts runs',
      'npx zarts runs show 3f2a91',
      'npx zarts runs export table-2.tar --figure table-2-laptop',
      'npx zarts runs import table-2.tar',
      'npx zarts runs remove 3f2a91 a07c55',
    ],
    run: async ({ argument, options }) => (await import('./runs.js')).runsCommand(argument, options),
  },
  {
    name: 'report',
    summary: 'every figure and table as one page to send around',
    description:
      'Makes one page of the records of a folder: every figure and table with its verdicts, provenance and pictures, and the solvers to try in the page itself. It opens from the disk and asks no network.',
    options: [
      option('--results <dir>', 'the folder of records (default: reproductions/results)'),
      option('--out <file>', 'the page (default: reproductions/report.html)'),
      option('--readme', 'only put the findings of the records into README.md'),
      JSON_ONLY,
    ],
    examples: ['npx zarts report', 'npx zarts report --results .zarts/results --out report.html'],
    run: async ({ options }) => (await import('./report.js')).reportCommand(options),
  },
  {
    name: 'lab',
    argument: ['[options...]', "options of JupyterLab's own, e.g. --no-browser --port=9999"],
    summary: 'JupyterLab on notebooks/',
    description:
      'Starts JupyterLab on notebooks/ with the TypeScript kernel, and compiles the library as it is edited.',
    examples: ['npx zarts lab', 'npx zarts lab --no-browser --port=9999'],
    passThrough: true,
    run: async ({ argument }) => (await import('./lab.js')).lab(argument),
  },
  {
    name: 'start',
    summary: 'a first real search and its figure (what npm start runs)',
    description:
      'Runs a real search of at most two minutes, draws its effective sample size, and says where to look.',
    options: [BUDGET, DATA, option('--quiet', 'no progress on stderr')],
    examples: ['npx zarts start', 'npm start -- --data ~/data'],
    run: async ({ options }) => (await import('./start.js')).startCommand(options),
  },
];

/**
 * Adds every command to the program.
 *
 * @param finished  Told the exit code of the command that ran.
 */
export function addCommands(program: Command, finished: (exitCode: number) => void): void {
  for (const entry of COMMANDS) addCommand(program, entry, finished);

  // Commander's own answers an unknown command with the whole help.
  program
    .helpCommand(false)
    .command('help')
    .argument('[command]', 'a command')
    .summary('the help of a command')
    .description('Prints what --help prints.')
    .action((name?: string) => {
      const commands = program.createHelp().visibleCommands(program);
      const named = name === undefined ? program : commands.find((each) => each.name() === name);
      const names = commands.map((each) => each.name());
      if (!named) throw unknownName('command', name ?? '', names);
      named.outputHelp();
    });
}

function addCommand(program: Command, entry: Entry, finished: (exitCode: number) => void): void {
  const { name, argument, summary, description, options = [], examples, more, passThrough = false } = entry;
  const { run } = entry;
  const command = program.command(name).summary(summary).description(description);
  if (argument) command.argument(...argument);
  if (passThrough) command.allowUnknownOption().passThroughOptions();
  for (const each of options) command.addOption(each);
  const title = examples.length === 1 ? 'Example:' : 'Examples:';
  command.addHelpText('after', ['', title, ...examples.map((each) => `  ${each}`)].join('\n'));
  if (more) command.addHelpText('after', () => ['', ...more(command.opts())].join('\n'));
  command.action(async () => {
    const values: Readonly<Record<string, unknown>> = command.opts();
    const given = Object.keys(values).filter((each) => command.getOptionValueSource(each) === 'cli');
    const [first] = command.processedArgs as unknown[];
    finished(await run({ argument: first as never, options: { ...values, given } as never }));
  });
}
