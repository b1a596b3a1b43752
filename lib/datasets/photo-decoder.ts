import { openSync, read } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type sharp from 'sharp';
import type { Sharp } from 'sharp';
import { ZartsError } from '../errors.js';
import { lazily } from '../lazy.js';
import type { Key } from '../math/random.js';
import { sha256 } from '../runs/canonical.js';
import { errorCode } from '../runs/files.js';
import type { Catalog, PhotoPlace, Split } from './catalog.js';
import { unreadable } from './disk.js';
import { drawPhoto, jitterColors, middle, sizeWithShorter } from './photo-transform.js';
import type { PhotoTransform, Rectangle } from './photo-transform.js';
import { fromInks, mirror, resample } from './resample.js';
import type { Pixels } from './resample.js';
import { syntheticImage, syntheticKind } from './synthetic.js';

/** Threads may load it only once the main thread has. */
export const loadSharp = lazily<typeof sharp>('sharp');

/** An image that is there and cannot be decoded. */
export class UndecodableError extends Error {}

/** The sentence for an image that cannot be decoded, where that ends the work. @param advice  What else than replacing it helps. */
export function undecodable(
  image: string,
  reason: string,
  advice = 'pass over such photographs with --skip-undecodable',
): ZartsError {
  return new ZartsError(`${image} cannot be decoded: ${reason}; replace the file, or ${advice}.`);
}

/** An image that can be decoded, of known size. */
interface Photo {
  readonly bytes: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** Whether `bytes` are [height, width, 3] pixels; else they are an image file. */
  readonly raw: boolean;
  /** Whether its colours are inks (CMYK). */
  readonly inks?: boolean;
}

/**
 * Bytes as a pipeline of sharp (libvips), set to give the pixels that Pillow gives: without the colour profile and without
 * turning by EXIF. A cut or damaged image is an error, a mere warning is not.
 */
function pipeline({ bytes, width, height, raw }: Photo): Sharp {
  return raw
    ? loadSharp()(bytes, { raw: { width, height, channels: 3 } })
    : loadSharp()(bytes, { failOn: 'error', ignoreIcc: true });
}

/** A rectangle of a photograph’s pixels, in sRGB whatever its channels. @throws {UndecodableError} with the reason. */
export async function photoPixels(photo: Photo, { left, top, width, height }: Rectangle): Promise<Pixels> {
  const image = pipeline(photo).extract({ left, top, width, height });
  try {
    const bytes = photo.inks
      ? fromInks(await image.pipelineColourspace('cmyk').toColourspace('cmyk').raw().toBuffer())
      : await image.removeAlpha().toColourspace('srgb').raw().toBuffer();
    return { bytes, width, height };
  } catch (error) {
    throw new UndecodableError(reasonOf(error, photo.bytes));
  }
}

/** The whole of a photograph. */
const wholeOf = ({ width, height }: Photo): Rectangle => ({ left: 0, top: 0, width, height });

/**
 * Why bytes cannot be decoded, in one line. What libvips says cannot be told: it collects the messages of all threads in
 * one place, so that an image may come with none, or with another's (https://github.com/lovell/sharp/issues/902).
 */
function reasonOf(error: unknown, bytes: Uint8Array): string {
  // What sharp finds out by itself, before any decoding.
  const told = error instanceof Error ? error.message : String(error);
  if (/^input buffer (is empty|contains unsupported image format)/i.test(told)) return told;
  const image = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isJpeg = image.subarray(0, JPEG_START.length).equals(JPEG_START);
  if (!isJpeg) return 'damaged image data';
  // A scan's own bytes never read as a marker: after its start, only the image's end can.
  const truncated = image.lastIndexOf(JPEG_END) <= image.lastIndexOf(JPEG_SCAN);
  return truncated ? 'truncated JPEG, without its end-of-image marker' : 'damaged JPEG data';
}

const JPEG_START = Buffer.of(0xff, 0xd8);
const JPEG_SCAN = Buffer.of(0xff, 0xda);
const JPEG_END = Buffer.of(0xff, 0xd9);

