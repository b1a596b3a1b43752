/** Lists of photographs in shared memory, so that every decoding thread reads the one copy of a million paths. */

/** What a list of photographs is made from. */
export interface CatalogEntry {
  /** Path below the catalog's root, or what to call the image in an error. */
  readonly name: string;
  readonly label: number;
  /** Of an image in a file of prepared ones. */
  readonly prepared?: PreparedEntry;
}

/** Where an image is in a file of prepared ones. */
export interface PreparedEntry {
  readonly offset: number;
  readonly bytes: number;
  readonly width: number;
  readonly height: number;
  /** SHA-256 of its bytes, hexadecimal. */
  readonly sha256: string;
}

/** Photographs of one split: their names, labels, and where their bytes are. */
export interface Catalog {
  /** `files`: each a JPEG below `root`; `prepared`: stretches of the file `root`; `synthetic`: computed. */
  readonly kind: 'files' | 'prepared' | 'synthetic';
  readonly root: string;
  readonly split: 'train' | 'test';
  readonly count: number;
  /** [count]. */
  readonly labels: Int32Array;
  /** UTF-8 of all names, and where each begins, [count + 1]; empty for `synthetic`. */
  readonly names: Uint8Array;
  readonly nameStarts: Float64Array;
  readonly prepared?: PreparedCatalog;
}

/** Where prepared images are and what they look like. */
export interface PreparedCatalog {
  readonly encoding: 'jpeg' | 'raw';
  /** [count] bytes from the file's beginning. */
  readonly offsets: Float64Array;
  /** [count, 3]: bytes, width, height. */
  readonly sizes: Int32Array;
  /** [count, 32]: SHA-256. */
  readonly digests: Uint8Array;
}

/** A catalog of the entries in their order. */
export function makeCatalog(
  kind: 'files' | 'prepared',
  root: string,
  split: 'train' | 'test',
  entries: readonly CatalogEntry[],
  encoding: PreparedCatalog['encoding'] = 'jpeg',
): Catalog {
  const count = entries.length;
  const encoder = new TextEncoder();
  const encoded = entries.map(({ name }) => encoder.encode(name));
  const nameStarts = shared(Float64Array, count + 1);
  encoded.forEach((bytes, i) => (nameStarts[i + 1] = nameStarts[i] + bytes.length));
  const names = shared(Uint8Array, nameStarts[count]);
  encoded.forEach((bytes, i) => {
    names.set(bytes, nameStarts[i]);
  });
  const labels = shared(Int32Array, count);
  entries.forEach(({ label }, i) => (labels[i] = label));
  const catalog = { kind, root, split, count, labels, names, nameStarts };
  if (kind === 'files') return catalog;
  const offsets = shared(Float64Array, count);
  const sizes = shared(Int32Array, 3 * count);
  const digests = shared(Uint8Array, 32 * count);
  entries.forEach(({ prepared }, i) => {
    const { offset, bytes, width, height, sha256 } = prepared!;
    offsets[i] = offset;
    sizes.set([bytes, width, height], 3 * i);
    digests.set(Buffer.from(sha256, 'hex'), 32 * i);
  });
  return { ...catalog, prepared: { encoding, offsets, sizes, digests } };
}

/** A catalog of computed images, the classes in turn. */
export function syntheticCatalog(split: 'train' | 'test', count: number, classes: number): Catalog {
  const labels = shared(Int32Array, count);
  for (let i = 0; i < count; i++) labels[i] = i % classes;
  const names = shared(Uint8Array, 0);
  return { kind: 'synthetic', root: '', split, count, labels, names, nameStarts: shared(Float64Array, 0) };
}

/** The name of image `i`. */
export function nameOf({ kind, split, names, nameStarts }: Catalog, i: number): string {
  if (kind === 'synthetic') return `synthetic ${split} image ${i}`;
  // TextDecoder takes no shared memory.
  return Buffer.from(names.slice(nameStarts[i], nameStarts[i + 1])).toString('utf8');
}

interface SharedArray<T> {
  new (buffer: SharedArrayBuffer): T;
  readonly BYTES_PER_ELEMENT: number;
}

/** An array of zeros in memory that threads share. */
export function shared<T>(kind: SharedArray<T>, length: number): T {
  return new kind(new SharedArrayBuffer(length * kind.BYTES_PER_ELEMENT));
}
