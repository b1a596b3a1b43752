/** A plain vector: every alpha of a supernet raveled, a direction, a set of losses. */
export type Vec = Float64Array;

/** a·x + y, a new vector; x and y have the same length. */
export function axpy(a: number, x: Vec, y: Vec): Vec {
  return y.map((value, i) => value + a * x[i]);
}

/** Σ x_i·y_i of two vectors of the same length. */
export function dot(x: Vec, y: Vec): number {
  return x.reduce((sum, value, i) => sum + value * y[i], 0);
}

/** Euclidean norm. */
export function norm(x: Vec): number {
  return Math.sqrt(dot(x, x));
}

/** a·x, a new vector. */
export function scale(a: number, x: Vec): Vec {
  return x.map((value) => a * value);
}

/** ‖x − y‖², the squared Euclidean distance of two vectors of the same length. */
export function squaredDistance(x: Vec, y: Vec): number {
  return x.reduce((sum, value, i) => sum + (value - y[i]) ** 2, 0);
}

/** ln(e^a + e^b), stable for any magnitude; −∞ stands for a term that is zero. */
export function logAddExp(a: number, b: number): number {
  const max = Math.max(a, b);
  return Number.isFinite(max) ? max + Math.log1p(Math.exp(Math.min(a, b) - max)) : max;
}

/** ln Σ exp(x_i), stable for any magnitude; −∞ for an empty vector or one of −∞ only. */
export function logSumExp(x: Vec): number {
  const max = x.reduce((m, value) => Math.max(m, value), -Infinity);
  if (!Number.isFinite(max)) return max;
  return max + Math.log(x.reduce((sum, value) => sum + Math.exp(value - max), 0));
}

/** exp(x_i) / Σ exp(x_j), stable; all zero when every entry is −∞. Equal entries get exactly equal shares. */
export function softmax(x: Vec): Vec {
  const max = x.reduce((m, value) => Math.max(m, value), -Infinity);
  if (max === -Infinity) return new Float64Array(x.length);
  const powers = x.map((value) => Math.exp(value - max));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}

/**
 * The vector with each of several groups of neighbouring entries mapped; what follows the last group stays.
 *
 * @param lengths  Of the groups.
 */
export function mapGroups(
  values: Vec,
  lengths: readonly number[],
  map: (group: Vec, start: number) => Vec,
): Vec {
  const mapped = values.slice();
  let start = 0;
  for (const length of lengths) {
    mapped.set(map(values.subarray(start, start + length), start), start);
    start += length;
  }
  return mapped;
}
