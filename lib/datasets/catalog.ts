/** Lists of photographs in shared memory, so that every decoding thread reads the one copy of a million paths. */

/** The two parts of a data set. */
export const SPLITS = ['train', 'test'] as const;
export type Split = (typeof SPLITS)[number];

/** A photograph of a list. */
export interface CatalogEntry {
  /** Path below the catalog's root, or what to call the image in an error. */
  readonly file: string;
  readonly label: number;
}

/** Where an image is in a file of prepared ones. */
export interface PreparedEntry extends CatalogEntry {
  readonly offset: number;
  readonly bytes: number;
  readonly width: number;
  readonly height: number;
  /** SHA-256 of its bytes, hexadecimal. */
  readonly sha256: string;
}

/** A computed image. */
export interface SyntheticEntry extends CatalogEntry {
  readonly image: number;
}

/** Photographs of one split: their names, labels, and where their bytes are. */
export interface Catalog {
  /** `files`: each a JPEG below `root`; `jpeg` and `raw`: prepared, stretches of the file `root`; `synthetic`: computed. */
  readonly kind: 'files' | 'jpeg' | 'raw' | 'synthetic';
  readonly root: string;
  readonly split: Split;
  readonly count: number;
  /** [count]. */
  readonly labels: Int32Array;
  /** The entries as JSON in UTF-8, and where each begins, [count + 1]. */
  readonly text: Uint8Array;
  readonly starts: Float64Array;
}

/** Photographs of both splits, wherever they are. */
export interface PhotoSet {
  readonly folder: string;
  /** A label is an index into them. */
  readonly classes: readonly string[];
  readonly train: Catalog;
  readonly test: Catalog;
  readonly digest: string;
  /** Whether they are as many classes and photographs as officially. */
  readonly complete: boolean;
}

/** A catalog of the entries in their order. */
export function makeCatalog(
  kind: Catalog['kind'],
  root: string,
  split: Split,
  entries: readonly CatalogEntry[],
): Catalog {
  const count = entries.length;
  const encoded = entries.map((entry) => Buffer.from(JSON.stringify(entry)));
  const labels = new Int32Array(new SharedArrayBuffer(4 * count));
  const starts = new Float64Array(new SharedArrayBuffer(8 * (count + 1)));
  encoded.forEach((bytes, i) => (starts[i + 1] = starts[i] + bytes.length));
  const text = new Uint8Array(new SharedArrayBuffer(starts[count]));
  encoded.forEach((bytes, i) => {
    text.set(bytes, starts[i]);
    labels[i] = entries[i].label;
  });
  return { kind, root, split, count, labels, text, starts };
}

/** Entry `i`; the kind of catalog says what it has. */
export function entryOf<Entry extends CatalogEntry>({ text, starts }: Catalog, i: number): Entry {
  return JSON.parse(Buffer.from(text.slice(starts[i], starts[i + 1])).toString()) as Entry;
}
