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

/** Kinds of operation, by what they do to their input; `noise` and `zero` pass nothing of it on. */
export const OP_FAMILIES = ['convolution', 'pooling', 'skip', 'noise', 'zero'] as const;

/** A kind of operation. */
export type OpFamily = (typeof OP_FAMILIES)[number];

/** The kind of operation that a primitive names. */
export function opFamily(primitive: Primitive): OpFamily {
  switch (primitive) {
    case 'none':
      return 'zero';
    case 'noise':
      return 'noise';
    case 'skip_connect':
      return 'skip';
    case 'max_pool_3x3':
    case 'avg_pool_3x3':
      return 'pooling';
    case 'sep_conv_3x3':
    case 'sep_conv_5x5':
    case 'sep_conv_7x7':
    case 'dil_conv_3x3':
    case 'dil_conv_5x5':
    case 'conv_7x1_1x7':
      return 'convolution';
  }
}
