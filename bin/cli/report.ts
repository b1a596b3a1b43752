import { resolve, join } from 'node:path';
import { ZartsError } from '../../lib/errors.js';
import { reportPage } from '../../lib/report/report-page.js';
import { explainFileError, writeWhole } from '../../lib/runs/files.js';
import { projectRoot } from '../../lib/runs/home.js';
import { committedResults } from '../../reproductions/records.js';
import { reportOf } from '../../reproductions/report.js';
import { print, printJson, shortPath } from './text.js';

/** The options of `zarts report`. */
export interface ReportCommandOptions {
  readonly results?: string;
  readonly out?: string;
  readonly json?: boolean;
}

/** Runs `zarts report`. @returns the exit code. */
export async function reportCommand({ results, out, json = false }: ReportCommandOptions): Promise<number> {
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
