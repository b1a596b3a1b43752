import { openPhotos } from '../datasets/imagenet.js';
import { loadDataset } from '../datasets/load.js';
import type { Dataset } from '../datasets/load.js';
import { photosInMemory } from '../datasets/photo-memory.js';
import { isPhotoDataset } from '../datasets/registry.js';
import type { DatasetFacts } from '../datasets/registry.js';
import { device, exclusively } from '../engine/index.js';
import { keepLatest } from '../latest.js';
import type { Vec } from '../math/vec.js';
import { thisMachine } from '../runs/environment.js';
import type { Machine } from '../runs/environment.js';
import { runKind } from '../runs/kept.js';
import type { Kept, Kind } from '../runs/kept.js';
import { openRun } from '../runs/store.js';
import type { Run } from '../runs/store.js';
import { measureCondition } from './condition.js';
import { measureLandscape } from './landscape.js';
import type { LandscapeOptions } from './landscape.js';
import { validationLandscape } from './landscape-protocol.js';
import type {
  ConditionProtocol,
  LandscapeProtocol,
  PathProtocol,
  SpectrumProtocol,
} from './landscape-protocol.js';
import { followPath } from './paths.js';
import { PlaneObjective } from './plane.js';
import type { PlaneWork, TrainedSupernet } from './plane.js';
import type { SearchProtocol } from './protocol.js';
import { search } from './search.js';
import type { EpochRecord, SearchResult } from './search.js';
import { measureSpectrum } from './spectrum.js';
import { measureValidation } from './validation.js';

/** Every kind of run of a supernet through the run store: searches, and what is measured on what they trained. */

/** How a result came about; kept beside every result, never part of what decides it. */
export interface Provenance extends Machine {
  readonly engine: ReturnType<typeof device>;
  readonly data: {
    readonly name: string;
    readonly coverage: string;
    readonly digest: string;
    /** How many images the place has; absent for computed ones, and in older records. */
    readonly found?: { readonly train: number; readonly test: number };
    /** How many classes the data set has, and how many of them occur among the images that are used. */
    readonly classes?: { readonly all: number; readonly occurring: number };
  };
  /** Seconds of computing, over all parts of a resumed run. */
  readonly seconds: number;
}

/** What is known of this process, its machine and its data; no names of machines or folders. */
export function provenance(images: DatasetFacts, seconds: number): Provenance {
  const { name, coverage, digest, found, classes, occurring } = images;
  const data = { name, coverage, digest, classes: { all: classes.length, occurring } };
  return { ...thisMachine(), engine: device(), data: { ...data, ...(found ? { found } : {}) }, seconds };
}

export interface RunOptions extends LandscapeOptions {
  readonly onEpoch?: (record: EpochRecord) => void;
}

const latestData = keepLatest<Promise<Dataset>>();

/** The data of a protocol; the last set loaded is kept, since a reproduction's searches all read the same one. */
export function searchData(protocol: SearchProtocol, options: RunOptions = {}): Promise<Dataset> {
  const { name, imageSide: image, trainSize } = protocol.dataset;
  const parts = [protocol.dataset, options.data, options.dataHome, process.env.ZARTS_DATA];
  return latestData(parts, async () => {
    if (!isPhotoDataset(name)) return loadDataset({ name, image, trainSize }, options);
    // A search looks at no test image; a data set has one at least.
    return photosInMemory(await openPhotos(name, { ...options, trainSize, testSize: 1 }), image, options);
  });
}

/**
 * The supernet that a search trains, with its weights: the search is run if the store does not have it, and again where the
 * store has its result alone, as of an imported one.
 *
 * @throws as {@link runSearch}.
 */
export async function trainedSupernet(
  protocol: SearchProtocol,
  options: RunOptions = {},
): Promise<TrainedSupernet> {
  const isWhole = (run: Run, { steps }: SearchResult): boolean => run.latestCheckpoint()?.step === steps;
  const { key, result } = await runKind(SUPERNET_KINDS.search, protocol, options, isWhole);
  const { digest } = await searchData(protocol, options);
  const { tensors } = openRun({ protocol, dataDigest: digest, home: options.home }).latestCheckpoint()!;
  const alpha = tensors['solver.alpha'] as Vec;
  if (result.alpha.some((value, i) => value !== alpha[i])) {
    process.emitWarning(
      `Search ${key} found other alphas when it was run again for its weights, its result being from where other bits are computed; the supernet is the one trained here.`,
    );
  }
  return { key, omega: tensors.omega as Float32Array, momentum: tensors.momentum as Float32Array, alpha };
}

/** A kind of run on a supernet. */
export type SupernetKind<Protocol, Result> = Kind<Protocol, Dataset, Result, Provenance, RunOptions>;

/** A kind of measurement on the plane of a landscape: the landscape's supernet is trained first. */
function onPlane<Protocol, Result>(
  landscapeOf: (protocol: Protocol) => LandscapeProtocol,
  measure: (protocol: Protocol, work: PlaneWork, options: RunOptions) => Promise<Result>,
): SupernetKind<Protocol, Result> {
  return {
    data: (protocol, options) => searchData(landscapeOf(protocol).supernet, options),
    needs: (protocol) => [landscapeOf(protocol).supernet],
    async compute({ protocol, data: dataset, run, other }, options) {
      const landscape = landscapeOf(protocol);
      const trained = await other(() => trainedSupernet(landscape.supernet, options));
      return exclusively(() => {
        const objective = new PlaneObjective(landscape, trained, dataset, options.compile ?? true);
        return measure(protocol, { objective, trained, dataset, run }, options);
      });
    },
    engine: device,
    provenance,
  };
}

/** Every kind of run on a supernet, by the `kind` of its protocol. */
export const SUPERNET_KINDS = {
  search: {
    data: searchData,
    compute: ({ protocol, data: dataset, run }, options) => search(protocol, { ...options, ...run, dataset }),
    engine: device,
    provenance,
  } satisfies SupernetKind<SearchProtocol, SearchResult>,
  landscape: onPlane((protocol: LandscapeProtocol) => protocol, measureLandscape),
  path: onPlane(({ landscape }: PathProtocol) => landscape, followPath),
  condition: onPlane(({ landscape }: ConditionProtocol) => landscape, measureCondition),
  spectrum: onPlane(({ landscape }: SpectrumProtocol) => landscape, measureSpectrum),
  validation: onPlane(validationLandscape, measureValidation),
};

/** A finished run on a supernet. */
export type Finished<Protocol, Result> = Kept<Protocol, Result, Provenance>;

/** A finished search. */
export type FinishedSearch = Finished<SearchProtocol, SearchResult>;

/** The search that a protocol describes, through the run store. @throws as {@link runKind}. */
export function runSearch(protocol: SearchProtocol, options: RunOptions = {}): Promise<FinishedSearch> {
  return runKind(SUPERNET_KINDS.search, protocol, options);
}
