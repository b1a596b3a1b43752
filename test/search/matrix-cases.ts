import { expect } from 'chai';
import { loadDataset } from '../../lib/datasets/load.js';
import type { Dataset } from '../../lib/datasets/load.js';
import { InterruptedError } from '../../lib/errors.js';
import { canonicalJson } from '../../lib/runs/canonical.js';
import { deviations, fullSearch } from '../../lib/search/presets.js';
import { isDrawn, isZeroOrder, spaceOf } from '../../lib/search/protocol.js';
import type { SearchProtocol } from '../../lib/search/protocol.js';
import { search } from '../../lib/search/search.js';
import type { SearchResult } from '../../lib/search/search.js';
import type { SolverId } from '../../lib/search/solvers.js';
import { checkGenotype } from '../../lib/spaces/genotype.js';
import { alphaCount } from '../../lib/spaces/mixing.js';
import { CELLS } from '../../lib/spaces/spaces.js';
import { stopAt } from '../support/runs.js';
import { BASE_IDS, memory, smokeIn } from './helpers.js';

/** What of a solver's search decides which compiled program it has. */
function programOf(solver: SolverId): string {
  const { solver: settings, dropPath, perturbation, partialChannels } = fullSearch('s2', solver);
  return JSON.stringify([
    isZeroOrder(settings),
    isDrawn(settings),
    { dropPath, perturbation, partialChannels },
  ]);
}

/** Every solver, those with one compiled program next to each other: compiling is most of the time. */
export const SOLVERS = [...BASE_IDS].sort((a, b) => programOf(b).localeCompare(programOf(a)));

/**
 * A search at the smallest size that still has what the smoke budget has: an epoch without alpha updates where there is
 * warm-up, one with them, a last epoch that drops paths.
 */
export function smallest(space: string, solver: string, preset: string): SearchProtocol {
  const { warmupEpochs, cutout, stability } = smokeIn(space, solver, preset);
  return smokeIn(
    space,
    solver,
    preset,
    'dataset.imageSide=8',
    'dataset.trainSize=8',
    'batchSize=2',
    'epochs=2',
    ...(warmupEpochs > 0 ? ['warmupEpochs=1'] : []),
    ...(cutout ? ['cutout.length=4'] : []),
    ...(stability ? ['stability.products=2'] : []),
  );
}

/** The images of those searches. */
export const smallestData = (): Promise<Dataset> =>
  loadDataset({ name: 'synthetic', image: 8, trainSize: 8, testSize: 10 });

/** Runs a search and checks what holds of every result. */
export async function checkedSearch(protocol: SearchProtocol, dataset: Dataset): Promise<SearchResult> {
  const result = await search(protocol, { dataset });
  const { genotype, alpha, epochs, steps, updates } = result;
  expect(steps).to.equal(4);
  if (isDrawn(protocol.solver)) expect(updates).to.equal(0);
  else expect(updates).to.be.at.least(1);
  expect(epochs).to.have.length(2);
  const { partialChannels } = protocol;
  const space = spaceOf(protocol);
  expect(checkGenotype(genotype)).to.deep.equal(genotype);
  expect(genotype.skeleton).to.equal(space.skeleton);
  for (const cell of genotype.skeleton === 'stages' ? [] : CELLS) {
    expect(genotype[cell]).to.have.length(8);
    for (const [op] of genotype[cell]) expect(op).to.not.equal('none');
  }
  expect(alpha.length).to.equal(alphaCount(space, partialChannels?.edgeNormalization ?? false));
  for (const value of alpha) expect(value).to.be.finite;
  return result;
}

/** What a preset makes of a solver in a space, without the preset's name: presets that agree in it are the same search. */
export const settingsOf = (space: string, solver: string, preset: string): string =>
  canonicalJson({ ...smallest(space, solver, preset), preset: null });

/** What `zarts search` prints: each preset names what it does otherwise than the paper. */
export function checkDeviations(space: string, solver: string, preset: string): void {
  const sentences = deviations(fullSearch(space, solver, preset));
  const differs = settingsOf(space, solver, preset) !== settingsOf(space, solver, 'paper');
  if (differs) expect(sentences).to.not.be.empty;
  for (const sentence of sentences) expect(sentence).to.match(/\.$/);
}

/** Stops a search in its midst, goes on from its checkpoint, and checks that the result is the one given. */
export async function checkResumed(
  protocol: SearchProtocol,
  dataset: Dataset,
  result: SearchResult,
): Promise<void> {
  const { store, checkpoints } = memory();
  const stopped: unknown = await search(protocol, { dataset, store, ...stopAt(3) }).catch(
    (error: unknown) => error,
  );
  expect(stopped).to.be.instanceOf(InterruptedError);
  const from = checkpoints.at(-1);
  expect(await search(protocol, { dataset, ...(from ? { from } : {}) })).to.deep.equal(result);
}
