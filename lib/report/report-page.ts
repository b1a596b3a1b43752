/** The report page: one file with everything in it, to send around. It asks no network. */
import path from 'node:path';
import type * as Esbuild from 'esbuild';
import type * as Sharp from 'sharp';
import type { Claim } from '../analysis/claims.js';
import { ZartsError } from '../errors.js';
import { lazily } from '../lazy.js';
import { projectRoot } from '../runs/home.js';
import { countText, intervalText, secondaryText, tallyText, verdictMark } from './claims.js';
import { fixed } from './format.js';
import type { LabSurface } from './laboratory.js';
import { chartSvg } from './render.js';
import type { Chart, Drawing } from './spec.js';
import type { Surface } from './surface.js';
import { asData, asScript } from './surface-page.js';
import { svgPng } from './svg.js';
import { escapeHtml, htmlTable, wordsHtml } from './table.js';
import type { Table } from './table.js';
import { FONT } from './theme.js';

const loadEsbuild = lazily<typeof Esbuild>('esbuild');
const loadSharp = lazily<typeof Sharp.default>('sharp');

/** A place to go to. */
export interface Link {
  readonly words: string;
  readonly href: string;
}

/** A figure or table on the page. */
export interface ReportSection {
  /** "fig-4-laptop"; letters, digits, hyphens. */
  readonly id: string;
  readonly title: string;
  /** What the paper says, in our words. */
  readonly claim: string;
  /** "budget laptop", "54 of 54 runs": what was run. */
  readonly facts: readonly string[];
  readonly links: readonly Link[];
  readonly claims: readonly Claim[];
  readonly charts: readonly Chart[];
  /** Pictures that are SVG already. */
  readonly drawings: readonly (Drawing | Surface)[];
  readonly tables: readonly Table[];
  /** What is folded away: a heading, and a table or sentences under it. */
  readonly more: readonly { readonly heading: string; readonly content: Table | readonly string[] }[];
}

/** The whole page. */
export interface Report {
  readonly title: string;
  /** Sentences at its beginning. */
  readonly introduction: readonly string[];
  readonly sections: readonly ReportSection[];
  /** Figures and tables that are not on the page, with the reason. */
  readonly absent: readonly { readonly title: string; readonly reason: string }[];
  /** Measured surfaces of the solver laboratory. */
  readonly surfaces: readonly LabSurface[];
}

/** The most bytes that a page may have: larger ones are not sent around. */
export const MOST_BYTES = 5e6;

/** Nothing is fetched, whatever is on the page. */
const POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:";

const STYLE = `
:root { color-scheme: light dark; --ink: #222; --soft: #555; --paper: #fff; --box: #f4f4f4; --line: #ccc; --accent: #00598c; --other: #b34700; --yes: #00614a; --no: #a8321f }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e8e8; --soft: #b4b4b4; --paper: #121212; --box: #1e1e1e; --line: #444; --accent: #7fc4f0; --other: #f2a25c; --yes: #66d3b0; --no: #ff9d8a }
  /* Pictures are drawn dark on white: turned over, with their hues kept, they lie on the page's own ground. */
  figure img { filter: invert(0.93) hue-rotate(180deg) }
}
* { box-sizing: border-box }
body { margin: 0 auto; padding: 1rem; max-width: 76rem; font: 1rem/1.5 "${FONT}", Verdana, sans-serif; color: var(--ink); background: var(--paper); overflow-wrap: break-word }
h1 { font-size: 1.6rem; line-height: 1.25 } h2 { font-size: 1.3rem; line-height: 1.3; margin: 0 0 .5rem } h3 { font-size: 1.05rem }
a { color: var(--accent) }
section, article { border-top: 1px solid var(--line); padding: 1.25rem 0 }
.facts, .note { color: var(--soft); font-size: .875rem }
.scroll { overflow-x: auto; max-width: 100% }
table { border-collapse: collapse; font-size: .875rem; margin: .5rem 0 }
th, td { padding: .25rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top }
figure { margin: 1rem 0 } figure img { display: block; height: auto }
ul.claims { list-style: none; padding: 0 } ul.claims > li { padding: .5rem .75rem; margin: .5rem 0; background: var(--box); border-left: 4px solid var(--soft) }
.verdict { font-weight: bold; white-space: nowrap } .supported { color: var(--yes) } .not-supported { color: var(--no) }
ul.claims > li:has(> .supported) { border-color: var(--yes) } ul.claims > li:has(> .not-supported) { border-color: var(--no) }
details { margin: .5rem 0 } summary { cursor: pointer; color: var(--accent) } .claims summary { font-size: .875rem } td:first-child { min-width: 6.5rem }
.lab { display: grid; gap: 1.5rem } .lab svg { display: block; width: 100%; height: auto; margin: .5rem 0 }
.lab svg:first-child { touch-action: none; cursor: crosshair; background: var(--box) }
.controls { display: grid; gap: 0 1rem } label { display: grid; grid-template-columns: 1fr 4.5rem; align-items: center; font-size: .875rem; margin: .3rem 0 }
label span { grid-column: 1 / -1 } select, button { font: inherit; color: var(--ink); background: var(--box); border: 1px solid var(--soft); padding: .35rem .6rem } label select { grid-column: 1 / -1 } output { text-align: right } input[type=range] { width: 100%; accent-color: var(--accent) }
.words { min-height: 3em }
@media (min-width: 56rem) { .lab { grid-template-columns: 1fr 1fr } .controls { grid-template-columns: 1fr 1fr } }
`;

