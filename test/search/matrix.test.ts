import { expect } from 'chai';
import { loadDataset } from '../../lib/datasets/load.js';
import type { Dataset } from '../../lib/datasets/load.js';
import { InterruptedError } from '../../lib/errors.js';
import { canonicalJson } from '../../lib/runs/canonical.js';
import { deviations, fullSearch } from '../../lib/search/presets.js';
import { PRESETS } from '../../lib/search/protocol.js';
import type { SearchProtocol } from '../../lib/search/protocol.js';
import { search } from '../../lib/search/search.js';
import type { SearchResult } from '../../lib/search/search.js';
import { SOLVER_IDS } from '../../lib/search/solver-id.js';
import type { SolverId } from '../../lib/search/solver-id.js';
import { SPACE_IDS, alphaSize, spaceById } from '../../lib/spaces/spaces.js';
import { memory, smokeIn } from './helpers.js';
import { stopAt } from '../support/runs.js';

/**
 * Every solver in every space with every preset, at the smallest size that still has what the smoke budget has: an epoch
 * without alpha updates where there is warm-up, one with them, a last epoch that drops paths.
 */
function smallest(space: string, solver: string, preset: string): SearchProtocol {
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

/** Solvers in an order that keeps those with one compiled program together; compiling is most of the time. */
const ORDER: readonly SolverId[] = [
  'mgs',
  'rs',
  'gld',
  'random',
  'darts-1st',
  'darts-2nd',
  'rdarts-l2',
  'darts-es',
  'darts-ada',
  'rdarts-dp',
  'sdarts-rs',
  'sdarts-adv',
  'pc-darts',
];

describe('search/matrix: every solver × space × preset', function () {
  this.timeout(600_000);
  let dataset: Dataset;
  let searches = 0;
  let started: number;
  let cpu: NodeJS.CpuUsage;

  before(async () => {
    started = performance.now();
    cpu = process.cpuUsage();
    expect([...ORDER].sort()).to.deep.equal([...SOLVER_IDS].sort());
    dataset = await loadDataset({ name: 'synthetic', image: 8, trainSize: 8, testSize: 10 });
  });
  after(() => {
    const { user, system } = process.cpuUsage(cpu);
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    console.log(
      `      ${searches} searches in ${seconds} s (${((user + system) / 1e6).toFixed(0)} s of processor time)`,
    );
  });

  const run = (protocol: SearchProtocol, options: object = {}) => {
    searches++;
    return search(protocol, { dataset, ...options });
  };

  for (const space of SPACE_IDS) {
    describe(space, () => {
      for (const solver of ORDER) {
        // Presets that change nothing for a solver give the same protocol but for their own name: run once.
        const named = PRESETS.map((preset) => smallest(space, solver, preset));
        const texts = named.map((protocol) => canonicalJson({ ...protocol, preset: null }));
        const protocols = named.filter((_, i) => texts.indexOf(texts[i]) === i);

        it(`${solver}: ${protocols.map(({ preset }) => preset).join(', ')}; stopped and resumed`, async () => {
          const results: SearchResult[] = [];
          for (const protocol of protocols) {
            const result = await run(protocol);
            results.push(result);
            const { genotype, alpha, epochs, steps, updates } = result;
            expect(steps).to.equal(4);
            expect(updates).to.be.at.least(1);
            expect(epochs).to.have.length(2);
            for (const cell of ['normal', 'reduce'] as const) {
              expect(genotype[cell]).to.have.length(8);
              for (const [op] of genotype[cell]) expect(op).to.not.equal('none');
            }
            expect(alpha.length).to.equal(alphaSize(spaceById(space)) + (solver === 'pc-darts' ? 28 : 0));
            for (const value of alpha) expect(value).to.be.finite;
            // What `zarts search` prints: each preset names what it does otherwise than the paper.
            const sentences = deviations(fullSearch(space, solver, protocol.preset));
            if (protocol.preset !== 'paper') expect(sentences).to.not.be.empty;
            for (const sentence of sentences) expect(sentence).to.match(/\.$/);
          }
          // Random search may find nothing better than where it is, whatever the weights did.
          if (solver !== 'random') {
            expect(new Set(results.map(({ alpha }) => alpha.join())).size).to.equal(protocols.length);
          }

          const { store, checkpoints } = memory();
          const stopped = await run(protocols[0], { store, ...stopAt(3) }).catch((error: unknown) => error);
          expect(stopped).to.be.instanceOf(InterruptedError);
          expect(await run(protocols[0], { from: checkpoints.at(-1) })).to.deep.equal(results[0]);
        });
      }
    });
  }
});
