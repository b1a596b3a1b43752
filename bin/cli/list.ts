import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { knownName, UsageError } from '../../lib/errors.js';
import { countNetwork } from '../../lib/evaluation/count.js';
import { about, fixed } from '../../lib/report/format.js';
import { writeWhole } from '../../lib/runs/files.js';
import { projectRoot } from '../../lib/runs/home.js';
import { BUDGETS } from '../../lib/search/protocol.js';
import type { Budget } from '../../lib/search/protocol.js';
import { KNOWN_GENOTYPES, printGenotype } from '../../lib/spaces/genotype.js';
import type { KnownGenotype } from '../../lib/spaces/genotype.js';
import { LITERATURE } from '../../lib/spaces/literature.js';
import type { Published } from '../../lib/spaces/literature.js';
import { cellsOf } from '../../reproductions/experiment.js';
import { estimate } from '../../reproductions/measure.js';
import { NEEDS_MODEL, needsOf } from '../../reproductions/needs.js';
import { budgetOf, committedResults, ownResults, recordFiles } from '../../reproductions/records.js';
import { EXPERIMENTS } from '../../reproductions/registry.js';
import { wholeNumber } from './options.js';
import { fitted, print, printJson, shortPath, sizeText, tableOf, textWidth, wrap } from './text.js';

/** A figure or table as `zarts list` shows it. */
interface Listed {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  /** Seconds that each budget takes on two cores with nothing computed yet. */
  readonly seconds: Readonly<Record<Budget, number>>;
  /** Records of results that are there: those made here, and those that came with the project. */
  readonly results: readonly string[];
}

const WHAT = ['experiments', 'genotypes'] as const;

/** Machines that it is reckoned for at most. */
const MOST_MACHINES = 100_000;

/** Runs `zarts list`. @returns the exit code. */
export function listCommand(
  what: string | undefined,
  options: { readonly json?: boolean; readonly machines?: string },
): number {
  const known = knownName('list', what ?? WHAT[0], WHAT);
  if (options.machines !== undefined) {
    if (known === 'genotypes')
      throw new UsageError('--machines belongs to zarts list experiments, not to genotypes; leave it out.');
    const machines = wholeNumber('--machines', options.machines, 1, MOST_MACHINES);
    return listNeeds(machines, options);
  }
  return known === 'genotypes' ? listGenotypes(options) : listExperiments(options);
}

/** The size at which the literature prints parameters, by the name of its field in ./literature.ts. */
const SIZES = {
  cifar: { form: 'cifar', cells: 20, channels: 36, classes: 10, image: 32 },
  imagenet: { form: 'imagenet', cells: 14, channels: 48, classes: 1000, image: 224 },
} as const;

function listGenotypes({ json = false }: { json?: boolean }): number {
  const listed = Object.entries(LITERATURE).map(([name, entry]) => {
    const { origin, source, published, differs = false }: Published = entry;
    const genotype = KNOWN_GENOTYPES[name as KnownGenotype];
    const counted = (size: keyof typeof SIZES): number => {
      const { image, ...shape } = SIZES[size];
      return countNetwork(genotype, shape, { height: image, width: image }).network.parameters;
    };
    const parameters = { cifar: counted('cifar'), imagenet: counted('imagenet') };
    return { name, origin, source, published, differs, parameters };
  });
  if (json) {
    printJson(
      listed.map((each) => ({ ...each, text: printGenotype(KNOWN_GENOTYPES[each.name as KnownGenotype]) })),
    );
    return 0;
  }
  const millions = (parameters: number): string => fixed(parameters / 1e6, 2);
  const printed = (value: number | undefined, differs: boolean): string | null =>
    value === undefined ? null : `${fixed(value, 1)}${differs ? ' ≠' : ''}`;
  const table = tableOf(
    'Genotypes of the literature; parameters in millions',
    listed,
    {
      name: ({ name }) => name,
      origin: ({ origin }) => origin,
      CIFAR: ({ parameters }) => millions(parameters.cifar),
      paper: ({ published, differs }) => printed(published.cifar ?? published.own, differs),
      ImageNet: ({ parameters }) => millions(parameters.imagenet),
      'paper ': ({ published, differs }) => printed(published.imagenet, differs),
    },
    {
      left: ['name', 'origin'],
      notes: wrap(
        'CIFAR: 20 cells and 36 channels for 10 classes, ImageNet: 14 cells and 48 channels for 1000, both as counted here; beside each what its paper prints, of NASNet, AmoebaNet and PNAS for a network put together otherwise; ≠ where the public text has another size than its paper prints. --json says where each text and each number is from.',
        textWidth(),
      ),
    },
  );
  print([table, '', 'npx zarts count NAME counts one, draw draws it, evaluate trains it.']);
  return 0;
}

