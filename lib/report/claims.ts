import type { Claim } from '../analysis/claims.js';
import { fixed } from './format.js';
import type { Table } from './table.js';

/** "[low, high]", or "–" where there is no interval. */
export function intervalText(interval: Claim['interval'], digits = 3): string {
  return interval === null ? '–' : `[${fixed(interval[0], digits)}, ${fixed(interval[1], digits)}]`;
}

/** The claims of a reproduction as a table: verdict, sentence, statistic, interval, seeds. */
export function claimsTable(claims: readonly Claim[]): Table {
  return {
    title: 'Claims of the paper',
    columns: [
      { key: 'verdict', title: 'verdict' },
      { key: 'text', title: 'claim' },
      { key: 'statistic', title: 'statistic' },
      { key: 'value', title: 'mean', align: 'right' },
      { key: 'interval', title: '95 % interval', align: 'right' },
      { key: 'n', title: 'seeds', align: 'right' },
    ],
    rows: claims.map(({ verdict, text, statistic, interval, n, unit }) => ({
      verdict,
      text,
      statistic: statistic.name,
      value: fixed(statistic.value, 3),
      interval: intervalText(interval),
      n: unit === undefined ? n : countText(n, unit),
    })),
  };
}

function countText(n: number, unit = 'seed'): string {
  return `${n} ${unit}${n === 1 ? '' : 's'}`;
}

/** The claims as lines for a terminal, each with the statistic that decided it and the reason. */
export function claimsText(claims: readonly Claim[]): string {
  return claims
    .map(({ verdict, text, statistic, interval, n, unit, detail }) => {
      const measured = `${statistic.name}: ${fixed(statistic.value, 3)}, 95 % interval ${intervalText(interval)}, ${countText(n, unit)}`;
      return `${verdict.toUpperCase()}: ${text}\n  ${measured}\n  ${detail}`;
    })
    .join('\n');
}
