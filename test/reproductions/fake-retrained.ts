import { spaceName } from '../../lib/search/protocol.js';
import { KNOWN_GENOTYPES } from '../../lib/spaces/genotype.js';
import type { Genotype } from '../../lib/spaces/genotype.js';
import { datasetOf } from '../../reproductions/retraining.js';
import type { RetrainedRun, Retrained, Retraining } from '../../reproductions/retraining.js';

/** What a made-up run found and cost. */
export interface FakeRun {
  readonly errorPct: number;
  readonly searchSeconds?: number;
  readonly parameters?: number;
  readonly fullParameters?: number;
  readonly genotype?: Genotype;
}

/** A result as if measured, with numbers that a test decides: the protocols are real, nothing is run. */
export function fakeRetrained(
  protocols: readonly Retraining[],
  numbers: (run: {
    readonly method: string;
    readonly dataset: string;
    readonly space: string;
    readonly seed: number;
    readonly protocol: Retraining;
  }) => FakeRun,
): Retrained {
  const runs = protocols.map((protocol): RetrainedRun => {
    const { method, seed, training, factors } = protocol;
    const [dataset, space] = [datasetOf(protocol), spaceName(protocol.search)];
    const {
      errorPct,
      searchSeconds = 10,
      parameters = 50_000,
      fullParameters = 3_349_342,
      genotype = KNOWN_GENOTYPES.DARTS_V2,
    } = numbers({ method, dataset, space, seed, protocol });
    return {
      method,
      ...(factors ? { factors } : {}),
      dataset,
      space,
      seed,
      searchKey: `${method} ${space} ${dataset} ${seed}`,
      trainingKey: 't'.repeat(32),
      genotype,
      errorPct,
      testImages: training.dataset.testSize,
      bestEpoch: { epoch: 3, errorPct: errorPct - 0.5 },
      noisePassesPct: space === 's4' ? errorPct + 0.1 : null,
      parameters,
      multiplyAdds: 7_000_000,
      fullParameters,
      searchWork: { weightSteps: 160, fineTuneSteps: 512, alphaUpdates: 32 },
      searchSeconds,
      trainingSeconds: 200,
      environments: [0, 0],
    };
  });
  return {
    budget: protocols[0].budget,
    environments: [],
    runs,
    parts: { done: runs.length, of: runs.length },
    baselines: [...new Set(protocols.map(datasetOf))].map((dataset) => ({
      dataset,
      errorPct: 62.6,
      classes: 10,
    })),
    missing: [],
  };
}
