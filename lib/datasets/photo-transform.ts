/**
 * What is done to a photograph on its way into a batch, as torchvision's transforms do it on Pillow's images: a random
 * crop, resized; mirroring; colour jitter; or the plain resizing and cropping of test images. Only numbers here: decoding
 * and resizing themselves are ./photo-decoder.ts.
 */
import type { Key } from '../math/random.js';
import { permutation, split, uniform } from '../math/random.js';

/** The changes of colour, in the order in which they are drawn. */
export const JITTERS = ['brightness', 'contrast', 'saturation', 'hue'] as const;
export type Jitter = (typeof JITTERS)[number];

/** A part of the photograph, of random size and shape, resized to side × side. */
export interface TrainPhotoTransform {
  readonly kind: 'train';
  readonly side: number;
  /** Share of the photograph's area that a crop covers. */
  readonly area: readonly [least: number, most: number];
  /** Width by height of a crop; log-uniform. */
  readonly ratio: readonly [least: number, most: number];
  /** Whether half of the images are mirrored left to right. */
  readonly flip: boolean;
  /** How far colours may be changed: factors uniform on [max(0, 1 − a), 1 + a], the hue's shift on [−hue, hue] turns. */
  readonly jitter?: Readonly<Record<Jitter, number>>;
}

/** The photograph with its shorter side resized, and the middle of that. */
export interface TestPhotoTransform {
  readonly kind: 'test';
  readonly side: number;
  readonly shorter: number;
}

/** What is done to a photograph before its bytes are normalized. */
export type PhotoTransform = TrainPhotoTransform | TestPhotoTransform;

/** ImageNet's training transform (FIDELITY.md, A7, "as DARTS"; areas and shapes are torchvision's defaults). */
export const IMAGENET_TRAIN: TrainPhotoTransform = {
  kind: 'train',
  side: 224,
  area: [0.08, 1],
  ratio: [3 / 4, 4 / 3],
  flip: true,
  jitter: { brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.2 },
};

/** ImageNet's test transform (FIDELITY.md, A7). */
export const IMAGENET_TEST: TestPhotoTransform = { kind: 'test', side: 224, shorter: 256 };

