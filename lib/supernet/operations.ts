import type { Primitive } from '../spaces/primitives.js';
import * as layers from './layers.js';
import type { Layer } from './layers.js';

/** How an operation is built: in the supernet without affine batch norms and with normalized pools. */
export interface OperationForm {
  readonly channels: number;
  readonly stride: 1 | 2;
  /** Whether batch norms have a trained scale and offset: false while searching, true when retraining. */
  readonly affine: boolean;
  /** Whether pools are followed by batch norm: only in the supernet (DARTS `MixedOp`). */
  readonly poolsNormalized: boolean;
}

/** The operation that a primitive names, in the given form (DARTS `OPS`, R-DARTS for `noise`). */
export function operation(primitive: Primitive, form: OperationForm): Layer {
  const { channels, stride, affine, poolsNormalized } = form;
  switch (primitive) {
    case 'none':
      return layers.zero(stride);
    case 'noise':
      return layers.noise(stride);
    case 'max_pool_3x3':
      return layers.pool('max', channels, stride, poolsNormalized);
    case 'avg_pool_3x3':
      return layers.pool('avg', channels, stride, poolsNormalized);
    case 'skip_connect':
      return stride === 1 ? layers.identity : layers.factorizedReduce(channels, channels, affine);
    case 'sep_conv_3x3':
      return layers.sepConv(3, channels, stride, affine);
    case 'sep_conv_5x5':
      return layers.sepConv(5, channels, stride, affine);
    case 'sep_conv_7x7':
      return layers.sepConv(7, channels, stride, affine);
    case 'dil_conv_3x3':
      return layers.dilConv(3, channels, stride, affine);
    case 'dil_conv_5x5':
      return layers.dilConv(5, channels, stride, affine);
    case 'conv_7x1_1x7':
      return layers.conv7x1(channels, stride, affine);
  }
}
