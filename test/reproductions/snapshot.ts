import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { projectRoot } from '../../lib/runs/home.js';
import type { ChartSpec } from '../../lib/report/spec.js';

/** A chart's specification without its rows: what does not depend on what was measured. */
export function withoutData(spec: ChartSpec): unknown {
  return { ...spec, data: 'rows' };
}

/**
 * Compares a value with the one kept under test/reproductions/snapshots. `UPDATE_SNAPSHOTS=1 npm test` keeps the new one:
 * look at the picture before that.
 */
export function matchesSnapshot(name: string, value: unknown): void {
  const file = path.join(projectRoot(), 'test', 'reproductions', 'snapshots', `${name}.json`);
  const text = `${JSON.stringify(value, undefined, 2)}\n`;
  if (process.env.UPDATE_SNAPSHOTS === '1') {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  expect(existsSync(file), `${file}: no such snapshot; UPDATE_SNAPSHOTS=1 makes it`).to.be.true;
  expect(JSON.parse(text)).to.deep.equal(JSON.parse(readFileSync(file, 'utf8')));
}
