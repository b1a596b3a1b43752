/**
 * Protocols of the present version in the words of the first, as the records and digests of that version have them: the
 * inverse of lib/search/upgrade.ts on whatever the first version could say.
 */

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Where protocols hold others: a landscape its supernet's search, paths and the like a landscape, a retraining its search. */
const HELD = ['supernet', 'landscape', 'search', 'transfer'];

/** Any protocol, or whatever holds some, as the first version has it. Pure. */
export function oldProtocol(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(oldProtocol);
  if (!isFields(value)) return value;
  const held = Object.fromEntries(
    Object.entries(value).map(([name, field]) => [name, HELD.includes(name) ? oldProtocol(field) : field]),
  );
  if (value.kind === 'search') return oldSearch(held);
  if (value.kind === 'landscape')
    return { ...held, version: 1, omega: oldLandscapeOmega(value.omega as Fields) };
  return held;
}

function oldSearch(search: Fields): Fields {
  const [solver, omega] = [search.solver as Fields, search.omega as Fields];
  if (solver.kind !== 'darts') {
    const kind = solver.kind === 'random-alpha' ? 'random' : solver.kind;
    return { ...search, version: 1, solver: { ...solver, kind }, omega: oldSearchOmega(omega) };
  }
  return {
    ...search,
    version: 1,
    solver: {
      ...solver,
      order: omega.kind === 'unrolled' ? 'second' : 'first',
      unrolledMomentum: omega.momentum ?? false,
      unrolledDecay: omega.weightDecay ?? false,
    },
    omega: {
      kind: 'finetuned',
      iterations: 0,
      momentum: 'zero',
      lr: 'scheduled',
      coast: 'none',
      split: 'train',
    },
  };
}

/** Coasting candidates had the momentum and the half of the preset that brought them. */
function oldSearchOmega(omega: Fields): Fields {
  if (omega.kind !== 'coast') return { ...omega, coast: 'none' };
  const { iterations, lr, drift } = omega;
  const coast = drift === true ? 'coast' : 'noop';
  return { kind: 'finetuned', iterations, momentum: 'inherit', lr, coast, split: 'val' };
}

function oldLandscapeOmega(omega: Fields): Fields {
  const since = ['momentum', 'weightDecay', 'split'];
  return Object.fromEntries(Object.entries(omega).filter(([name]) => !since.includes(name)));
}
