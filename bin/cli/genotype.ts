import { existsSync, readFileSync, statSync } from 'node:fs';
import { UsageError, ZartsError, unknownName } from '../../lib/errors.js';
import { explainFileError } from '../../lib/runs/files.js';
import { KEY_PREFIX, findRun, openRun } from '../../lib/runs/store.js';
import { KNOWN_GENOTYPES, checkGenotype, parseGenotype } from '../../lib/spaces/genotype.js';
import type { Genotype } from '../../lib/spaces/genotype.js';

/** What a GENOTYPE argument may be, for the help texts. */
export const GENOTYPE_ARGUMENT = `${Object.keys(KNOWN_GENOTYPES).join(', ')}, a text "Genotype(…)" as PyTorch prints it, one "|…~0|+|…" as NAS-Bench-201 has it, a file that holds one (or JSON), or the key of a run`;

/** A genotype that a command was given. */
export interface NamedGenotype {
  readonly genotype: Genotype;
  /** What to call it: its known name, the file's, "run …", or "genotype". */
  readonly name: string;
  /** Of a search's: the built-in space it was found in, and the data set. */
  readonly space?: string;
  readonly dataset?: string;
}

/**
 * The genotype that an argument names: a known name, PyTorch's or NAS-Bench-201's text or JSON, a file with one (also what
 * `zarts search --json` printed), or a run's key or the start of it.
 *
 * @throws {UsageError} naming what is wrong and where; {ZartsError} for a run without a result or an unreadable file.
 */
export function readGenotype(argument: string, home?: string): NamedGenotype {
  const known = Object.entries(KNOWN_GENOTYPES).find(([name]) => name === argument);
  if (known) return { name: known[0], genotype: known[1] };
  if (/^\s*(Genotype\b|\{|\|)/.test(argument)) return { name: 'genotype', genotype: parseGenotype(argument) };
  if (existsSync(argument) && statSync(argument).isFile())
    return { name: argument, genotype: fileGenotype(argument) };
  if (/^[0-9a-f]+$/.test(argument) && argument.length >= KEY_PREFIX) return runGenotype(argument, home);
  const { message } = unknownName('genotype', argument, Object.keys(KNOWN_GENOTYPES));
  throw new UsageError(
    `${message} It may also be PyTorch's text, a file that holds one, or the key of a run (at least its first ${KEY_PREFIX} characters).`,
  );
}

function fileGenotype(path: string): Genotype {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new ZartsError(`${path} cannot be read: ${explainFileError(error)}.`);
  }
  try {
    const inside = text.trimStart().startsWith('{') ? genotypeInside(JSON.parse(text)) : undefined;
    return inside === undefined ? parseGenotype(text) : checkGenotype(inside);
  } catch (error) {
    // A text that is no JSON at all is told by the parser, with its place.
    throw error instanceof UsageError ? new UsageError(`${path}: ${error.message}`) : parseFault(path, text);
  }
}

function parseFault(path: string, text: string): UsageError {
  try {
    parseGenotype(text);
  } catch (error) {
    if (error instanceof UsageError) return new UsageError(`${path}: ${error.message}`);
  }
  return new UsageError(`${path} holds no genotype.`);
}

/** The genotype in what a command printed or a run kept: `genotype`, `result.genotype` or `protocol.network.genotype`. */
function genotypeInside(value: unknown): unknown {
  const at = (...path: readonly string[]): unknown =>
    path.reduce<unknown>((part, name) => (part as Record<string, unknown> | null | undefined)?.[name], value);
  return at('result', 'genotype') ?? at('protocol', 'network', 'genotype') ?? at('genotype');
}

function runGenotype(prefix: string, home?: string): NamedGenotype {
  const { key, protocol, dataDigest } = findRun(prefix, home);
  const own = genotypeInside({ protocol });
  const name = `run ${key.slice(0, 8)}`;
  if (own !== undefined) return { name, genotype: checkGenotype(own) };
  const record = openRun({ protocol, dataDigest, home }).record();
  if (!record)
    throw new ZartsError(`Run ${key} has no result yet, so no genotype; run its command again first.`);
  const derived = genotypeInside({ result: record.result });
  if (derived === undefined) throw new ZartsError(`Run ${key} has no genotype in its result.`);
  return { name, genotype: checkGenotype(derived), ...originOf(protocol) };
}

/** Space and data set of a search. */
function originOf(protocol: unknown): Pick<NamedGenotype, 'space' | 'dataset'> {
  const { space, dataset } = protocol as { space?: unknown; dataset?: { name?: unknown } };
  return {
    ...(typeof space === 'string' ? { space } : {}),
    ...(typeof dataset?.name === 'string' ? { dataset: dataset.name } : {}),
  };
}
