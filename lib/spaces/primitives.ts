/** Kinds of operation, by what they do to their input; `noise` and `zero` pass nothing of it on. */
export const OP_FAMILIES = ['convolution', 'pooling', 'skip', 'noise', 'zero'] as const;

/** A kind of operation. */
export type OpFamily = (typeof OP_FAMILIES)[number];

/**
 * Every operation that a search space or a genotype may name, in the spelling of DARTS, which files and papers print, and the
 * kind of it. `none` gives zeros, `noise` Gaussian noise (S4); `conv_7x1_1x7` and `sep_conv_7x7` occur in known genotypes
 * only; `nor_conv_1x1` and `nor_conv_3x3` are NAS-Bench-201's: ReLU, dense convolution, batch norm.
 */
const FAMILY = {
  none: 'zero',
  max_pool_3x3: 'pooling',
  avg_pool_3x3: 'pooling',
  skip_connect: 'skip',
  sep_conv_3x3: 'convolution',
  sep_conv_5x5: 'convolution',
  sep_conv_7x7: 'convolution',
  dil_conv_3x3: 'convolution',
  dil_conv_5x5: 'convolution',
  conv_7x1_1x7: 'convolution',
  noise: 'noise',
  nor_conv_1x1: 'convolution',
  nor_conv_3x3: 'convolution',
} as const satisfies Readonly<Record<string, OpFamily>>;

/** The name of one candidate operation. */
export type Primitive = keyof typeof FAMILY;

/** Every primitive. */
export const PRIMITIVES = Object.keys(FAMILY) as readonly Primitive[];

/** Whether a value is the name of a primitive. */
export function isPrimitive(value: unknown): value is Primitive {
  return (PRIMITIVES as readonly unknown[]).includes(value);
}

/** The kind of operation that a primitive names. */
export function opFamily(primitive: Primitive): OpFamily {
  return FAMILY[primitive];
}