/** What is wider than the page, in a box that is scrolled by itself. @param name  What a reader without sight is told. */
const scrolled = (name: string, inside: string): string =>
  `<div class="scroll" role="group" tabindex="0" aria-label="${escapeHtml(name)}">${inside}</div>`;

const folded = (heading: string, inside: string): string =>
  `<details><summary>${escapeHtml(heading)}</summary>${inside}</details>`;

const bullets = (sentences: readonly string[]): string =>
  `<ul>${sentences.map((each) => `<li>${wordsHtml(each)}</li>`).join('')}</ul>`;

/** A claim: the verdict first, in words and with a mark beside the colour. */
function claimItem({ verdict, text, secondary, statistic, interval, n, unit, detail }: Claim): string {
  const measured = `${statistic.name}: ${fixed(statistic.value, 3)}; 95 % interval ${intervalText(interval)}; ${countText(n, unit)}`;
  return `<li><span class="verdict ${verdict.replaceAll(' ', '-')}">${verdictMark(verdict)} ${escapeHtml(verdict)}</span> ${wordsHtml(text + secondaryText(secondary))}<br><span class="facts">${wordsHtml(measured)}</span>${folded('How this was decided', `<p>${wordsHtml(detail)}</p>`)}</li>`;
}

/** A picture's bytes as the page has them. @param width  Pixels across that it is drawn at. */
function figure(title: string, type: string, bytes: Uint8Array, width: number): string {
  const source = `data:${type};base64,${Buffer.from(bytes).toString('base64')}`;
  // Smaller than this the letters of a chart could not be read: a narrow screen scrolls it.
  const least = Math.min(width, Math.max(640, 0.7 * width));
  const image = `<img src="${source}" alt="${escapeHtml(title)}" style="width:100%;min-width:${least}px;max-width:${width}px">`;
  return `<figure>${scrolled(title, image)}</figure>`;
}

/** Qualities of pictures of dots, the best first; the others are for pages that would be too large. */
const QUALITIES = [90, 60, 30] as const;

/** A picture in the smaller of its two forms, lines or dots. */
async function pictureOf(title: string, svg: string, quality: number): Promise<string> {
  const width = Math.ceil(Number(/^<svg [^>]*?width="([\d.]+)"/.exec(svg)?.[1] ?? 0));
  const dots = await loadSharp()(svgPng(svg)).webp({ quality }).toBuffer();
  const lines = Buffer.from(svg);
  return lines.length <= dots.length
    ? figure(title, 'image/svg+xml', lines, width)
    : figure(title, 'image/webp', dots, width);
}

/** A chart's lines, without a label at each of its marks: the whole has one. */
const silentSvg = ({ spec }: Chart): Promise<string> =>
  chartSvg({ ...spec, config: { ...(spec.config as object), aria: false } });

