import { join } from 'node:path';
import { UsageError } from '../../lib/errors.js';
import { fixed } from '../../lib/report/format.js';
import { describeSeconds, terminalProgress } from '../../lib/report/progress-terminal.js';
import { textTable } from '../../lib/report/table.js';
import type { Table } from '../../lib/report/table.js';
import { runsHome } from '../../lib/runs/home.js';
import { deviations, fullSearch, onDataset, withBudget } from '../../lib/search/presets.js';
import { applySet, spaceName } from '../../lib/search/protocol.js';
import type { SearchProtocol } from '../../lib/search/protocol.js';
import type { FinishedSearch } from '../../lib/search/run.js';
import type { EpochRecord } from '../../lib/search/search.js';
import { solverId } from '../../lib/search/solver-id.js';
import { printGenotype } from '../../lib/spaces/genotype.js';
import { SPACE_IDS } from '../../lib/spaces/spaces.js';
import { fetchData } from './data.js';
import type { ExperimentOptions } from './options.js';
import { interruptible } from './signals.js';
import { bulletList, print, printJson, shortPath } from './text.js';

/** The options of `zarts search`. */
export interface SearchCommandOptions extends ExperimentOptions {
  readonly space?: string;
  readonly solver: string;
  readonly preset: string;
  readonly dataset: string;
  readonly seed: string;
  readonly eager?: boolean;
}

/**
 * The protocol that the options of `zarts search` describe, checked whole.
 *
 * @throws {UsageError} for an unknown space, solver, preset, data set, budget or setting, and a value out of range.
 */
export function protocolOf({
  space,
  solver,
  preset,
  dataset,
  budget,
  seed,
  set = [],
}: SearchCommandOptions): SearchProtocol {
  if (space === undefined) {
    throw new UsageError(
      `zarts search needs --space, one of ${SPACE_IDS.join(', ')}; for example --space s2.`,
    );
  }
  const full = onDataset(fullSearch(space, solver, preset), dataset);
  return applySet(withBudget(full, budget), `seed=${seed}`, ...set);
}

/** Runs `zarts search`. @returns the exit code. */
export async function searchCommand(options: SearchCommandOptions): Promise<number> {
  const protocol = protocolOf(options);
  const { runSearch } = await import('../../lib/search/run.js');
  const progress = terminalProgress({ quiet: options.quiet ?? false });
  const data = options.data === undefined ? {} : { data: options.data };
  const finished = await interruptible(async (signal) => {
    await fetchData(protocol, { progress, signal, ...data });
    signal.throwIfAborted();
    return runSearch(protocol, { progress, signal, compile: !options.eager, ...data });
  });
  if (options.json) printJson(searchDocument(finished));
  else print(describeSearch(finished));
  return 0;
}

/** What `--json` prints of a search: all but `provenance` is the same whenever and wherever on this machine it is run. */
export function searchDocument({ key, protocol, result, provenance }: FinishedSearch): object {
  return { key, protocol, result, provenance, deviations: allDeviations(protocol, provenance) };
}

/** The protocol's deviations after those that lie in the images, which only a finished run knows. */
function allDeviations(protocol: SearchProtocol, { data }: FinishedSearch['provenance']): string[] {
  const images = {
    official: [],
    subset: ['The images are a subset of the data set, not the official files.'],
    synthetic: ['The images are computed ones (the synthetic set), not photographs.'],
  };
  return [...images[data.coverage as keyof typeof images], ...deviations(protocol)];
}

function describeSearch(finished: FinishedSearch): string[] {
  const { protocol, result, provenance, key, known } = finished;
  const { preset, budget, seed, dataset } = protocol;
  const { data, seconds } = provenance;
  const images =
    data.coverage === 'synthetic' ? 'synthetic images' : `${data.name} images (${data.coverage})`;
  const { steps, updates, supernetParameters } = result;
  return [
    `Search in ${spaceName(protocol)} with ${solverId(protocol)}, preset ${preset}, budget ${budget}, seed ${seed}`,
    `${dataset.trainSize} ${images} of ${dataset.imageSide}×${dataset.imageSide}; supernet of ${protocol.cells} cells, ${protocol.channels} channels, ${supernetParameters.toLocaleString('en-US')} parameters; ${steps} weight steps, ${updates} alpha updates`,
    '',
    printGenotype(result.genotype),
    '',
    textTable(epochTable(result.epochs)),
    '',
    ...bulletList("What it does otherwise than the paper's own search:", allDeviations(protocol, provenance)),
    '',
    `${known ? 'Computed before' : 'Computed'}, in ${describeSeconds(seconds)}; kept in ${shortPath(join(runsHome(), key))}`,
  ];
}

/** The epochs of a search; a dash where an epoch had no alpha update, or its solver has no weights. */
function epochTable(epochs: readonly EpochRecord[]): Table {
  const titles = {
    epoch: 'epoch',
    trainLoss: 'train loss',
    accuracy: 'accuracy',
    updates: 'updates',
    candidateLoss: 'candidate loss',
    sigma: 'sigma',
    ess: 'ESS',
    esr: 'ESR',
  };
  return {
    title: 'Means over the steps and alpha updates of each epoch; losses in nats',
    columns: Object.entries(titles).map(([key, title]) => ({ key, title, align: 'right' })),
    rows: epochs.map(({ epoch, trainLoss, trainAccuracy, updates, candidateLoss, sigma, ess, esr }) => ({
      epoch: epoch + 1,
      trainLoss: fixed(trainLoss, 3),
      accuracy: `${fixed(100 * trainAccuracy, 1)} %`,
      updates,
      candidateLoss: fixed(candidateLoss, 3),
      sigma: fixed(sigma, 4),
      ess: fixed(ess, 2),
      esr: fixed(esr, 3),
    })),
  };
}
