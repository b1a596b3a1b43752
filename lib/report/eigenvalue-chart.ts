/** The largest eigenvalues of ∇²_α L_val along a search. */
import { ZartsError } from '../errors.js';
import type { EpochRecord } from '../search/epoch.js';
import { chart, layerOf, orderBy, quantitative, sixDigits } from './charts.js';
import type { Chart } from './spec.js';
import { ORDERED_SCHEME } from './theme.js';

/** What the chart takes of an epoch. */
export type EigenvalueEpoch = Pick<EpochRecord, 'epoch' | 'dominantEigenvalue' | 'eigenvalues'>;

/** Epochs that are marked on the axis: at most about ten, the last one among them. */
function epochTicks(all: readonly number[]): number[] {
  const [first, last] = [Math.min(...all), Math.max(...all)];
  const step = Math.ceil((last - first + 1) / 10);
  return Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, i) => last - i * step).reverse();
}

/**
 * A line for each of the eigenvalues that a search recorded (`stability.action=record`, `stability.values=5`), the dominant
 * one thicker, over its epochs counted from 1.
 *
 * @throws {ZartsError} for epochs that have none.
 */
export function eigenvalueChart(epochs: readonly EigenvalueEpoch[], title: string): Chart {
  const rows = epochs.flatMap(({ epoch, dominantEigenvalue, eigenvalues = [dominantEigenvalue] }) =>
    eigenvalues.flatMap((value, i) =>
      value === undefined ? [] : [{ epoch: epoch + 1, rank: i + 1, value: sixDigits(value) }],
    ),
  );
  if (rows.length === 0) {
    throw new ZartsError(
      'The search recorded no eigenvalues; set stability.action=record, or stability.values=5 for several.',
    );
  }
  const ranks = [...new Set(rows.map(({ rank }) => rank))].sort((a, b) => a - b);
  const legend = ranks.length === 1 ? null : { title: ['eigenvalue,', 'from the largest'] };
  // The largest is the darkest.
  const scheme = { ...ORDERED_SCHEME, extent: [...ORDERED_SCHEME.extent].reverse() };
  const axis = { values: epochTicks(rows.map(({ epoch }) => epoch)), format: 'd', grid: false };
  const encoding = {
    x: quantitative({ field: 'epoch', title: 'epoch' }, { axis, scale: { nice: false, zero: false } }),
    y: quantitative({ field: 'value', title: 'eigenvalue (nats per squared unit of α)' }),
    color: { ...orderBy('rank', ranks, legend), scale: { domain: ranks, scheme } },
    tooltip: [
      { field: 'epoch', type: 'quantitative' },
      { field: 'rank', type: 'ordinal' },
      { field: 'value', type: 'quantitative', format: '.4g' },
    ],
  };
  const transform = [{ filter: { field: 'rank', equal: 1 } }];
  const subtitle = 'largest eigenvalues of the Hessian of L_val in α, at the end of each epoch';
  return chart({ name: 'eigenvalues', title, subtitle }, rows, {
    width: 420,
    height: 240,
    layer: [
      layerOf('line', { strokeWidth: 1.3, point: { size: 26 } }, encoding),
      { transform, ...layerOf('line', { strokeWidth: 3, point: { size: 55 } }, encoding) },
    ],
  });
}
