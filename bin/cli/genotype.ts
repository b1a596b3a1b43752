import { readFileSync, statSync } from 'node:fs';
import { UsageError, ZartsError, unknownName } from '../../lib/errors.js';
import { limitedGenotype } from '../../lib/evaluation/limits.js';
import type { LimitedGenotype, Limits } from '../../lib/evaluation/limits.js';
import { explainFileError } from '../../lib/runs/files.js';
import { KEY_PREFIX, findRun, openRun } from '../../lib/runs/store.js';
import { SEARCH, spaceOf } from '../../lib/search/protocol.js';
import { LONGEST_TEXT, chooseGenotype, genotypesIn } from '../../lib/spaces/genotype-writings.js';
import type { Choice } from '../../lib/spaces/genotype-writings.js';
import { KNOWN_GENOTYPES, checkGenotype, readWritten } from '../../lib/spaces/genotype.js';
import type { Genotype, KnownGenotype } from '../../lib/spaces/genotype.js';
import { wholeNumber } from './options.js';

/** What a GENOTYPE argument may be, for the help texts. */
export const GENOTYPE_ARGUMENT =
  'a name that zarts list genotypes knows (DARTS_V2), a text "Genotype(…)" as PyTorch prints it or "|…~0|+|…" as NAS-Bench-201 has it, a file that holds one (Python, a search’s log, JSON, YAML; FILE:NAME where it holds several), or the key of a run';

/** A genotype that a command was given. */
export interface NamedGenotype {
  readonly genotype: Genotype;
  /** What to call it: its known name, the file's, "run …", or "genotype". */
  readonly name: string;
  /** How it was chosen among several, where nobody chose. */
  readonly note?: string;
  /** It was derived under limits, as the note says. */
  readonly limited?: true;
  /** Of a search's: the built-in space it was found in, and the data set. */
  readonly space?: string;
  readonly dataset?: string;
}

/** How to read a genotype's argument. */
export interface GenotypeOptions {
  /** What `--epoch` said: which genotype of a search's log. */
  readonly epoch?: string | undefined;
  /** What a genotype that is derived from a search's alphas may have at most. */
  readonly mostSkips?: string;
  readonly mostParameters?: string;
  readonly mostMultiplyAdds?: string;
  /** Where runs are kept. */
  readonly home?: string;
}

/**
 * The genotype that an argument names: a known name, a text with one, a file with one (also what our commands print with
 * --json) or FILE:NAME, or a run's key or the start of it.
 *
 * @throws {UsageError} naming what is wrong and where; {ZartsError} for a run without a result or an unreadable file.
 */
export function readGenotype(argument: string, options: GenotypeOptions = {}): NamedGenotype {
  const { epoch, home } = options;
  const limits = limitsOf(options);
  const choice: Choice =
    epoch === undefined ? {} : { epoch: wholeNumber('--epoch', epoch, 0, Number.MAX_SAFE_INTEGER) };
  const named = namedGenotype(argument, choice, limits, home);
  if (named === undefined) throw unknownArgument(argument);
  if (limits !== undefined && named.limited !== true) {
    throw new UsageError(
      `Limits are for a genotype that is derived from a search's alphas; ${named.name} is one already: name the key of a search.`,
    );
  }
  return named;
}

/** The limits that options name; undefined for none. */
export function limitsOf({
  mostSkips,
  mostParameters,
  mostMultiplyAdds,
}: Pick<GenotypeOptions, 'mostSkips' | 'mostParameters' | 'mostMultiplyAdds'>): Limits | undefined {
  const limit = (option: string, value: string | undefined) =>
    value === undefined ? undefined : wholeNumber(option, value, 0, Number.MAX_SAFE_INTEGER);
  const skips = limit('--most-skips', mostSkips);
  const parameters = limit('--most-parameters', mostParameters);
  const multiplyAdds = limit('--most-multiply-adds', mostMultiplyAdds);
  const limits = {
    ...(skips === undefined ? {} : { skips }),
    ...(parameters === undefined ? {} : { parameters }),
    ...(multiplyAdds === undefined ? {} : { multiplyAdds }),
  };
  return Object.keys(limits).length === 0 ? undefined : limits;
}

/** The genotype of a search's alphas under limits. @throws as lib/evaluation/limits.ts. */
export function limitedSearch(protocol: unknown, alpha: unknown, limits: Limits): LimitedGenotype {
  const search = SEARCH.parse(protocol);
  const edgeNormalization = search.partialChannels?.edgeNormalization ?? false;
  return limitedGenotype(spaceOf(search), Float64Array.from(alpha as number[]), limits, {
    edgeNormalization,
  });
}

