/** The README's findings, made from the records: what was decided, with its number, interval and n. */
import { median } from 'simple-statistics';
import { classesOf } from '../lib/datasets/registry.js';
import { ZartsError } from '../lib/errors.js';
import { countText, intervalText, secondaryText, tallyText, verdictMark } from '../lib/report/claims.js';
import { fixed } from '../lib/report/format.js';
import { escapeHtml } from '../lib/report/table.js';
import type { Claim } from '../lib/analysis/claims.js';
import type { SearchProtocol } from '../lib/search/protocol.js';
import { searchWork } from './cost.js';
import { distinct, rowsOfKind, viewOf } from './experiment.js';
import type { Axes, Row } from './experiment.js';
import { supernetOf } from './kinds.js';
import type { RunKind } from './kinds.js';
import type { ResultRecord } from './records.js';
import { experimentById } from './registry.js';
import { failedControls } from './together.js';

const BEGINS = '<!-- findings: made by npx zarts report --readme -->';
const ENDS = '<!-- end of findings -->';

/**
 * The findings in Markdown: for each record how its claims came out, and folded below it every claim that was decided.
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
  const of = `budget <code>${budget}</code>, ${view.done} of ${view.of} runs, ${seeds} seed${seeds === 1 ? '' : 's'}`;
  const decided = claims.filter(({ verdict }) => verdict === 'supported' || verdict === 'not supported');
  const undecided = claims.filter(
    ({ verdict, secondary, n }) => verdict === 'undecided' && !secondary && n > 1,
  );
  const isToy = result.runs.some(({ kind }) => kind === 'toy');
  const limits = isToy
    ? [OF_TOYS]
    : budget === 'full'
      ? []
      : [...notShown(searchesIn(result)), ...byHeart(view.rows)];
  const partly =
    view.done < view.of
      ? ['Not all of its runs are there yet; what rests on the others is undecided, or not run.']
      : [];
  const controls = distinct(decided.flatMap((claim) => claim.controls ?? []));
  const failed = failedControls(experiment.tables(view));
  const listed = (lines: readonly string[], ...head: string[]): string[] =>
    lines.length === 0 ? [] : ['', ...head, ...lines];
  return [
    '<details>',
    `<summary><b>${escapeHtml(experiment.title)}</b> (${of}): ${tallyText(claims)}</summary>`,
    ...listed([...partly, ...limits]),
    ...listed(decided.map((claim) => decidedText(claim, controls))),
    ...listed(undecided.map(undecidedText), 'Primary questions that so many runs did not decide:', ''),
    ...listed(
      controls.map((control, i) => `- C${i + 1}. ${control}.`),
      'What showed that these could be seen:',
      '',
    ),
    ...listed(
      failed.map((control) => `- ${control}.`),
      'What did not show here, so that nothing is decided by it:',
      '',
    ),
    '',
    '</details>',
  ].join('\n');
}

/** The searches among a result's runs, and those whose supernets were measured. */
function searchesIn({ runs }: ResultRecord['result']): SearchProtocol[] {
  const protocols = runs.flatMap(({ kept }) => kept.map(({ protocol }) => protocol));
  return protocols.flatMap((protocol) =>
    protocol.kind === 'search' ? protocol : (supernetOf(protocol) ?? []),
  );
}

/** What findings on functions say nothing of. */
const OF_TOYS =
  'Not shown: what a search does. These are functions whose gradients are known; the losses of a supernet are neither linear nor quadratic.';

/** What findings of searches of a reduced size say nothing of. */
function notShown(searches: readonly SearchProtocol[]): string[] {
  if (searches.length === 0) return [];
  const range = (of: (search: SearchProtocol) => number): string => {
    const values = searches.map(of);
    return distinct([Math.min(...values), Math.max(...values)])
      .map((value) => value.toLocaleString('en-US'))
      .join(' to ');
  };
  const steps = range((search) => searchWork(search).weightSteps);
  const [cells, channels, image] = [
    range((search) => search.cells),
    range((search) => search.channels),
    range(({ dataset }) => dataset.imageSide),
  ];
  return [
    `Not shown: whether it is so at full size. A search here has ${steps} steps of the weights in a supernet of ${cells} cells and ${channels} channels, on images of ${image}×${image}.`,
  ];
}

/** That supernets do worse than guessing on images that they have not seen, if that is so in the median. */
function byHeart(rows: readonly Row<RunKind, Axes>[]): string[] {
  const losses = [...rowsOfKind(rows, 'search'), ...rowsOfKind(rows, 'landscape')].flatMap((row) => {
    const loss = row.kind === 'search' ? row.epochs.at(-1)?.candidateLoss : row.minimum.loss;
    const classes = classesOf(row.dataset);
    return classes && typeof loss === 'number' ? [{ loss, guessing: Math.log(classes.length) }] : [];
  });
  if (losses.length === 0) return [];
  const loss = median(losses.map((each) => each.loss));
  const guessing = median(losses.map((each) => each.guessing));
  if (loss <= guessing) return [];
  return [
    `On images that they have not seen these supernets end with a loss of ${fixed(loss, 1)} nats (median), where guessing has ${fixed(guessing, 1)}: they know their few training images by heart.`,
  ];
}

/** "- ? …: text *statistic*: 0.3 [−0.1, 0.7], n = 6. p = …; so many would find …" */
const undecidedText = (claim: Claim): string =>
  `- ${verdictMark('undecided')} ${measuredText(claim)} ${claim.detail}`;

/** "N_e rises with N: flat density. *slope of …*: 0.825 [0.718, 0.931], n = 3." */
function measuredText({ text, secondary, statistic, interval, n, unit }: Claim): string {
  const found = `${fixed(statistic.value, 3)} ${intervalText(interval)}`;
  return `${text}${secondaryText(secondary)} *${statistic.name}*: ${found}, ${countText(n, unit)}.`;
}

/** "- ✓ supported: …", with what else bears on it, and its controls' places among all, where it has any. */
function decidedText(claim: Claim, all: readonly string[]): string {
  const { verdict, alike, controls = [], remark } = claim;
  const places = controls.map((control) => `C${all.indexOf(control) + 1}`);
  const seen = places.length === 0 ? '' : ` (Controls: ${places.join(', ')}.)`;
  const more = remark === undefined ? '' : ` ${remark}`;
  return `- ${verdictMark(verdict)} ${verdict}${alike ? ' (the two are alike)' : ''}: ${measuredText(claim)}${more}${seen}`;
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
