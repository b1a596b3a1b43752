/**
 * Random numbers as pure functions of a key (Threefry-2x32, 20 rounds: Salmon et al., "Parallel random numbers: as easy
 * as 1, 2, 3", SC 2011). A key is a value: derive new ones with {@link split} and {@link foldIn}, never advance one.
 * The same key gives the same bits on every machine and in every process, in whatever order things are computed.
 */
export type Key = readonly [number, number];

const ROTATIONS = [
  [13, 15, 26, 6],
  [17, 29, 16, 24],
] as const;

/**
 * One Threefry-2x32 block: 64 key bits and 64 counter bits to 64 random bits, as two unsigned 32-bit words. Exported for
 * the known-answer test against the published vectors; everything else draws through the functions below.
 */
export function threefry(key: Key, counter0: number, counter1: number): [number, number] {
  const schedule = [key[0] | 0, key[1] | 0, (key[0] ^ key[1] ^ 0x1bd11bda) | 0];
  let x0 = (counter0 + schedule[0]) | 0;
  let x1 = (counter1 + schedule[1]) | 0;
  for (let group = 0; group < 5; group++) {
    for (const rotation of ROTATIONS[group % 2]) {
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << rotation) | (x1 >>> (32 - rotation))) ^ x0;
    }
    x0 = (x0 + schedule[(group + 1) % 3]) | 0;
    x1 = (x1 + schedule[(group + 2) % 3] + group + 1) | 0;
  }
  return [x0 >>> 0, x1 >>> 0];
}

/** The root key of a seed (any safe integer). */
export function key(seed: number): Key {
  return [Math.floor(seed / 2 ** 32) >>> 0, seed >>> 0];
}

/**
 * A key for item number `data` of `parent` (an epoch, a step, a candidate), independent of how many others are drawn.
 * `data` is a safe integer, 0 or more.
 */
export function foldIn(parent: Key, data: number): Key {
  return threefry(parent, Math.floor(data / 2 ** 32), data >>> 0);
}

/** `count` keys that are independent of each other and of `parent`. */
export function split(parent: Key, count: number): Key[] {
  // The second counter word separates split from foldIn, whose counters stay below 2^53.
  return Array.from({ length: count }, (_, i) => threefry(parent, 0x80000000 + i, 0x5bd1e995));
}

/** `count` uniform draws from [0, 1), each with 53 random bits. */
export function uniform(from: Key, count: number): Float64Array {
  const draws = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const [high, low] = threefry(from, 0x40000000, i);
    draws[i] = ((high >>> 5) * 2 ** 26 + (low >>> 6)) / 2 ** 53;
  }
  return draws;
}

/** `count` draws from N(0, 1) (Box–Muller, both values of a pair used). */
export function normal(from: Key, count: number): Float64Array {
  const draws = new Float64Array(count);
  const u = uniform(from, count + (count % 2));
  for (let i = 0; i < count; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(1 - u[i]));
    const angle = 2 * Math.PI * u[i + 1];
    draws[i] = radius * Math.cos(angle);
    if (i + 1 < count) draws[i + 1] = radius * Math.sin(angle);
  }
  return draws;
}

/** A point uniform on the unit sphere of R^dimension (1 or more): a normal draw divided by its norm. */
export function sphere(from: Key, dimension: number): Float64Array {
  const z = normal(from, dimension);
  const norm = Math.hypot(...z);
  return z.map((value) => value / norm);
}

/** `count` integers, each uniform on 0 … bound − 1. */
export function integers(from: Key, count: number, bound: number): Int32Array {
  return Int32Array.from(uniform(from, count), (u) => Math.floor(u * bound));
}

/** A uniform permutation of 0 … count − 1 (Fisher–Yates). */
export function permutation(from: Key, count: number): Int32Array {
  const order = Int32Array.from({ length: count }, (_, i) => i);
  const u = uniform(from, count);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(u[i] * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}
