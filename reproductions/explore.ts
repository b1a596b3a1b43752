/** A figure or table in a notebook, with sliders and menus for what it is measured with. */
import { withControls } from '../lib/report/controls.js';
import type { Chosen, Controls } from '../lib/report/controls.js';
import { about } from '../lib/report/format.js';
import { interruptSignal } from '../lib/report/notebook.js';
import type { Showable } from '../lib/report/notebook.js';
import type { Axes, Experiment } from './experiment.js';
import type { Change, Choices, GridOptions } from './grid.js';
import type { RunKind } from './kinds.js';
import { paceText } from './pace.js';
import { leftToReproduce, reproduce } from './reproduce.js';
import type { ReproduceOptions, Shown } from './reproduce.js';

/** What is chosen, and what is made of it. */
export interface ExploreOptions<K extends RunKind, C extends Choices, Choice extends Controls>
  extends Omit<GridOptions, 'change'>, Pick<ReproduceOptions, 'data' | 'home'> {
  readonly controls: Choice;
  readonly change: (chosen: Chosen<Choice>) => Change<K, C>;
  /** What is shown of it, whole or as far as it is measured. */
  readonly show: (found: Shown) => Showable | readonly Showable[];
}

/**
 * Shows controls and what an experiment gives with the first choice. When a control is moved, what the store has is shown at
 * once; for anything else the panel says what it takes, and a button computes it, which ■ interrupts.
 *
 * @throws as `reproduce` for the first choice; what is wrong with later ones is said in the panel.
 */
export async function explore<K extends RunKind, A extends Axes, C extends Choices, Choice extends Controls>(
  experiment: Experiment<K, A, C>,
  { controls, change, show, ...given }: ExploreOptions<K, C, Choice>,
): Promise<void> {
  await withControls(controls, async (chosen, panel, asked) => {
    const options = { ...given, change: change(chosen) };
    const { seconds, pace } = await leftToReproduce(experiment, options);
    if (seconds > 0 && !asked) {
      panel.offer(
        `${panel.choice} is not computed yet: ${about(seconds)} (an estimate ${paceText(pace)}).`,
        'Compute',
      );
      return;
    }
    const found = await reproduce(experiment, {
      ...options,
      signal: interruptSignal(),
      progress: panel.progress,
      onEarlier: () => undefined,
      onPartial: (soFar) => panel.show(show(soFar)),
    });
    await panel.show(show(found));
  });
}
