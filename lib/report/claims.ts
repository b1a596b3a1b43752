import type { Claim, Verdict } from '../analysis/claims.js';
import { fixed } from './format.js';
import type { Table } from './table.js';

/** "[low, high]", or "–" where there is no interval. */
export function intervalText(interval: Claim['interval'], digits = 3): string {
  return interval === null ? '–' : `[${fixed(interval[0], digits)}, ${fixed(interval[1], digits)}]`;
}

/** Marks of verdicts, which tell them apart where colours do not. */
const MARKS: Readonly<Record<Verdict, string>> = {
  supported: '✓',
  'not supported': '✗',
  undecided: '?',
  'cannot be seen here': '○',
  'not run': '–',
};

/** The mark of a verdict. */
export const verdictMark = (verdict: Verdict): string => MARKS[verdict];

/** How many claims have each verdict: "✓ 5 supported, ✗ 1 not supported". */
export function tallyText(claims: readonly Pick<Claim, 'verdict'>[]): string {
  const verdicts = (Object.keys(MARKS) as Verdict[]).filter((each) =>
    claims.some(({ verdict }) => verdict === each),
  );
  const count = (each: Verdict): number => claims.filter(({ verdict }) => verdict === each).length;
  return verdicts.map((each) => `${verdictMark(each)} ${count(each)} ${each}`).join(', ');
}

/** The claims of a reproduction as a table: verdict, sentence, statistic, interval, seeds. */
export function claimsTable(claims: readonly Claim[]): Table {
  return {
    title: 'Claims and their verdicts',
    columns: [
      { key: 'verdict', title: 'verdict' },
      { key: 'text', title: 'claim' },
      { key: 'statistic', title: 'statistic' },
      { key: 'value', title: 'mean', align: 'right' },
      { key: 'interval', title: '95 % interval', align: 'right' },
      { key: 'n', title: 'seeds', align: 'right' },
    ],
    rows: claims.map(({ verdict, alike, text, secondary, statistic, interval, n, unit }) => ({
      verdict: `${verdictMark(verdict)} ${verdict}${alike ? ' (alike)' : ''}`,
      text: text + secondaryText(secondary),
      statistic: statistic.name,
      value: fixed(statistic.value, 3),
      interval: intervalText(interval),
      n: unit === undefined ? n : countText(n, unit),
    })),
  };
}

/** What is said after a claim that is none of those that were to be decided. */
export const secondaryText = (secondary: boolean | undefined): string => (secondary ? ' (secondary)' : '');

/** "3 seeds", "1 search", "12 searches". */
export function countText(n: number, unit = 'seed'): string {
  return `${n} ${unit}${n === 1 ? '' : unit.endsWith('ch') ? 'es' : 's'}`;
}

/** The claims as lines for a terminal, each with the statistic that decided it and the reason; a reason is not said twice in a row. */
export function claimsText(claims: readonly Claim[]): string {
  return claims
    .map(({ verdict, text, secondary, statistic, interval, n, unit, detail }, i) => {
      const measured =
        n === 0
          ? 'not tested'
          : `${fixed(statistic.value, 3)}, 95 % interval ${intervalText(interval)}, ${countText(n, unit)}`;
      const reason = i > 0 && detail === claims[i - 1].detail ? 'Reason: as above.' : detail;
      return `${verdict.toUpperCase()}: ${text}${secondaryText(secondary)}\n  ${statistic.name}: ${measured}\n  ${reason}`;
    })
    .join('\n');
}
