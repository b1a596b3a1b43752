/** The README's findings, made from the records: what was decided, with its number, interval and n. */
import { ZartsError } from '../lib/errors.js';
import { countText, intervalText, tallyText, verdictMark } from '../lib/report/claims.js';
import { fixed } from '../lib/report/format.js';
import type { Claim } from '../lib/analysis/claims.js';
import { distinct, viewOf } from './experiment.js';
import type { ResultRecord } from './records.js';
import { experimentById } from './registry.js';

const BEGINS = '<!-- findings: made by npx zarts report --readme -->';
const ENDS = '<!-- end of findings -->';

/**
 * The findings in Markdown: for each record how its claims came out, then every claim that was decided.
 *
 * @param records  In the order in which they are told.
 */
export function findingsText(records: readonly ResultRecord[]): string {
  return records.map(findingOf).join('\n\n');
}

function findingOf({ id, budget, result }: ResultRecord): string {
  const experiment = experimentById(id);
  const view = viewOf(result);
  // By today's claims, whatever they were when the record was made.
  const claims = experiment.claims(view);
  const seeds = distinct(view.rows.map(({ seed }) => seed)).length;
  const of = `budget \`${budget}\`, ${view.done} of ${view.of} runs, ${seeds} seed${seeds === 1 ? '' : 's'}`;
  const decided = claims.filter(({ verdict }) => verdict === 'supported' || verdict === 'not supported');
  return [`**${experiment.title}** (${of}): ${tallyText(claims)}.`, '', ...decided.map(decidedText)].join(
    '\n',
  );
}

/** "- ✓ N_e rises with N: flat density. *slope of …*: 0.825 [0.718, 0.931], n = 3." With its control, where it has one. */
function decidedText({ verdict, text, statistic, interval, n, unit, control }: Claim): string {
  const found = `${fixed(statistic.value, 3)} ${intervalText(interval)}`;
  const seen = control === undefined ? '' : ` Control: ${control}.`;
  return `- ${verdictMark(verdict)} ${verdict}: ${text} *${statistic.name}*: ${found}, ${countText(n, unit)}.${seen}`;
}

/**
 * A text with other findings between its marks.
 *
 * @throws {ZartsError} for a text without the marks.
 */
export function withFindings(text: string, findings: string): string {
  const [from, to] = [text.indexOf(BEGINS), text.indexOf(ENDS)];
  if (from < 0 || to < from)
    throw new ZartsError(
      `README.md lacks the lines "${BEGINS}" and "${ENDS}", between which findings stand.`,
    );
  return `${text.slice(0, from)}${BEGINS}\n\n${findings}\n\n${text.slice(to)}`;
}
