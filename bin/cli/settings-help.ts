import { UsageError } from '../../lib/errors.js';
import { fullEvaluation } from '../../lib/evaluation/presets.js';
import { EVALUATION } from '../../lib/evaluation/protocol.js';
import { fullSearch } from '../../lib/search/presets.js';
import { PRESETS, SEARCH } from '../../lib/search/protocol.js';
import { describe, fieldsOf, valueAt } from '../../lib/settings.js';
import type { Field } from '../../lib/settings.js';
import { KNOWN_GENOTYPES } from '../../lib/spaces/genotype.js';
import { isSpaceId } from '../../lib/spaces/spaces.js';
import { textWidth, wrap } from './text.js';

/** Whose algorithm a preset is, in a sentence; what it sets otherwise is read off its protocol. */
const WHOSE: Readonly<Record<(typeof PRESETS)[number], string>> = {
  paper: 'the text of the paper, with its density (Eq. 26) as printed',
  released: 'what the released code computes: candidates are never fine-tuned',
  flat: "the paper's idea with a constant density of proposals",
};

type Typed = Readonly<Record<string, unknown>>;

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** What has an option of its own. */
const WITH_OPTION = ['seed', 'space', 'dataset.name'];

/** A list of settings: path, what it may be, what it is. */
function listed(fields: readonly Field[], protocol: object): string[] {
  return fields
    .filter(({ path, fixed }) => fixed === undefined && !WITH_OPTION.includes(path))
    .flatMap(({ path, bounds, value: otherwise }) => {
      const value = valueAt(protocol, path);
      // A group that is off has no value; a setting of it, one that it would have.
      const off = value === undefined && valueAt(protocol, path.split('.')[0]) === undefined;
      const now = value ?? otherwise;
      const is = now === undefined ? '' : `; ${textOf(now)}`;
      return wrap(`  ${path}: ${bounds}${is}${off ? ' (off)' : ''}`, textWidth(), '    ');
    });
}

/** The search whose settings the help lists: of the space and the solver that were typed, where they are known. */
function typedSearch({ space, solver }: Typed, preset?: string) {
  const known = typeof space === 'string' && isSpaceId(space) ? space : 's2';
  try {
    return { space: known, solver: String(solver), protocol: fullSearch(known, String(solver), preset) };
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return { space: known, solver: 'mgs', protocol: fullSearch(known, 'mgs', preset) };
  }
}

/** What the presets of a search differ in, and every setting that --set takes. */
export function searchSettings(typed: Typed): string[] {
  const { space, solver, protocol } = typedSearch(typed);
  const searches = PRESETS.map((preset) => ({ preset, protocol: typedSearch(typed, preset).protocol }));
  const [paper] = searches;
  const presets = searches.flatMap(({ preset, protocol: own }) => {
    // What either has: a preset may bring a kind with settings of its own.
    const paths = [own, paper.protocol].flatMap((each) =>
      describe(SEARCH.schema, each).map(({ path }) => path),
    );
    const differing = [...new Set(paths)].filter(
      (path) =>
        path !== 'preset' &&
        valueAt(own, path) !== undefined &&
        !Object.is(valueAt(own, path), valueAt(paper.protocol, path)),
    );
    const sets = differing.map((path) => `${path}=${textOf(valueAt(own, path))}`);
    return wrap(
      `  ${preset}: ${WHOSE[preset]}${sets.length > 0 ? `; ${sets.join(', ')}` : ''}`,
      textWidth(),
      '    ',
    );
  });
  return [
    ...wrap(
      `Presets, of ${solver} in ${space} (--space and --solver before --help show others):`,
      textWidth(),
    ),
    ...presets,
    '',
    ...wrap(
      `Settings (--set path=value), what each may be, and what it is at the full budget for ${solver} in ${space}; a setting of a group that is off switches the group on:`,
      textWidth(),
    ),
    ...listed(fieldsOf(SEARCH.schema, protocol), protocol),
  ];
}

/** Every setting of an evaluation that --set takes. */
export function evaluationSettings({ preset, dataset }: Typed): string[] {
  const large = preset === 'imagenet' || dataset === 'imagenet' || dataset === 'folder';
  const protocol = fullEvaluation(KNOWN_GENOTYPES.DARTS_V2, large ? { preset: 'imagenet' } : {});
  const title = `Settings (--set path=value), what each may be, and what it is at the full budget in the preset ${protocol.preset}${large ? '' : ' (--preset before --help shows another)'}:`;
  return [...wrap(title, textWidth()), ...listed(fieldsOf(EVALUATION.schema, protocol), protocol)];
}
