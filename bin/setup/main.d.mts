import type { Choice } from './plan.mjs';

/** A step of set-up: what it installs. */
export interface Step {
  readonly id: 'npm' | 'python' | 'tensorflow' | 'addon' | 'native' | 'kernel' | 'link' | 'build';
  readonly title: string;
}

/** The engine for this machine, from its facts, ZARTS_ENGINE, and what ZARTS_ENGINE was when the project was set up. */
export function engineHere(): Choice;

/** The steps for an engine with what makes each necessary; `why` is null when it is done. */
export function inspect(choice: Choice): { readonly step: Step; readonly why: string | null }[];
