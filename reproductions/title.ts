/** The fields that tell most about a run, wherever its protocol has them. */
interface Telling {
  readonly kind?: string;
  readonly space?: string | { readonly name?: string };
  readonly solver?: { readonly kind?: string };
  readonly dataset?: { readonly name?: string };
  readonly experiment?: string;
  readonly seed?: number;
  readonly supernet?: Telling;
  readonly landscape?: Telling;
}

/** A run in a few words: "search s2 mgs cifar10 seed 3". */
export function runTitle(protocol: unknown): string {
  const { kind = 'run', space, solver, dataset, experiment, seed, supernet, landscape } = protocol as Telling;
  const under = landscape?.supernet ?? supernet;
  const of = (each: Telling['space']): string | undefined => (typeof each === 'object' ? each.name : each);
  const words = [
    kind === 'evaluation' ? 'training' : kind,
    of(space) ?? of(under?.space) ?? experiment,
    solver?.kind ?? under?.solver?.kind,
    dataset?.name ?? under?.dataset?.name,
    seed === undefined ? undefined : `seed ${seed}`,
  ];
  return words.filter((word) => word !== undefined).join(' ');
}
