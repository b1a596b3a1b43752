/** What Table 1 is made of: the rows of each experiment, with the settings that they were measured by. */
import type { Cell, View } from './experiment.js';
import { TOY_EXPERIMENTS } from './toy-protocol.js';
import type { ToyExperiment, ToySettings } from './toy-protocol.js';
import type { ToyRows } from './toy.js';

type ToyAxes = Readonly<Record<'experiment', ToyExperiment>>;
/** A run of an experiment with one seed. */
export type ToyCell = Cell<'toy', ToyAxes>;
/** What is there of them. */
export type ToyView = View<'toy', ToyAxes>;

/** A row of an experiment with the seed that it comes from. */
export type Seeded<E extends ToyExperiment> = ToyRows[E] & { readonly seed: number };

/** What is made of each experiment's rows and settings. */
export type Makers<T> = {
  readonly [E in ToyExperiment]?: (rows: readonly Seeded<E>[], settings: ToySettings[E]) => T | readonly T[];
};

/** What is made of the experiments that there are rows of. */
export function made<T>({ rows }: ToyView, makers: Makers<T>): T[] {
  return TOY_EXPERIMENTS.flatMap((experiment) => {
    const own = rows.filter((row) => row.experiment === experiment);
    // Each is given its own rows and settings.
    const make = makers[experiment] as ((rows: object, settings: object) => T | readonly T[]) | undefined;
    if (!make || own.length === 0) return [];
    const seeded = own.flatMap((run) => run.rows.map((row) => ({ seed: run.seed, ...row })));
    return make(seeded, own[0].toy.settings);
  });
}
