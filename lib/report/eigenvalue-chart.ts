/** The largest eigenvalues of ∇²_α L_val along a search. */
import { ZartsError } from '../errors.js';
import type { EpochRecord } from '../search/epoch.js';
import { VEGA_LITE_SCHEMA } from './spec.js';
import type { Chart } from './spec.js';
import { ORDERED_SCHEME, THEME } from './theme.js';

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
export function eigenvalueChart(epochs: readonly EigenvalueEpoch[], heading: string): Chart {
  const rows = epochs.flatMap(({ epoch, dominantEigenvalue, eigenvalues }) =>
    (eigenvalues ?? (dominantEigenvalue === undefined ? [] : [dominantEigenvalue])).map((value, i) => ({
      epoch: epoch + 1,
      rank: i + 1,
      value: Number(value.toPrecision(6)),
    })),
  );
  if (rows.length === 0) {
    throw new ZartsError(
      'The search recorded no eigenvalues; set stability.action=record, or stability.values=5 for several.',
    );
  }
  const ranks = [...new Set(rows.map(({ rank }) => rank))].sort((a, b) => a - b);
  const color = {
    field: 'rank',
    type: 'ordinal',
    scale: { domain: ranks, scheme: { ...ORDERED_SCHEME, extent: [...ORDERED_SCHEME.extent].reverse() } },
    legend: ranks.length === 1 ? null : { title: ['eigenvalue,', 'from the largest'] },
  };
  const encoding = {
    x: {
      field: 'epoch',
      type: 'quantitative',
      title: 'epoch',
      axis: { values: epochTicks(rows.map(({ epoch }) => epoch)), format: 'd', grid: false },
      scale: { nice: false, zero: false },
    },
    y: { field: 'value', type: 'quantitative', title: 'eigenvalue (nats per squared unit of α)' },
    color,
    tooltip: [
      { field: 'epoch', type: 'quantitative' },
      { field: 'rank', type: 'ordinal' },
      { field: 'value', type: 'quantitative', format: '.4g' },
    ],
  };
  return {
    name: 'eigenvalues',
    title: heading,
    spec: {
      $schema: VEGA_LITE_SCHEMA,
      description: heading,
      title: {
        text: heading,
        subtitle: 'largest eigenvalues of the Hessian of L_val in α, at the end of each epoch',
      },
      config: THEME,
      data: { values: rows },
      width: 420,
      height: 240,
      layer: [
        {
          mark: { type: 'line', strokeWidth: 1.3, point: { size: 26 } },
          encoding,
        },
        {
          transform: [{ filter: { field: 'rank', equal: 1 } }],
          mark: { type: 'line', strokeWidth: 3, point: { size: 55 } },
          encoding,
        },
      ],
    },
  };
}
