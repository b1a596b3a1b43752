/** Folders of photographs as people have them: which images there are, of which class, in which split. */
import { readFileSync, readdirSync, statSync } from 'node:fs';
import type { Dirent } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { ZartsError } from '../errors.js';
import { sha256 } from '../runs/canonical.js';
import { errorCode } from '../runs/files.js';
import type { CatalogEntry, PhotoSet, Split } from './catalog.js';
import { isFolder, unreadable } from './disk.js';

/** A split as it was found. */
interface FoundSplit {
  readonly root: string;
  readonly classes: readonly string[];
  readonly entries: readonly CatalogEntry[];
  /** A line an image: name and bytes, and its class where the name does not say it. */
  readonly sizes: string;
}

/** Names of folders for images that networks are judged by, the first that is there. */
const JUDGED = ['val', 'valid', 'validation', 'test'];

/** Folders that systems and programs leave behind. */
const NO_CLASS = /^[.@]|^(?:__MACOSX|lost\+found)$/;
const IMAGE = /\.(?:jpe?g|png|webp)$/i;

/** Where Kaggle's archive of ILSVRC has the folders of images. */
const KAGGLE = [
  ['ILSVRC', 'Data', 'CLS-LOC'],
  ['Data', 'CLS-LOC'],
];

/** Of a folder without a split, the share of the images of each class that networks are judged by: one in so many. */
const ONE_IN = 5;

/**
 * Lists a folder with `train/` and `val/` (or `valid`, `validation`, `test`), each of which has a folder of JPEG, PNG or WebP
 * images for every class, directly in it or in `images/`: class by class, in each by name. A `val/` without class folders is
 * read by a list of names and classes (`val.txt`, `val_annotations.txt`, `LOC_val_solution.csv`, in it or above it). Links are
 * followed; other files are passed over. The digest is that of the names and sizes of all files; the images themselves are not
 * read.
 *
 * @param own  One's own folder may also have class folders alone: every fifth image of each is then for testing.
 * @throws ZartsError  one sentence that names the folder: one that is missing, unreadable, without class folders, a class
 *   without images or in one split only; a list that does not name an image, or names a class that is not there.
 */
export function inspectPhotoFolder(folder: string, own = false): PhotoSet {
  const base = KAGGLE.map((path) => join(folder, ...path)).find(isFolder) ?? folder;
  const trainFolder = join(base, 'train');
  const judged = JUDGED.map((name) => join(base, name)).find(isFolder) ?? join(base, JUDGED[0]);
  if (own && !(isFolder(trainFolder) && isFolder(judged)))
    return divided(folder, inspectSplit(isFolder(trainFolder) ? trainFolder : base));
  const train = inspectSplit(trainFolder);
  const test = inspectSplit(judged, train.classes);
  for (const [has, lacks, missing] of [
    ['train', judged, train.classes.find((name) => !test.classes.includes(name))],
    [basename(judged), trainFolder, test.classes.find((name) => !train.classes.includes(name))],
  ] as const) {
    if (missing === undefined) continue;
    throw new ZartsError(
      `${lacks} has no folder ${missing}, which ${has} has; expected the same classes in both: ${ADVICE}.`,
    );
  }
  return photoSet(folder, train, test);
}

function photoSet(folder: string, train: FoundSplit, test: FoundSplit): PhotoSet {
  const catalog = ({ root, entries }: FoundSplit, split: Split) => ({ root, split, entries });
  return {
    folder,
    classes: train.classes,
    train: catalog(train, 'train'),
    test: catalog(test, 'test'),
    digest: sha256(train.sizes, test.sizes),
    complete: false,
  };
}

/** A split made of class folders alone. */
function divided(folder: string, all: FoundSplit): PhotoSet {
  const lines = all.sizes.trimEnd().split('\n');
  // How many of its class come before an image.
  const seen = new Map<number, number>();
  const turns = all.entries.map(({ label }) => {
    const turn = seen.get(label) ?? 0;
    seen.set(label, turn + 1);
    return turn;
  });
  const part = (judged: boolean): FoundSplit => {
    const chosen = (_: unknown, i: number): boolean => ((turns[i] + 1) % ONE_IN === 0) === judged;
    const sizes = `${lines.filter(chosen).join('\n')}\n\n`;
    return { ...all, entries: all.entries.filter(chosen), sizes };
  };
  const [train, test] = [part(false), part(true)];
  if (test.entries.length === 0) {
    throw new ZartsError(
      `${all.root} holds fewer than ${ONE_IN} images of each class; without a val/ folder every fifth is for testing: add images, or make train/ and val/.`,
    );
  }
  return photoSet(folder, train, test);
}

/** Folders in a place that hold photographs as {@link inspectPhotoFolder} reads them, told by their names alone. */
export function photoFoldersWithin(place: string): string[] {
  try {
    return readdirSync(place).filter(
      (name) =>
        isFolder(join(place, name, 'train')) || KAGGLE.some((path) => isFolder(join(place, name, ...path))),
    );
  } catch {
    return [];
  }
}

const byName = (a: Dirent, b: Dirent): number => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
const isImage = ({ name }: Dirent): boolean => IMAGE.test(name) && !name.startsWith('.');