/** An image file with the size that its header says. @throws {UndecodableError} for bytes that are no image. */
export async function jpegPhoto(bytes: Uint8Array): Promise<Photo> {
  try {
    const { width, height, space } = await loadSharp()(bytes, { failOn: 'error' }).metadata();
    return { bytes, width, height, raw: false, ...(space === 'cmyk' ? { inks: true } : {}) };
  } catch (error) {
    throw new UndecodableError(reasonOf(error, bytes));
  }
}

/**
 * A photograph after a transform, up to normalizing, [side, side, 3] bytes: a pure function of its arguments.
 *
 * @param key  Randomness of this one image.
 * @throws {UndecodableError} with the reason.
 */
export async function transformPhoto(photo: Photo, transform: PhotoTransform, key: Key): Promise<Uint8Array> {
  const { side } = transform;
  const { width, height } = photo;
  if (transform.kind === 'test') {
    const size = sizeWithShorter(width, height, transform.shorter);
    const wanted = middle(size.width, size.height, side);
    return resample(await photoPixels(photo, wholeOf(photo)), size.width, size.height, wanted);
  }
  const { crop, flip, jitter } = drawPhoto(transform, width, height, key);
  const pixels = resample(await photoPixels(photo, crop), side, side);
  if (flip) mirror(pixels, side);
  for (const { kind, amount } of jitter) jitterColors(pixels, kind, amount);
  return pixels;
}

/** A photograph with its shorter side shrunk to `shorter` (never enlarged), as a JPEG without thinned out colours. */
export async function shrinkPhoto(
  photo: Photo,
  shorter: number,
  quality: number,
): Promise<Omit<Photo, 'raw'>> {
  const small = Math.min(photo.width, photo.height) <= shorter;
  const { width, height } = small ? photo : sizeWithShorter(photo.width, photo.height, shorter);
  const pixels = resample(await photoPixels(photo, wholeOf(photo)), width, height);
  const shrunk = loadSharp()(pixels, { raw: { width, height, channels: 3 } });
  return { bytes: await shrunk.jpeg({ quality, chromaSubsampling: '4:4:4' }).toBuffer(), width, height };
}

/**
 * What reads the images of a catalog, ready to be decoded.
 *
 * @throws {UndecodableError} for bytes that are no image; {ZartsError} for a file that cannot be read, or prepared bytes
 *   that are not those that were written.
 */
export function photoReader({
  root,
  split,
}: PhotoPlace): (entry: Catalog['entries'][number]) => Promise<Photo> {
  let images: number | undefined;
  return async (entry) => {
    if ('image' in entry) return syntheticPhoto(split, entry.image);
    if (!('offset' in entry)) {
      const path = join(root, entry.file);
      return jpegPhoto(await readFile(path).catch(unreadableAt(path)));
    }
    const { file, offset, width, height, sha256: expected } = entry;
    const bytes = Buffer.alloc(entry.bytes);
    const fill = async () => readAt((images ??= openSync(root, 'r')), bytes, 0, bytes.length, offset);
    await fill().catch(unreadableAt(root));
    if (sha256(bytes) !== expected) {
      throw new ZartsError(
        `${root} is damaged: the prepared image of ${file} (at byte ${offset}) is not the one that was written; delete the folder and prepare the images again.`,
      );
    }
    return { bytes, width, height, raw: false };
  };
}

const readAt = promisify(read);

const unreadableAt =
  (path: string) =>
  (error: unknown): never => {
    const missing = errorCode(error) === 'ENOENT';
    throw unreadable(
      path,
      error,
      missing ? 'it was there when the folder was listed; put it back' : 'make it readable',
    );
  };

/** A computed photograph. */
export function syntheticPhoto(split: Split, i: number): Photo {
  const kind = syntheticKind('imagenet');
  return { bytes: syntheticImage(kind, split, i), width: kind.side, height: kind.side, raw: true };
}
