import type { EpochRecord } from '../../lib/search/search.js';
import { KNOWN_GENOTYPES, countOps } from '../../lib/spaces/genotype.js';
import { spaceName } from '../../lib/search/protocol.js';
import { cellOf } from '../../reproductions/sweep.js';
import type { Cell, Sweep, SweepRun } from '../../reproductions/sweep.js';
import { searchWork } from '../../reproductions/cost.js';
import type { SearchProtocol } from '../../lib/search/protocol.js';

/** What a made-up run shows: R_e in an epoch (counted from 1), and the seconds of the search. */
export interface FakeNumbers {
  readonly esr: (cell: Cell, seed: number, epoch: number) => number;
  readonly seconds?: (cell: Cell, seed: number) => number;
}

/** Where made-up runs were made. */
export const fakeEnvironment = {
  commit: null,
  version: '0',
  engine: {
    package: 'none',
    tensorflow: 'none',
    device: 'cpu' as const,
    intraOpThreads: 1,
    interOpThreads: 1,
    oneDnn: true,
  },
  node: 'v0',
  processor: 'none',
  cores: 1,
  data: { name: 'synthetic', coverage: 'synthetic', digest: '0' },
};

/** A sweep as if measured, with numbers that a test decides: the protocols are real, nothing is run. */
export function fakeSweep(
  protocols: readonly SearchProtocol[],
  { esr, seconds = () => 1 }: FakeNumbers,
): Sweep {
  const runs = protocols.map((protocol): SweepRun => {
    const cell = cellOf(protocol);
    const { seed, epochs, warmupEpochs } = protocol;
    const work = searchWork(protocol);
    return {
      ...cell,
      seed,
      key: 'k'.repeat(32),
      epochs: Array.from({ length: epochs }, (_, epoch): EpochRecord => {
        const active = epoch >= warmupEpochs;
        const ratio = active ? esr(cell, seed, epoch + 1) : null;
        return {
          epoch,
          lr: 0.01,
          sigma: active ? 0.1 : null,
          trainLoss: 2,
          trainAccuracy: 0.2,
          updates: active ? 4 : 0,
          candidateLoss: active ? 2 + seed / 100 : null,
          ess: ratio === null ? null : ratio * cell.samples,
          esr: ratio,
          cosine: active ? 0.5 : null,
          updateNorm: active ? 0.1 : null,
        };
      }),
      weightSteps: work.weightSteps,
      fineTuneSteps: work.fineTuneSteps,
      updates: work.alphaUpdates,
      seconds: seconds(cell, seed),
      genotype: KNOWN_GENOTYPES.DARTS_V1,
      operations: countOps(KNOWN_GENOTYPES.DARTS_V1),
      supernetParameters: 1000,
      environment: 0,
    };
  });
  const [first] = protocols;
  return { environments: [fakeEnvironment], budget: first.budget, space: spaceName(first), runs };
}
