import { readFileSync } from 'node:fs';
import { resolve, join } from 'node:path';
import { UsageError, ZartsError } from '../../lib/errors.js';
import { reportPage } from '../../lib/report/report-page.js';
import { explainFileError, writeWhole } from '../../lib/runs/files.js';
import { projectRoot } from '../../lib/runs/home.js';
import { committedResults } from '../../reproductions/records.js';
import { findingsText, withFindings } from '../../reproductions/findings.js';
import { recordsIn, reportOf } from '../../reproductions/report.js';
import { print, printJson, shortPath } from './text.js';

/** The options of `zarts report`. */
export interface ReportCommandOptions {
  readonly results?: string;
  readonly out?: string;
  readonly json?: boolean;
  readonly readme?: boolean;
}

/** Puts the findings of a folder's records into the README. */
function readmeCommand(results: string, out: string | undefined): number {
  if (out !== undefined) throw new UsageError('--readme writes README.md alone; leave out --out.');
  const file = join(projectRoot(), 'README.md');
  writeWhole(file, [withFindings(readFileSync(file, 'utf8'), findingsText(recordsIn(results)))]);
  print([`Findings  ${shortPath(file)}`]);
  return 0;
}

/** Runs `zarts report`. @returns the exit code. */
export async function reportCommand(options: ReportCommandOptions): Promise<number> {
  const { results, out, json = false, readme = false } = options;
  if (readme) return readmeCommand(resolve(results ?? committedResults()), out);
  const file = resolve(out ?? join(projectRoot(), 'reproductions', 'report.html'));
  const report = reportOf(resolve(results ?? committedResults()), file);
  const page = await reportPage(report);
  try {
    writeWhole(file, [page]);
  } catch (error) {
    throw new ZartsError(
      `The report could not be written to ${file}: ${explainFileError(error)}; name a file in a folder that is there with --out.`,
    );
  }
  const sections = report.sections.map(({ id }) => id);
  const bytes = Buffer.byteLength(page);
  if (json) printJson({ file, bytes, sections, absent: report.absent });
  else {
    print([
      ...sections,
      ...report.absent.map(({ title, reason }) => `Not in it: ${title} (${reason})`),
      `Report  ${shortPath(file)} (${(bytes / 1e6).toFixed(1)} MB)`,
    ]);
  }
  return 0;
}
