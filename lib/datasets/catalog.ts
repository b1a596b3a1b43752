/** Lists of photographs: what they are called, and where the bytes of each are. */

/** The two parts of a data set. */
export const SPLITS = ['train', 'test'] as const;
export type Split = (typeof SPLITS)[number];

/** A photograph: a JPEG below the catalog's root, unless it says more. */
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

/** Where the photographs of one split are. */
export interface PhotoPlace {
  /** The folder of the JPEGs, or the file of prepared images; empty for computed ones. */
  readonly root: string;
  readonly split: Split;
}

/** Photographs of one split. */
export interface Catalog extends PhotoPlace {
  readonly entries: readonly (CatalogEntry | PreparedEntry | SyntheticEntry)[];
}

/** How photographs were shrunk beforehand. */
export interface PrepareSettings {
  /** Length in pixels of the shorter side; smaller photographs stayed as they were. */
  readonly shorter: number;
  readonly encoding: 'jpeg';
  /** Of the JPEGs, as libjpeg counts it. */
  readonly quality: number;
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
  /** Absent for photographs as they were published. */
  readonly prepared?: PrepareSettings;
  /** Left out when they were prepared, because they cannot be decoded, with the reasons. */
  readonly undecodable?: ReadonlyMap<string, string>;
}
