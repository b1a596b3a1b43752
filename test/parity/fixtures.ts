import { readFileSync } from 'node:fs';
import path from 'node:path';
import { unzipSync } from 'fflate';
import { parse } from 'npyjs';
import { z } from 'zod';
import { ZartsError } from '../../lib/errors.js';

/** A reference array: row-major values of a `.npy` file. Scalars have shape []. */
export interface FixtureArray {
  readonly shape: readonly number[];
  readonly dtype: 'float32' | 'float64' | 'int32';
  readonly data: Float32Array | Float64Array | Int32Array;
}

/** One reference case: what it is, what it was made with, and its arrays by name (read when first asked for). */
export interface FixtureCase {
  readonly id: string;
  readonly group: string;
  readonly what: string;
  readonly constants: Readonly<Record<string, unknown>>;
  /** Values that are no arrays (genotypes, counts); absent where there are none. */
  readonly values?: unknown;
  readonly info: Readonly<Record<string, ArrayInfo>>;
  /** Every array of the case's `.npz`, checked against the manifest; empty for a case without a file. */
  readonly arrays: Readonly<Record<string, FixtureArray>>;
}

/** A folder of reference cases. */
export interface Fixtures {
  readonly cases: readonly FixtureCase[];
  /** How the flat weight vectors of network cases are laid out, by the name in `constants.param_index`. */
  readonly paramIndexes: Readonly<Record<string, readonly ParamEntry[]>>;
}

const arrayInfo = z.looseObject({
  shape: z.array(z.number().int().nonnegative()),
  dtype: z.string(),
  /** Starts with `input`, `weight`, `expected` or `information`. */
  role: z.string(),
  /** Absolute tolerance; present on expected arrays. */
  suggested_atol: z.number().nonnegative().optional(),
});

/** What the manifest says of an array. */
export type ArrayInfo = Readonly<z.infer<typeof arrayInfo>>;

const paramEntry = z.object({
  name: z.string(),
  shape: z.array(z.number()).readonly(),
  offset: z.number(),
  size: z.number(),
});

/** One named weight of a flat weight vector. */
export type ParamEntry = Readonly<z.infer<typeof paramEntry>>;

const manifestSchema = z.looseObject({
  format_version: z.literal(1),
  param_indexes: z.record(z.string(), z.array(paramEntry)).default({}),
  cases: z.array(
    z.looseObject({
      id: z.string(),
      group: z.string(),
      what: z.string().default(''),
      file: z.string().optional(),
      constants: z.record(z.string(), z.unknown()).default({}),
      values: z.unknown().optional(),
      arrays: z.record(z.string(), arrayInfo).default({}),
    }),
  ),
});

const DTYPES = { f4: 'float32', f8: 'float64', i4: 'int32' } as const;

/**
 * The reference cases of a folder: `manifest.json` (format version 1) and one `.npz` a case. The manifest is checked at
 * once, an array file when its case is first used.
 *
 * @throws {ZartsError} naming the file and what is wrong: no such folder, a manifest that is not JSON or of another format,
 *         and later, from `arrays`, a missing or damaged archive or an array that disagrees with the manifest.
 */
export function loadFixtures(dir: string): Fixtures {
  const file = path.join(dir, 'manifest.json');
  const text = readOr(file, 'it should hold the list of reference cases; give the folder that has it');
  let json: unknown;
  try {
    json = JSON.parse(text.toString('utf8'));
  } catch (error) {
    throw new ZartsError(`${file} is not JSON (${(error as Error).message}); copy the fixture folder again.`);
  }
  const parsed = manifestSchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new ZartsError(`${file} is malformed at ${issue.path.join('.') || 'its top'}: ${issue.message}.`);
  }
  const { cases, param_indexes: paramIndexes } = parsed.data;
  return {
    paramIndexes,
    cases: cases.map(({ id, group, what, constants, values, arrays: info, file: archive }) => {
      let arrays: Record<string, FixtureArray> | undefined;
      return {
        ...{ id, group, what, constants, values, info },
        get arrays() {
          return (arrays ??= archive === undefined ? {} : readArrays(path.join(dir, archive), info));
        },
      };
    }),
  };
}

function readOr(file: string, purpose: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ZartsError(
      `${file} ${code === 'ENOENT' ? 'is missing' : `cannot be read (${code})`}: ${purpose}.`,
    );
  }
}

function readArrays(file: string, info: Readonly<Record<string, ArrayInfo>>): Record<string, FixtureArray> {
  const bytes = readOr(file, 'the manifest names it; copy the fixture folder again');
  let entries: Record<string, Uint8Array>;
  try {
    entries = unzipSync(bytes);
  } catch (error) {
    throw new ZartsError(
      `${file} (${bytes.length} bytes) is not a whole archive: ${(error as Error).message}.`,
    );
  }
  return Object.fromEntries(
    Object.entries(info).map(([name, expected]) => {
      if (!(`${name}.npy` in entries))
        throw new ZartsError(`${file} has no array "${name}", which the manifest names.`);
      const array = readNpy(entries[`${name}.npy`], `${file}, array "${name}"`);
      if (array.shape.join() !== expected.shape.join() || array.dtype !== expected.dtype) {
        throw new ZartsError(
          `${file}, array "${name}" is ${array.dtype} [${array.shape.join()}]; the manifest says ${expected.dtype} [${expected.shape.join()}].`,
        );
      }
      return [name, array];
    }),
  );
}

/**
 * The array in the bytes of a `.npy` file: row-major, little-endian float32, float64 or int32.
 *
 * @param place  What to call it in an error.
 * @throws {ZartsError} when it is anything else, or truncated.
 */
export function readNpy(bytes: Uint8Array, place: string): FixtureArray {
  let npy: ReturnType<typeof parse>;
  try {
    npy = parse(bytes.slice().buffer);
  } catch (error) {
    throw new ZartsError(`${place} is not a whole .npy array: ${(error as Error).message}.`);
  }
  const { data, shape, fortranOrder } = npy;
  const dtype = (DTYPES as Partial<Record<string, FixtureArray['dtype']>>)[npy.dtype];
  const typed = data instanceof Float32Array || data instanceof Float64Array || data instanceof Int32Array;
  if (dtype === undefined || !typed || fortranOrder) {
    throw new ZartsError(
      `${place} is ${npy.dtype}${fortranOrder ? ', column-major' : ''}; expected row-major f4, f8 or i4.`,
    );
  }
  const size = shape.reduce((product, side) => product * side, 1);
  if (data.length !== size) {
    throw new ZartsError(`${place} holds ${data.length} values; its shape [${shape.join()}] needs ${size}.`);
  }
  return { shape, dtype, data };
}
