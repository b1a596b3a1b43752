import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import path from 'node:path';
import { projectRoot } from './home.js';

/** A processor as far as the last bits of a result depend on it. */
export interface Processor {
  /** Its model. */
  readonly processor: string;
  /** Its vector instructions, of which TensorFlow's kernels use what they find: "avx avx2 fma"; "" where unknown. */
  readonly instructions: string;
  /** Sizes of its caches, by which matrix products are cut into blocks: "48K 32K 2048K 260M"; "" where unknown. */
  readonly caches: string;
}

/** What is known of this process and machine; no names of machines or folders. */
export interface Machine extends Processor {
  /** Commit of the library; "-dirty" marks uncommitted changes, null that it is unknown. */
  readonly commit: string | null;
  readonly version: string;
  readonly node: string;
  readonly cores: number;
}

/** This process and machine as a result's provenance names them. */
export function thisMachine(): Machine {
  const root = projectRoot();
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
    version: string;
  };
  return {
    commit: commitOf(root),
    version,
    node: process.version,
    ...thisProcessor(),
    cores: cpus().length,
  };
}

function thisProcessor(): Processor {
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    instructions: instructionsIn(textOf('/proc/cpuinfo')),
    caches: [0, 1, 2, 3]
      .map((level) => textOf(`/sys/devices/system/cpu/cpu0/cache/index${level}/size`).trim())
      .filter((size) => size !== '')
      .join(' '),
  };
}

/** Extensions that kernels choose by: of x86 and of Arm. */
const VECTOR = /^(sse\w*|avx\w*|amx\w*|fma|f16c|asimd\w*|sve\w*|sme(?!p)\w*|i8mm|bf16)$/;

/** The vector instructions of the first processor in a text like Linux' /proc/cpuinfo, sorted. */
export function instructionsIn(cpuinfo: string): string {
  const [, flags = ''] = /^(?:flags|Features)\s*:(.*)$/m.exec(cpuinfo) ?? [];
  return flags
    .split(' ')
    .filter((flag) => VECTOR.test(flag))
    .sort()
    .join(' ');
}

/** A file that only Linux has; "" elsewhere. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** What the numbers are computed with, as an engine describes itself; null where that is JavaScript alone. */
export type EngineFacts = object | null;

/** What decides the last bits of a result beside its protocol and data, by name. */
export type Bits = Readonly<Record<string, string>>;

/** Those of this machine with an engine. How many operations run at once is no part: every sum has one order whatever runs when. */
export function bitsOf(engine: EngineFacts, machine: Processor = thisProcessor()): Bits {
  const { processor, instructions, caches } = machine;
  const facts = Object.entries({ processor, instructions, caches, ...engine });
  return Object.fromEntries(
    facts.filter(([name]) => name !== 'interOpThreads').map(([name, value]) => [name, String(value)]),
  );
}

/** What two machines differ in, in words; undefined where both give the same bits. */
export function differenceOf(there: Bits, here: Bits): string | undefined {
  const names = [...new Set([...Object.keys(there), ...Object.keys(here)])];
  const differing = names.filter((name) => there[name] !== here[name]);
  if (differing.length === 0) return undefined;
  return differing.map((name) => `${name} was "${there[name]}" and is "${here[name]}"`).join(', ');
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