const ADVICE = 'unpack the archives so that each class has a folder of its images in train/ and in val/';

function list(folder: string, expected: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).sort(byName);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw unreadable(folder, error);
    throw new ZartsError(`${folder} is missing; expected ${expected}: ${ADVICE}.`);
  }
}

/** A split's images. @param known  The classes, where another split has told them; those of a flat folder come from a list. */
function inspectSplit(folder: string, known?: readonly string[]): FoundSplit {
  const inside = list(folder, 'a folder of class folders');
  const classes = inside
    .filter((entry) => entry.isDirectory() || (entry.isSymbolicLink() && isFolder(join(folder, entry.name))))
    .map(({ name }) => name)
    .filter((name) => !NO_CLASS.test(name));
  const flat =
    classes.length === 0 ? folder : classes.join() === 'images' ? join(folder, 'images') : undefined;
  if (flat !== undefined) return inspectFlat(folder, flat, known);
  const entries: CatalogEntry[] = [];
  const sizes: string[] = [];
  for (const [label, name] of classes.entries()) {
    for (const file of imagesOf(folder, name)) {
      sizes.push(`${file} ${sizeOf(join(folder, file))}\n`);
      entries.push({ file, label });
    }
  }
  return { root: folder, classes, entries, sizes: `${sizes.join('')}\n` };
}

/** The images of a class, in its folder or in images/ in it. */
function imagesOf(folder: string, name: string): string[] {
  const place = join(folder, name);
  const own = list(place, 'a folder of images').filter(isImage);
  if (own.length > 0) return own.map((image) => `${name}/${image.name}`);
  const below = isFolder(join(place, 'images')) ? list(join(place, 'images'), 'images').filter(isImage) : [];
  if (below.length > 0) return below.map((image) => `${name}/images/${image.name}`);
  throw new ZartsError(
    `${place} holds no JPEG, PNG or WebP image; expected those of class ${name}: fill it, or remove it from train/ and val/.`,
  );
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch (error) {
    throw unreadable(path, error);
  }
}

// A folder without class folders, and the list of what is in it.

/** Where a list of names and classes may be, from the folder of images. */
const LISTS = [
  'val_annotations.txt',
  'labels.csv',
  'labels.txt',
  '../val_annotations.txt',
  '../val.txt',
  '../val.csv',
  '../val_list.txt',
  '../validation.txt',
  '../LOC_val_solution.csv',
  // Kaggle's list lies beside ILSVRC/.
  '../../../../LOC_val_solution.csv',
];

/** A list is read whole: it has a line an image. */
const LONGEST_LIST = 64 << 20;

function inspectFlat(folder: string, place: string, known: readonly string[] | undefined): FoundSplit {
  const images = list(place, 'images').filter(isImage);
  const found = images.length > 0 ? `${images.length.toLocaleString('en-US')} images and ` : '';
  const path = LISTS.map((name) => join(folder, name)).find((each) => isFile(each));
  if (path === undefined || known === undefined || images.length === 0) {
    const listed =
      known === undefined || images.length === 0
        ? ''
        : ` (or a list of file names and classes beside it, such as ${join(dirname(folder), 'val.txt')})`;
    throw new ZartsError(
      `${folder} holds ${found}no class folder; expected a folder of images for each class${listed}: ${ADVICE}.`,
    );
  }
  const labels = labelsIn(path, known);
  const entries = images.map(({ name }): CatalogEntry => {
    const label = labels.get(name) ?? labels.get(name.replace(IMAGE, ''));
    if (label !== undefined) return { file: join(relative(folder, place), name), label };
    throw new ZartsError(
      `${path} does not name ${name}, which is in ${place}: complete the list, or remove the image.`,
    );
  });
  const sizes = entries.map(({ file, label }) => `${file} ${sizeOf(join(folder, file))} ${known[label]}\n`);
  return { root: folder, classes: known, entries, sizes: `${sizes.join('')}\n` };
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

/** The class of each image by its name: the first two words of a line, the class by its folder's name or number from 0. */
function labelsIn(path: string, classes: readonly string[]): ReadonlyMap<string, number> {
  const size = sizeOf(path);
  if (size > LONGEST_LIST) throw new ZartsError(`${path} has ${size} bytes, more than a list of images.`);
  const byClass = new Map(classes.map((name, label) => [name, label]));
  const labels = new Map<string, number>();
  for (const [i, line] of readFileSync(path, 'utf8').split(/\r?\n/).entries()) {
    const [file, named] = line.split(/[\s,]+/);
    if (named === undefined || named === '' || (i === 0 && /^image/i.test(file))) continue;
    const label = byClass.get(named) ?? (/^\d{1,6}$/.test(named) ? Number(named) : NaN);
    if (!(label < classes.length)) {
      throw new ZartsError(
        `${path}, line ${i + 1}, has class ${named}; expected the name of a folder in train/ (${classes.slice(0, 3).join(', ')}, …) or its number from 0 to ${classes.length - 1}.`,
      );
    }
    labels.set(basename(file), label);
  }
  return labels;
}
