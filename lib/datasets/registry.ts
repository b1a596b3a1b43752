/** The data sets that can be named, as data: adding one in a layout that is known here means adding an entry. */
import { z } from 'zod';
import { UsageError } from '../errors.js';

/** A file that can be fetched. */
export interface RemoteFile {
  readonly url: string;
  /** The name under which it is published. */
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** One file of images, whatever its format. */
export interface AnyImageFile {
  /** The name under which it is published. */
  readonly name: string;
  /** Images in the official file; a file with fewer is a subset, one with more is refused. */
  readonly images: number;
}

/** One file of images, as officially published. */
export interface ImageFile extends AnyImageFile, Omit<RemoteFile, 'url'> {}

/** A file of Python's, whose official digest is the one that torchvision knows. */
export interface PickledFile extends AnyImageFile {
  readonly md5: string;
}

/** A data set of 32×32 colour images that is read from files into memory. */
interface FilesOf<File extends AnyImageFile> {
  /** The name people use: "CIFAR-10". */
  readonly title: string;
  /** The folder's official name. */
  readonly folder: string;
  readonly classes: readonly string[];
  /** Mean and standard deviation a channel, of pixels in [0, 1], with which images are normalized (FIDELITY.md, A4). */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly train: readonly File[];
  readonly test: readonly File[];
}

/** A data set in files of records: label bytes, then one plane of bytes a channel, rows from top to bottom. */
export interface RecordDataset extends FilesOf<ImageFile> {
  readonly format: 'records';
  /** How many values each label byte may have, and which of them is the class (CIFAR-100 has a coarse one before the fine one). */
  readonly labelRanges: readonly number[];
  readonly labelAt: number;
  /** A text file of class names, one a line, by which a subset of another set in the same layout is told apart; may be absent. */
  readonly classFile: string;
  /** A gzipped tar archive that holds the data set's folder. */
  readonly archive: RemoteFile;
}

/**
 * A data set in MATLAB files, published by themselves: `X`, uint8 [32, 32, 3, n], and `y`, [n, 1], the classes as digits
 * with 10 for the digit 0.
 */
export interface MatlabDataset extends FilesOf<ImageFile & RemoteFile> {
  readonly format: 'matlab';
}

/**
 * A data set as its Python version, which torchvision unpacks: pickled dictionaries of `data`, uint8 [n, 3072] in planes like the
 * records', and lists of labels.
 */
export interface PickledDataset extends FilesOf<PickledFile> {
  readonly format: 'pickled';
  /** The key of the classes. */
  readonly labels: 'labels' | 'fine_labels';
  /** The pickle of class names, and their key in it; may be absent. */
  readonly classFile: string;
  readonly classNames: string;
  readonly archive: RemoteFile;
}

/** A data set that is read from files into memory. */
export type FileDataset = RecordDataset | MatlabDataset;

/** A data set in one of the layouts that its files come in. */
export type FileLayout = FileDataset | PickledDataset;

/** Side length in pixels of the images in files, which are squares of three channels in every set; and their bytes. */
export const FILE_SIDE = 32;
export const IMAGE_BYTES = 3 * FILE_SIDE ** 2;

function recordFile(name: string, images: number, labels: number, sha256: string): ImageFile {
  return { name, images, bytes: images * (labels + IMAGE_BYTES), sha256 };
}

/**
 * CIFAR-10 (Krizhevsky, "Learning multiple layers of features from tiny images", 2009), binary version. The archive's
 * digest is the one pinned by several public loaders (Knet, GoMLX, torchvision for Ruby), the files' digests those of
 * torchvision for Ruby; MD5 of the archive on the set's page: c32a1d4ab5d03f1284b67883e8d87530.
 */
const CIFAR10: RecordDataset = {
  title: 'CIFAR-10',
  folder: 'cifar-10-batches-bin',
  format: 'records',
  labelRanges: [10],
  labelAt: 0,
  classes: ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'],
  mean: [0.49139968, 0.48215827, 0.44653124],
  std: [0.24703233, 0.24348505, 0.26158768],
  train: [
    'cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5',
    'a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed',
    'bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67',
    '014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48',
    '755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add',
  ].map((sha256, i) => recordFile(`data_batch_${i + 1}.bin`, 10_000, 1, sha256)),
  test: [
    recordFile(
      'test_batch.bin',
      10_000,
      1,
      '8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b',
    ),
  ],
  classFile: 'batches.meta.txt',
  archive: {
    url: 'https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz',
    name: 'cifar-10-binary.tar.gz',
    bytes: 170_052_171,
    sha256: 'c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd',
  },
};

/**
 * CIFAR-100 (Krizhevsky, 2009), binary version: a coarse label, a fine one, the pixels; the fine one is the class. Size and
 * SHA-256 of the archive as pinned by TensorFlow Datasets, torchvision for Ruby, GoMLX and Knet, the files' digests those of
 * torchvision for Ruby; MD5 of the archive on the set's page: 03b5dce01913d631647c71ecec9e9cb8.
 */
const CIFAR100: RecordDataset = {
  title: 'CIFAR-100',
  folder: 'cifar-100-binary',
  format: 'records',
  labelRanges: [20, 100],
  labelAt: 1,
  classes: `
    apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle
    caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant flatfish
    forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle
    mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine
    possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel streetcar
    sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle wardrobe whale willow_tree
    wolf woman worm`
    .trim()
    .split(/\s+/),
  mean: [0.5071, 0.4865, 0.4409],
  std: [0.2673, 0.2564, 0.2762],
  train: [
    recordFile('train.bin', 50_000, 2, 'f31298fc616915fa142368359df1c4ca2ae984d6915ca468b998a5ec6aeebf29'),
  ],
  test: [
    recordFile('test.bin', 10_000, 2, 'd8b1e6b7b3bee4020055f0699b111f60b1af1e262aeb93a0b659061746f8224a'),
  ],
  classFile: 'fine_label_names.txt',
  archive: {
    url: 'https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz',
    name: 'cifar-100-binary.tar.gz',
    bytes: 168_513_733,
    sha256: '58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec',
  },
};

/**
 * SVHN (Netzer et al., "Reading digits in natural images with unsupervised feature learning", 2011), cropped digits: the
 * `train` and `test` files, without `extra`, as the released code has it. Sizes and SHA-256 as pinned by TensorFlow Datasets
 * and torchvision's prototype data sets; MD5 in torchvision: e26dedcc434d2e4c54c9b2d4a06d8373 and
 * eb5a983be6a315427106f1b164d9cef3.
 */
const SVHN: MatlabDataset = {
  title: 'SVHN',
  folder: 'svhn',
  format: 'matlab',
  classes: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
  mean: [0.4377, 0.4438, 0.4728],
  std: [0.198, 0.201, 0.197],
  train: [
    {
      name: 'train_32x32.mat',
      images: 73_257,
      url: 'http://ufldl.stanford.edu/housenumbers/train_32x32.mat',
      bytes: 182_040_794,
      sha256: '435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8',
    },
  ],
  test: [
    {
      name: 'test_32x32.mat',
      images: 26_032,
      url: 'http://ufldl.stanford.edu/housenumbers/test_32x32.mat',
      bytes: 64_275_384,
      sha256: 'cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b',
    },
  ],
};

/** Every data set that is read from files into memory, by name. */
export const FILE_DATASETS = { cifar10: CIFAR10, cifar100: CIFAR100, svhn: SVHN } as const satisfies Record<
  string,
  FileDataset
>;

const pickled = ({ title, classes, mean, std }: RecordDataset) =>
  ({ title, classes, mean, std, format: 'pickled' }) as const;

/** The Python versions. MD5 of the files as in torchvision, SHA-256 of the archives as in Keras. */
const PICKLED: Readonly<Partial<Record<string, PickledDataset>>> = {
  cifar10: {
    ...pickled(CIFAR10),
    folder: 'cifar-10-batches-py',
    labels: 'labels',
    train: [
      'c99cafc152244af753f735de768cd75f',
      'd4bba439e000b95fd0a9bffe97cbabec',
      '54ebc095f3ab1f0389bbae665268c751',
      '634d18415352ddfa80567beed471001a',
      '482c414d41f54cd18b22e5b47cb7c3cb',
    ].map((md5, i) => ({ name: `data_batch_${i + 1}`, images: 10_000, md5 })),
    test: [{ name: 'test_batch', images: 10_000, md5: '40351d587109b95175f43aff81a1287e' }],
    classFile: 'batches.meta',
    classNames: 'label_names',
    archive: {
      url: 'https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz',
      name: 'cifar-10-python.tar.gz',
      bytes: 170_498_071,
      sha256: '6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce',
    },
  },
  cifar100: {
    ...pickled(CIFAR100),
    folder: 'cifar-100-python',
    labels: 'fine_labels',
    train: [{ name: 'train', images: 50_000, md5: '16019d7e3df5f24257cddd939b257f8d' }],
    test: [{ name: 'test', images: 10_000, md5: 'f0ef6b0ae62326f3e7ffdfab6717acfc' }],
    classFile: 'meta',
    classNames: 'fine_label_names',
    archive: {
      url: 'https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz',
      name: 'cifar-100-python.tar.gz',
      bytes: 169_001_437,
      sha256: '85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7',
    },
  },
};

/** The layouts that a data set's files come in, the one that is downloaded first. */
export function layoutsOf(name: FileDatasetName): readonly FileLayout[] {
  const other = PICKLED[name];
  return [FILE_DATASETS[name], ...(other ? [other] : [])];
}

/** What is known of ImageNet, which is decoded as it is needed (./imagenet.ts). */
export const IMAGENET = {
  title: 'ImageNet',
  folder: 'imagenet',
  classes: 1000,
  train: 1_281_167,
  test: 50_000,
  /** As everyone normalizes it (torchvision's reference training). */
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
} as const;

/** The name of a data set that is read from files into memory. */
export type FileDatasetName = keyof typeof FILE_DATASETS;

/** The classes of a data set that is read from files into memory; undefined for others. */
export function classesOf(name: string): readonly string[] | undefined {
  return name in FILE_DATASETS ? FILE_DATASETS[name as FileDatasetName].classes : undefined;
}

/** A data set as people call it; a name that is not known as it is. */
export function datasetTitle(name: string): string {
  return name in FILE_DATASETS ? FILE_DATASETS[name as FileDatasetName].title : name;
}

/**
 * How many images a split has as published; of `synthetic` as many as of CIFAR-10, which it resembles.
 *
 * @param there  How many a folder of one's own has, which nobody else can know.
 * @throws {UsageError} where that is not said.
 */
export function officialSize(name: AnyDatasetName, split: 'train' | 'test', there?: number): number {
  if (name === 'imagenet') return IMAGENET[split];
  if (name === 'folder') {
    if (there !== undefined) return there;
    throw new UsageError(
      'How many images a folder of your own has is not known here; set dataset.trainSize, and name the folder with --data.',
    );
  }
  const files = FILE_DATASETS[name === 'synthetic' ? 'cifar10' : name][split];
  return files.reduce((sum, { images }) => sum + images, 0);
}

/** Every data set that a protocol can name; `synthetic` is computed, not read. */
export const DATASET_NAMES = ['cifar10', 'cifar100', 'svhn', 'synthetic'] as const;
export type DatasetName = (typeof DATASET_NAMES)[number];

/** Data sets of photographs, which are decoded as they are needed; `folder` is any folder of class folders. */
export const PHOTO_DATASETS = ['imagenet', 'folder'] as const;
export type PhotoDatasetName = (typeof PHOTO_DATASETS)[number];

/** Every data set that a search or an evaluation can name. */
export const ALL_DATASETS = [...DATASET_NAMES, ...PHOTO_DATASETS] as const;
export type AnyDatasetName = (typeof ALL_DATASETS)[number];

/** Whether a data set consists of photographs. */
export function isPhotoDataset(name: AnyDatasetName): name is PhotoDatasetName {
  return (PHOTO_DATASETS as readonly string[]).includes(name);
}

/** What is known of a data set, whatever its images are. */
export interface DatasetFacts {
  /** `synthetic` when that was asked for with `--data synthetic`, whatever the protocol names. */
  readonly name: AnyDatasetName;
  /** `official`: as published; `subset`: fewer images; `own`: a folder of one's own; `synthetic`: computed. */
  readonly coverage: 'official' | 'subset' | 'own' | 'synthetic';
  readonly classes: readonly string[];
  /** How many of the classes occur among the images used: of a subset maybe fewer. */
  readonly occurring: number;
  /** How many images are there, of which these are taken; absent for computed ones. */
  readonly found?: { readonly train: number; readonly test: number };
  /** Mean and standard deviation a channel of pixels in [0, 1], for normalizing. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** SHA-256 of what is used; equal data give equal digests, wherever they were found. */
  readonly digest: string;
}

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
