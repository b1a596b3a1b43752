import type { Chart } from '../lib/report/spec.js';
import type { Table } from '../lib/report/table.js';
import { fixed } from '../lib/report/format.js';
import type { Claim } from '../lib/analysis/claims.js';
import { canonicalJson } from '../lib/runs/canonical.js';
import type { Result } from './experiment.js';
import { leavesOf } from './grid.js';
import type { Reproduced } from './reproduce.js';
import { label, listTable } from './tables.js';

/** Two reproductions of a figure side by side. */
export interface Compared {
  readonly tables: readonly Table[];
  readonly charts: readonly Chart[];
}

/**
 * Two reproductions of one figure or table side by side: the settings in which they differ, the verdicts, and every chart that
 * both have.
 *
 * @param names  What a reader calls them.
 */
export function compare(
  a: Reproduced,
  b: Reproduced,
  names: readonly [string, string] = ['as it is', 'changed'],
): Compared {
  const [one, other] = names;
  const settings = changedSettings(settingsOf(a, b), settingsOf(b, a));
  const ids = [...new Set([...a.claims, ...b.claims].map(({ id }) => id))];
  const claimsOf = (id: string): (Claim | undefined)[] =>
    [a, b].map(({ claims }) => claims.find((claim) => claim.id === id));
  const means = (claim: Claim | undefined): string | null =>
    claim ? `${claim.verdict} (${fixed(claim.statistic.value, 3)}, n ${claim.n})` : null;
  return {
    tables: [
      listTable(
        'What was changed',
        settings,
        [
          label('setting', ({ path }) => path),
          label(one, (setting) => setting.a),
          label(other, (setting) => setting.b),
        ],
        settings.length === 0 ? ['Nothing: both are the same runs.'] : [],
      ),
      listTable('Verdicts, each with its mean and number', ids.map(claimsOf), [
        label('claim', ([left, right]) => (left ?? right)!.text),
        label(one, ([left]) => means(left)),
        label(other, ([, right]) => means(right)),
      ]),
    ],
    charts: a.charts.flatMap((chart) => {
      const twin = b.charts.find(({ name }) => name === chart.name);
      return twin ? [sideBySide(chart, twin, names)] : [];
    }),
  };
}

/** The runs of a reproduction that stand where runs of another do, a method's beside the same method's; all where none does. */
function runsBeside({ result }: Reproduced, other: Reproduced): Result['runs'] {
  const places = new Set(other.result.runs.map(({ axes }) => canonicalJson(axes)));
  const common = result.runs.filter(({ axes }) => places.has(canonicalJson(axes)));
  return common.length > 0 ? common : result.runs;
}

/**
 * The values, as JSON, of each setting that a reproduction's runs have beside another's, by kind and dotted path; and of what is not a
 * run's own. Lists are no settings: they are what a search came to.
 */
function settingsOf(reproduced: Reproduced, other: Reproduced): ReadonlyMap<string, ReadonlySet<string>> {
  const { budget, preset, result } = reproduced;
  const values = new Map<string, Set<string>>();
  const add = (path: string, value: unknown): void => {
    values.set(path, (values.get(path) ?? new Set()).add(JSON.stringify(value)));
  };
  add('budget', budget);
  add('preset', preset);
  add('seeds', new Set(result.runs.map(({ kept }) => kept[kept.length - 1].protocol.seed)).size);
  for (const { protocol } of runsBeside(reproduced, other).flatMap(({ kept }) => kept)) {
    for (const [path, value] of leavesOf({ [protocol.kind]: protocol }))
      if (!Array.isArray(value)) add(path, value);
  }
  return values;
}

/**
 * Where the settings of two reproductions differ. Seeds are none, and of a kind of runs that only one of them has nothing was
 * changed.
 */
function changedSettings(a: ReturnType<typeof settingsOf>, b: ReturnType<typeof settingsOf>) {
  const kindOf = (path: string): string => path.split('.')[0];
  const kinds = [a, b].map((each) => new Set([...each.keys()].map(kindOf)));
  const text = (values: ReadonlySet<string> | undefined): string =>
    values === undefined
      ? '–'
      : [...values].sort((x, y) => x.localeCompare(y, 'en', { numeric: true })).join(', ');
  return [...new Set([...a.keys(), ...b.keys()])]
    .filter((path) => !path.endsWith('.seed') && kinds.every((each) => each.has(kindOf(path))))
    .map((path) => ({ path, a: text(a.get(path)), b: text(b.get(path)) }))
    .filter((setting) => setting.a !== setting.b);
}

/** Two charts of the same kind beside each other, each with its own scales and legend. */
function sideBySide(a: Chart, b: Chart, [one, other]: readonly [string, string]): Chart {
  const { $schema, config } = a.spec;
  const panel = ({ spec }: Chart, title: string): object => {
    const around = ['$schema', 'config', 'description', 'title'];
    const inner = Object.entries(spec).filter(([field]) => !around.includes(field));
    return { ...Object.fromEntries(inner), title };
  };
  return {
    ...a,
    spec: {
      ...{ $schema, config, description: a.title, title: a.title },
      hconcat: [panel(a, one), panel(b, other)],
      resolve: { scale: { color: 'independent', shape: 'independent' } },
    },
  };
}