async function sectionHtml(section: ReportSection, quality: number): Promise<string> {
  const { id, title, claim, facts, links, claims, charts, drawings, tables, more } = section;
  const pictures: string[] = [];
  for (const chart of charts) pictures.push(await pictureOf(chart.title, await silentSvg(chart), quality));
  for (const drawing of drawings) pictures.push(await pictureOf(drawing.title, drawing.svg, quality));
  const heading = `${id}-title`;
  return [
    `<article id="${id}" aria-labelledby="${heading}">`,
    `<h2 id="${heading}">${escapeHtml(title)}</h2>`,
    `<p><strong>The paper:</strong> ${wordsHtml(claim)}</p>`,
    `<p class="facts">${facts.map(wordsHtml).join(' · ')}</p>`,
    `<p>${links.map(({ words, href }) => `<a href="${escapeHtml(href)}">${escapeHtml(words)}</a>`).join(' · ')}</p>`,
    `<ul class="claims">${claims.map(claimItem).join('')}</ul>`,
    ...pictures,
    ...tables.map((table, i) => htmlTable(table, { open: i === 0 })),
    ...more.map(({ heading: words, content }) =>
      'columns' in content
        ? htmlTable({ ...content, title: words }, { open: false })
        : folded(words, bullets(content)),
    ),
    '</article>',
  ].join('\n');
}

function overview({ sections, absent }: Report): string {
  const rows = [
    ...sections.map(
      ({ id, title, facts, claims }) =>
        `<tr><td><a href="#${id}">${escapeHtml(title)}</a></td><td>${escapeHtml(facts[0] ?? '')}</td><td>${escapeHtml(tallyText(claims))}</td></tr>`,
    ),
    ...absent.map(
      ({ title, reason }) =>
        `<tr><td>${escapeHtml(title)}</td><td colspan="2">${escapeHtml(reason)}</td></tr>`,
    ),
  ];
  const table = `<table><thead><tr><th>figure or table</th><th>run at</th><th>verdicts</th></tr></thead><tbody>${rows.join('')}</tbody></table>`;
  return scrolled('Figures and tables with their verdicts', table);
}

/**
 * The solver laboratory as one script: ./browser/laboratory.ts with the solvers themselves.
 *
 * @throws {ZartsError} where the bundler is not installed.
 */
export async function laboratoryScript(): Promise<string> {
  const entry = path.join(projectRoot(), 'lib', 'report', 'browser', 'laboratory.ts');
  const { outputFiles } = await loadEsbuild().build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    write: false,
    format: 'iife',
    platform: 'browser',
    target: 'es2022',
    charset: 'utf8',
    logLevel: 'silent',
  });
  return outputFiles[0].text;
}

/**
 * The page of a report, its pictures as fine as the page may be large.
 *
 * @param mostBytes  {@link MOST_BYTES} unless another number is given.
 * @throws {ZartsError} for a picture that cannot be drawn, and a page that is too large with the coarsest pictures.
 */
export async function reportPage(report: Report, mostBytes = MOST_BYTES): Promise<string> {
  const script = await laboratoryScript();
  let bytes = 0;
  for (const quality of QUALITIES) {
    const articles: string[] = [];
    for (const section of report.sections) articles.push(await sectionHtml(section, quality));
    const page = pageHtml(report, articles, script);
    bytes = Buffer.byteLength(page);
    if (bytes <= mostBytes) return page;
  }
  throw new ZartsError(
    `The report would have ${(bytes / 1e6).toFixed(1)} MB; more than ${mostBytes / 1e6} MB are not sent around. Leave out records.`,
  );
}

function pageHtml(report: Report, articles: readonly string[], script: string): string {
  const { title, introduction, surfaces } = report;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>${escapeHtml(title)}</h1>
${introduction.map((each) => `<p>${wordsHtml(each)}</p>`).join('\n')}
</header>
<main>
<section aria-labelledby="overview"><h2 id="overview">At a glance</h2>${overview(report)}</section>
<section aria-labelledby="laboratory-title"><h2 id="laboratory-title">Try the solvers</h2>
<p>Drag the start, pick a solver and its settings: the path, the candidates of one update (larger: more weight), their weights and N<sub>e</sub> follow. It is the library’s own code that runs here. Two things are otherwise than in a search: α has two dimensions instead of dozens, which is kind to the density of Eq. 26, and σ does not fall.</p>
<div id="laboratory"><noscript>This part needs scripts.</noscript></div></section>
${articles.join('\n')}
</main>
<script type="application/json" id="surfaces">${asData(surfaces)}</script>
<script>${asScript(script)}</script>
</body>
</html>
`;
}