function listExperiments({ json = false }: { json?: boolean }): number {
  const files = [ownResults(), committedResults()].flatMap(recordFiles);
  const estimates = keptEstimates();
  const listed = EXPERIMENTS.map(({ id, title, description }): Listed => {
    return {
      id,
      title,
      description,
      seconds: estimates[id],
      results: files.filter((file) => budgetOf(file, id) !== undefined),
    };
  });
  if (json) printJson(listed);
  else print(describeList(listed));
  return 0;
}

type Estimates = Readonly<Record<string, Listed['seconds']>>;

/** What every figure and table takes: thousands of runs are reckoned up, so it is kept until the sources are compiled anew. */
function keptEstimates(): Estimates {
  const file = join(projectRoot(), '.zarts', 'estimates.json');
  const { mtimeMs: build } = statSync(join(projectRoot(), 'dist', '.tsbuildinfo'));
  try {
    const kept = JSON.parse(readFileSync(file, 'utf8')) as { build: number; estimates: Estimates };
    if (kept.build === build) return kept.estimates;
  } catch {
    // Not reckoned up yet.
  }
  const estimates = Object.fromEntries(
    EXPERIMENTS.map((experiment) => {
      const seconds = (budget: Budget): number => estimate(cellsOf(experiment, { budget }));
      return [
        experiment.id,
        { smoke: seconds('smoke'), laptop: seconds('laptop'), full: seconds('full') },
      ] as const;
    }),
  );
  try {
    writeWhole(file, [JSON.stringify({ build, estimates })]);
  } catch {
    // A folder that cannot be written to is no reason not to say it.
  }
  return estimates;
}

/** What each figure and table takes on so many machines. */
function listNeeds(machines: number, { json = false }: { readonly json?: boolean }): number {
  const listed = EXPERIMENTS.flatMap((experiment) =>
    BUDGETS.map((budget) => ({
      id: experiment.id,
      budget,
      ...needsOf(cellsOf(experiment, { budget }), machines),
    })),
  );
  if (json) {
    printJson({ machines, model: NEEDS_MODEL, needs: listed });
    return 0;
  }
  const week = 7 * 24;
  const table = tableOf(
    `What figures and tables take at full budget on ${machines} machine${machines === 1 ? '' : 's'} of two cores`,
    listed.filter(({ budget }) => budget === 'full'),
    {
      id: ({ id }) => id,
      runs: ({ runs }) => runs,
      hours: ({ hours }) => fixed(hours, 1),
      longest: ({ longestHours }) => fixed(longestHours, 1),
      'on all': ({ hoursOnAll }) => fixed(hoursOnAll, 1),
      'a week buys': ({ hoursOnAll, hours }) =>
        hoursOnAll <= week ? 'whole' : `${fixed((100 * week * machines) / hours, 0)} %`,
      memory: ({ memoryBytes }) => `${fixed(memoryBytes / 1e9, 1)} GB`,
      disk: ({ diskBytes }) => sizeText(diskBytes),
    },
    {
      left: ['id'],
      notes: wrap(
        `Estimates, with nothing computed before. Hours of one machine, of the longest chain of runs that need each other, and on all machines: hours / ${machines}, but no less than the longest chain. A step takes ${NEEDS_MODEL.step} of a supernet, ${NEEDS_MODEL.trainingStep} of a derived network; memory of a worker: ${NEEDS_MODEL.memory}; disk in the run store: ${NEEDS_MODEL.disk}. docs/many-machines.md has where the numbers come from.`,
        textWidth(),
      ),
    },
  );
  print([table]);
  return 0;
}

function describeList(listed: readonly Listed[]): string[] {
  const table = fitted({
    title: 'Figures and tables of the paper',
    columns: [
      { key: 'id', title: 'id' },
      { key: 'title', title: 'what it shows' },
      ...BUDGETS.map((key) => ({ key, title: key, align: 'right' as const })),
      { key: 'results', title: 'results here' },
    ],
    rows: listed.map(({ id, title, seconds, results }) => {
      const budgets = BUDGETS.filter((budget) => results.some((file) => budgetOf(file, id) === budget));
      return {
        id,
        title: title.replace(/^(Fig\.|Table) \d+: /, ''),
        smoke: about(seconds.smoke),
        laptop: about(seconds.laptop),
        full: about(seconds.full),
        results: budgets.join(', '),
      };
    }),
    notes: ['Times are estimates for two cores, with nothing computed before.'],
  });
  const results = listed.flatMap((each) => each.results);
  return [
    table,
    ...(results.length === 0 ? [] : ['', 'Results:', ...results.map((file) => `  ${shortPath(file)}`)]),
    '',
    ...wrap(
      'npx zarts reproduce ID --budget smoke|laptop|full runs one; what was computed before is not computed again.',
      textWidth(),
    ),
  ];
}