/** A rectangle of pixels. */
export interface Rectangle {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** What chance decides for one photograph. */
export interface PhotoDraw {
  readonly crop: Rectangle;
  readonly flip: boolean;
  /** In the order in which they are made. */
  readonly jitter: readonly { readonly kind: Jitter; readonly amount: number }[];
}

const CROP_TRIES = 10;

/**
 * The draws for one photograph of that size: up to ten crops of which the first that fits is taken, else the largest in
 * the middle whose shape is allowed.
 */
export function drawPhoto(
  transform: TrainPhotoTransform,
  width: number,
  height: number,
  from: Key,
): PhotoDraw {
  const [cropKey, flipKey, amountKey, orderKey] = split(from, 4);
  const [u] = uniform(flipKey, 1);
  return {
    crop: drawCrop(transform, width, height, cropKey),
    flip: transform.flip && u < 0.5,
    jitter: transform.jitter ? drawJitter(transform.jitter, amountKey, orderKey) : [],
  };
}

function drawCrop({ area, ratio }: TrainPhotoTransform, width: number, height: number, from: Key): Rectangle {
  const between = ([least, most]: readonly [number, number], u: number): number => least + (most - least) * u;
  const [logLeast, logMost] = [Math.log(ratio[0]), Math.log(ratio[1])];
  const draws = uniform(from, 4 * CROP_TRIES);
  for (let i = 0; i < CROP_TRIES; i++) {
    const [a, r, y, x] = draws.subarray(4 * i, 4 * i + 4);
    const target = width * height * between(area, a);
    const shape = Math.exp(between([logLeast, logMost], r));
    const w = Math.round(Math.sqrt(target * shape));
    const h = Math.round(Math.sqrt(target / shape));
    if (w < 1 || h < 1 || w > width || h > height) continue;
    return {
      left: Math.floor(x * (width - w + 1)),
      top: Math.floor(y * (height - h + 1)),
      width: w,
      height: h,
    };
  }
  const shape = width / height;
  const w = shape > ratio[1] ? Math.max(1, Math.round(height * ratio[1])) : width;
  const h = shape < ratio[0] ? Math.max(1, Math.round(width / ratio[0])) : height;
  return { left: Math.floor((width - w) / 2), top: Math.floor((height - h) / 2), width: w, height: h };
}

function drawJitter(
  jitter: Readonly<Record<Jitter, number>>,
  amountKey: Key,
  orderKey: Key,
): PhotoDraw['jitter'] {
  const u = uniform(amountKey, JITTERS.length);
  const drawn = JITTERS.map((kind, i) => {
    const range = jitter[kind];
    const least = Math.max(0, 1 - range);
    return { kind, amount: kind === 'hue' ? range * (2 * u[i] - 1) : least + (1 + range - least) * u[i] };
  });
  const order = Array.from(permutation(orderKey, JITTERS.length), (i) => drawn[i]);
  return order.filter(({ kind }) => jitter[kind] > 0);
}

/** The size of a photograph whose shorter side is resized, the longer one in proportion, rounded down. */
export function sizeWithShorter(
  width: number,
  height: number,
  shorter: number,
): { readonly width: number; readonly height: number } {
  return width <= height
    ? { width: shorter, height: Math.floor((shorter * height) / width) }
    : { width: Math.floor((shorter * width) / height), height: shorter };
}

/** The middle of an image, side × side; half a pixel too much goes to the even side, as Python rounds. */
export function middle(width: number, height: number, side: number): Rectangle {
  const half = (size: number): number => {
    const down = Math.floor((size - side) / 2);
    return (size - side) % 2 === 0 || down % 2 === 0 ? down : down + 1;
  };
  return { left: half(width), top: half(height), width: side, height: side };
}

/** Brightness of a pixel as Pillow weighs it (ITU-R 601), in 16-bit fixed point. */
function luma(red: number, green: number, blue: number): number {
  return (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16;
}

/** From `base` towards `value` and beyond: base + factor·(value − base) in float32, cut off to a byte as Pillow does. */
function blended(base: number, value: number, factor: number): number {
  const mixed = Math.fround(base + Math.fround(factor * (value - base)));
  return mixed <= 0 ? 0 : mixed >= 255 ? 255 : mixed | 0;
}

/**
 * Changes the colours of an image in place.
 *
 * @param pixels  [n, 3] bytes.
 * @param kind    `brightness`: towards black; `contrast`: towards the mean grey; `saturation`: towards each pixel's grey;
 *   `hue`: turned round the colour circle.
 * @param amount  The factor (1 changes nothing), or for the hue the part of a full turn (0 changes nothing).
 */
export function jitterColors(pixels: Uint8Array, kind: Jitter, amount: number): void {
  const factor = Math.fround(amount);
  switch (kind) {
    case 'brightness':
      blendWith(pixels, 0, factor);
      return;
    case 'contrast': {
      let sum = 0;
      for (let i = 0; i < pixels.length; i += 3) sum += luma(pixels[i], pixels[i + 1], pixels[i + 2]);
      blendWith(pixels, Math.trunc(sum / (pixels.length / 3) + 0.5), factor);
      return;
    }
    case 'saturation':
      if (factor === 1) return;
      for (let i = 0; i < pixels.length; i += 3) {
        const grey = luma(pixels[i], pixels[i + 1], pixels[i + 2]);
        pixels[i] = blended(grey, pixels[i], factor);
        pixels[i + 1] = blended(grey, pixels[i + 1], factor);
        pixels[i + 2] = blended(grey, pixels[i + 2], factor);
      }
      return;
    case 'hue':
      turnHue(pixels, Math.trunc(amount * 255) & 255);
  }
}

function blendWith(pixels: Uint8Array, base: number, factor: number): void {
  if (factor === 1) return;
  const table = Uint8Array.from({ length: 256 }, (_, value) => blended(base, value, factor));
  for (let i = 0; i < pixels.length; i++) pixels[i] = table[pixels[i]];
}

/** For each hue in bytes, which sixth of the colour circle it lies in and how far within it, in float32. */
const SECTOR = Uint8Array.from({ length: 256 }, (_, hue) => Math.floor((hue * 6) / 255) % 6);
const WITHIN = Float32Array.from({ length: 256 }, (_, hue) => ((hue * 6) / 255) % 1);

const FULL = 255 << 8;

/** Quotients of bytes in float32: n/d at 256·d + n. */
const QUOTIENT = Float32Array.from({ length: 256 * 256 }, (_, i) => (i & 255) / (i >> 8));

/**
 * Turns the hue by so many 256ths, by way of Pillow's HSV in bytes: which loses a little even for a turn of 0, as there.
 * Float32 where Pillow has it, since the truncations fall on whole numbers often enough to notice. Of the operations that
 * give the same bits, the fast ones: quotients from a table, x | 0 for truncation, floor(x + ½) for rounding, no remainder.
 */
function turnHue(pixels: Uint8Array, turn: number): void {
  const f = Math.fround;
  for (let i = 0; i < pixels.length; i += 3) {
    const red = pixels[i];
    const green = pixels[i + 1];
    const blue = pixels[i + 2];
    const most = red > green ? (red > blue ? red : blue) : green > blue ? green : blue;
    const least = red < green ? (red < blue ? red : blue) : green < blue ? green : blue;
    if (most === least) continue; // grey has no hue
    const range = most - least;
    const saturation = (QUOTIENT[(most << 8) | range] * 255) | 0;
    if (saturation === 0) {
      pixels[i] = pixels[i + 1] = pixels[i + 2] = most;
      continue;
    }
    const shares = range << 8;
    const redness = QUOTIENT[shares | (most - red)];
    const greenness = QUOTIENT[shares | (most - green)];
    const blueness = QUOTIENT[shares | (most - blue)];
    let sixths: number;
    if (red === most) sixths = f(blueness - greenness);
    else if (green === most) sixths = f(2 + redness - blueness);
    else sixths = f(4 + greenness - redness);
    const turns = sixths / 6 + 1; // in [5/6, 11/6]
    const hue = (((f(turns >= 1 ? turns - 1 : turns) * 255) | 0) + turn) & 255;
    const within = WITHIN[hue];
    const share = QUOTIENT[FULL | saturation];
    const low = Math.floor(most * (1 - share) + 0.5);
    const falling = Math.floor(most * (1 - share * within) + 0.5);
    const rising = Math.floor(most * (1 - share * (1 - within)) + 0.5);
    const sector = SECTOR[hue];
    pixels[i] = sector === 0 || sector === 5 ? most : sector === 1 ? falling : sector === 4 ? rising : low;
    pixels[i + 1] =
      sector === 1 || sector === 2 ? most : sector === 3 ? falling : sector === 0 ? rising : low;
    pixels[i + 2] =
      sector === 3 || sector === 4 ? most : sector === 5 ? falling : sector === 2 ? rising : low;
  }
}
