/**
 * Every operation that a search space or a genotype may name, in the spelling of DARTS, which files and papers print.
 * `none` gives zeros, `noise` Gaussian noise (S4); `conv_7x1_1x7` and `sep_conv_7x7` occur in known genotypes only.
 */
export const PRIMITIVES = [
  'none',
  'max_pool_3x3',
  'avg_pool_3x3',
  'skip_connect',
  'sep_conv_3x3',
  'sep_conv_5x5',
  'sep_conv_7x7',
  'dil_conv_3x3',
  'dil_conv_5x5',
  'conv_7x1_1x7',
  'noise',
] as const;

/** The name of one candidate operation. */
export type Primitive = (typeof PRIMITIVES)[number];

/** Whether a value is the name of a primitive. */
export function isPrimitive(value: unknown): value is Primitive {
  return (PRIMITIVES as readonly unknown[]).includes(value);
}
