import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import path from 'node:path';
import { projectRoot } from './home.js';

/** What is known of this process and machine; no names of machines or folders. */
export interface Machine {
  /** Commit of the library; "-dirty" marks uncommitted changes, null that it is unknown. */
  readonly commit: string | null;
  readonly version: string;
  readonly node: string;
  /** Processor model and number of cores. */
  readonly processor: string;
  readonly cores: number;
}

/** This process and machine as a result's provenance names them. */
export function thisMachine(): Machine {
  const root = projectRoot();
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
    version: string;
  };
  const processors = cpus();
  return {
    commit: commitOf(root),
    version,
    node: process.version,
    processor: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
  };
}

function commitOf(root: string): string | null {
  const git = (...args: string[]) =>
    execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    const changed = git('status', '--porcelain', '--untracked-files=no') !== '';
    return `${git('rev-parse', 'HEAD')}${changed ? '-dirty' : ''}`;
  } catch {
    return null;
  }
}
