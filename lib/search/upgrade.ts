/** Protocols of the first version, or with an older name, as records and files have them, in the words of the present one. */

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * A protocol of version 1 as one of the present version; anything else as it is. Pure, and not checked: that is left to what
 * parses the result. Searches and landscapes changed: ω*(α) became one choice (./omega-protocol.ts), to which DARTS' order went too.
 */
export function upgraded(value: unknown): unknown {
  if (!isFields(value)) return value;
  const held = Object.fromEntries(
    Object.entries(value).map(([name, field]) => [name, HELD.has(name) ? upgraded(field) : field]),
  );
  if (value.kind === 'search' && value.version !== 1) return renamed(held);
  if (value.version !== 1) return held;
  if (value.kind === 'search') return renamed(upgradedSearch(held));
  if (value.kind === 'landscape') return { ...held, version: 2, omega: landscapeOmega(value.omega) };
  return held;
}

/** A search whose solver had another name: `random-alpha` was called `random`. */
function renamed(search: Fields): Fields {
  const { solver } = search;
  if (!isFields(solver) || solver.kind !== 'random') return search;
  return { ...search, solver: { ...solver, kind: 'random-alpha' } };
}

/** A format that reads protocols of the first version too. */
export function withUpgrade<F extends { parse(value: unknown): unknown }>(format: F): F {
  return { ...format, parse: (value: unknown) => format.parse(upgraded(value)) };
}

/** Where protocols hold others. */
const HELD = new Set(['supernet', 'landscape', 'search']);

function upgradedSearch(search: Fields): Fields {
  const { solver, omega } = search;
  if (!isFields(solver) || !isFields(omega)) return { ...search, version: 2 };
  if (solver.kind !== 'darts') return { ...search, version: 2, omega: searchOmega(omega) };
  const { order, unrolledMomentum: momentum, unrolledDecay: weightDecay, ...rest } = solver;
  const unrolled = { kind: 'unrolled', lr: 'scheduled', momentum, weightDecay };
  return {
    ...search,
    version: 2,
    solver: rest,
    omega: order === 'second' ? unrolled : { kind: 'current' },
  };
}

/** Coasting candidates read neither a momentum nor a half of their own. */
function searchOmega({ coast, ...finetuned }: Fields): Fields {
  const { iterations, lr } = finetuned;
  return coast === 'none' ? finetuned : { kind: 'coast', iterations, lr, drift: coast === 'coast' };
}

function landscapeOmega(omega: unknown): unknown {
  if (!isFields(omega)) return omega;
  if (omega.kind === 'unrolled') return { momentum: false, weightDecay: false, ...omega };
  return omega.kind === 'finetuned' ? { momentum: 'zero', split: 'train', ...omega } : omega;
}