function namedGenotype(
  argument: string,
  choice: Choice,
  limits: Limits | undefined,
  home?: string,
): NamedGenotype | undefined {
  if (Object.hasOwn(KNOWN_GENOTYPES, argument))
    return { name: argument, genotype: KNOWN_GENOTYPES[argument as KnownGenotype] };
  if (/[([{|]/.test(argument) && !isFile(argument))
    return { name: 'genotype', ...textGenotype(argument, choice) };
  for (const { file, name } of filesNamed(argument)) {
    if (!isFile(file)) continue;
    const chosen = fileGenotype(file, { ...choice, ...(name === undefined ? {} : { name }), file });
    return { name: name ?? file, ...chosen };
  }
  if (/^[0-9a-f]+$/.test(argument) && argument.length >= KEY_PREFIX)
    return runGenotype(argument, limits, home);
  return undefined;
}

function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
  } catch {
    // A text that is no path at all: too long, or with characters that none has.
    return false;
  }
}

/** The argument as a file, and as FILE:NAME at each colon. */
function filesNamed(argument: string): { readonly file: string; readonly name?: string }[] {
  const colons = [...argument.matchAll(/:/g)].map(({ index }) => index);
  return [
    { file: argument },
    ...colons.map((at) => ({ file: argument.slice(0, at), name: argument.slice(at + 1) })),
  ];
}

function unknownArgument(argument: string): UsageError {
  if (statSync(argument, { throwIfNoEntry: false })?.isDirectory())
    return new UsageError(`${argument} is a folder; name a file in it that holds a genotype.`);
  // What has a folder or an ending in it was meant as a file.
  const [file] = argument.split(':');
  if (/[/\\]|\.[A-Za-z]\w*$/.test(file))
    return new UsageError(
      `${file}: no such file; a genotype is read from a file, a known name or a run's key.`,
    );
  const { message } = unknownName('genotype', argument, Object.keys(KNOWN_GENOTYPES));
  return new UsageError(
    `${message} It may also be PyTorch's or NAS-Bench-201's text, a file that holds one, or the key of a run (at least its first ${KEY_PREFIX} characters).`,
  );
}

function textGenotype(text: string, choice: Choice): Pick<NamedGenotype, 'genotype' | 'note'> {
  const { written, note } = chooseGenotype(genotypesIn(text), choice);
  return { genotype: readWritten(written), ...(note === undefined ? {} : { note }) };
}

function fileGenotype(path: string, choice: Choice): Pick<NamedGenotype, 'genotype' | 'note'> {
  let text: string;
  try {
    const { size } = statSync(path);
    if (size > LONGEST_TEXT)
      throw new UsageError(`${path} has ${size} bytes; a file with a genotype has at most ${LONGEST_TEXT}.`);
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new ZartsError(`${path} cannot be read: ${explainFileError(error)}.`);
  }
  try {
    return textGenotype(text, choice);
  } catch (error) {
    throw error instanceof UsageError ? new UsageError(`${path}: ${error.message}`) : error;
  }
}

/** The genotype in a run's protocol or result. */
function genotypeInside(value: unknown): unknown {
  const at = (...path: readonly string[]): unknown =>
    path.reduce<unknown>((part, name) => (part as Record<string, unknown> | null | undefined)?.[name], value);
  return at('result', 'genotype') ?? at('protocol', 'network', 'genotype');
}

function runGenotype(prefix: string, limits: Limits | undefined, home?: string): NamedGenotype {
  const { key, protocol, dataDigest } = findRun(prefix, home);
  const own = genotypeInside({ protocol });
  const name = `run ${key.slice(0, 8)}`;
  if (own !== undefined) return { name, genotype: checkGenotype(own) };
  const record = openRun({ protocol, dataDigest, home }).record();
  if (!record)
    throw new ZartsError(`Run ${key} has no result yet, so no genotype; run its command again first.`);
  const derived = genotypeInside({ result: record.result });
  if (derived === undefined) throw new ZartsError(`Run ${key} has no genotype in its result.`);
  if (limits !== undefined) {
    const { alpha } = record.result as { readonly alpha?: unknown };
    if (!Array.isArray(alpha))
      throw new UsageError(`Run ${key} is no search, so it has no alphas to derive from.`);
    const { genotype, sentence } = limitedSearch(protocol, alpha, limits);
    return { name, genotype, limited: true, note: sentence, ...originOf(protocol) };
  }
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
