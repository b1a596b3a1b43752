/** The data sets that can be named, as data: adding one in a layout of fixed-size records means adding an entry here. */
import { z } from 'zod';

/** One file of fixed-size records, as officially published. */
export interface RecordFile {
  readonly name: string;
  /** Records in the official file; a file with fewer is a subset, one with more is refused. */
  readonly records: number;
  /** SHA-256 of the official file. */
  readonly sha256: string;
}

/** Where the official files can be had: a gzipped tar archive that holds the data set's folder. */
export interface ArchiveSource {
  readonly url: string;
  /** The archive's file name. */
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** An image data set in files of records: label bytes, then one plane of bytes a channel, rows from top to bottom. */
export interface RecordDataset {
  /** The name people use: "CIFAR-10". */
  readonly title: string;
  /** The folder's official name. */
  readonly folder: string;
  /** Bytes before the pixels, and which of them is the label (CIFAR-100 has a coarse one before the fine one). */
  readonly labelBytes: number;
  readonly labelAt: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly classes: readonly string[];
  /** Mean and standard deviation a channel, of pixels in [0, 1], with which images are normalized (FIDELITY.md, A4). */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly train: readonly RecordFile[];
  readonly test: readonly RecordFile[];
  /** A text file of class names, one a line, by which another set in the same layout is told apart; may be absent. */
  readonly classFile: string;
  readonly archive: ArchiveSource;
}

/**
 * CIFAR-10 (Krizhevsky, "Learning multiple layers of features from tiny images", 2009), binary version. The archive's
 * digest is the one pinned by several public loaders (Knet, GoMLX, torchvision for Ruby), the files' digests those of
 * torchvision for Ruby; MD5 of the archive on the set's page: c32a1d4ab5d03f1284b67883e8d87530.
 */
const CIFAR10: RecordDataset = {
  title: 'CIFAR-10',
  folder: 'cifar-10-batches-bin',
  labelBytes: 1,
  labelAt: 0,
  height: 32,
  width: 32,
  channels: 3,
  classes: ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'],
  mean: [0.49139968, 0.48215827, 0.44653124],
  std: [0.24703233, 0.24348505, 0.26158768],
  train: [
    'cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5',
    'a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed',
    'bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67',
    '014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48',
    '755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add',
  ].map((sha256, i) => ({ name: `data_batch_${i + 1}.bin`, records: 10_000, sha256 })),
  test: [
    {
      name: 'test_batch.bin',
      records: 10_000,
      sha256: '8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b',
    },
  ],
  classFile: 'batches.meta.txt',
  archive: {
    url: 'https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz',
    file: 'cifar-10-binary.tar.gz',
    bytes: 170_052_171,
    sha256: 'c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd',
  },
};

/** Every data set that is read from files, by name. */
export const RECORD_DATASETS = { cifar10: CIFAR10 } as const satisfies Record<string, RecordDataset>;

/** Every data set that a protocol can name; `synthetic` is computed, not read. */
export const DATASET_NAMES = ['cifar10', 'synthetic'] as const;
export type DatasetName = (typeof DATASET_NAMES)[number];

/** The side lengths to which 32×32 images can be reduced (by averaging squares of pixels). */
export const IMAGE_SIDES = [32, 16, 8] as const;

/**
 * Which images a protocol uses. `image` is their side length; 16 and 8 mean that squares of 2×2 or 4×4 pixels of the
 * 32×32 image were averaged, once, when loading. `trainSize` and `testSize` take the first so many records in file order
 * (no choice by class: the official files are shuffled, and "the first n" can be said and checked in any other program);
 * left out, all that are there.
 */
export const datasetSpecSchema = z.strictObject({
  name: z.enum(DATASET_NAMES),
  image: z.literal(IMAGE_SIDES),
  trainSize: z.int().positive().optional(),
  testSize: z.int().positive().optional(),
});
export type DatasetSpec = z.infer<typeof datasetSpecSchema>;
