import { createHash } from 'node:crypto';
import { ZartsError } from '../errors.js';

/** What survives JSON unchanged. */
export type JsonValue =
  string | number | boolean | null | readonly JsonValue[] | { readonly [name: string]: JsonValue };

/**
 * A plain copy of `value`. Properties that are undefined are left out.
 *
 * @param what  Names the value in the error, e.g. "protocol".
 * @throws ZartsError  naming the place, for anything that JSON would change without a word: NaN and infinities (they
 *   become null), functions, dates, maps, typed arrays, undefined inside an array, cycles, a property named __proto__.
 */
export function toJson(value: unknown, what = 'value'): JsonValue {
  return copyOf(value, what, (names) => names, []);
}

/** @param order  In which order an object's properties stand in the copy. */
function copyOf(
  value: unknown,
  what: string,
  order: (names: string[]) => string[],
  parents: readonly unknown[],
): JsonValue {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') {
    if (Number.isFinite(value)) return Object.is(value, -0) ? 0 : value;
    throw new ZartsError(`${what} is ${value}, which cannot be stored: only finite numbers survive JSON.`);
  }
  if (typeof value === 'object') {
    if (parents.includes(value)) throw new ZartsError(`${what} contains itself, which cannot be stored.`);
    const inside = [...parents, value];
    if (Array.isArray(value)) return value.map((item, i) => copyOf(item, `${what}[${i}]`, order, inside));
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) {
      const names = order(Object.keys(value));
      if (names.includes('__proto__')) {
        throw new ZartsError(
          `${what} has a property named __proto__, which cannot be stored: call it otherwise.`,
        );
      }
      const copy: Record<string, JsonValue> = {};
      for (const name of names) {
        const item: unknown = (value as Record<string, unknown>)[name];
        if (item !== undefined) copy[name] = copyOf(item, `${what}.${name}`, order, inside);
      }
      return copy;
    }
    throw new ZartsError(`${what} is a ${value.constructor.name}, which cannot be stored: use plain data.`);
  }
  throw new ZartsError(`${what} is of type ${typeof value}, which cannot be stored: use plain data.`);
}

/**
 * JSON with sorted property names and no blanks: equal values give equal text, in whatever order they were written.
 *
 * @throws ZartsError  as {@link toJson}.
 */
export function canonicalJson(value: unknown, what = 'value'): string {
  return JSON.stringify(copyOf(value, what, (names) => names.sort(), []));
}

/** SHA-256 in hexadecimal (64 digits). */
export function sha256(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}
