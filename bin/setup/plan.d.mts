/** A failure that its message explains whole. `exitCode` is 1 for a failure, 2 for a wrong setting. */
export class SetupError extends Error {
  constructor(message: string, exitCode?: number);
  readonly exitCode: number;
}

export type Engine = 'cpu' | 'gpu' | 'stock';
export const ENGINES: readonly Engine[];
export const OLDEST_CUDA_12_DRIVER: number;
export const WHEEL_PYTHON: string;

/** What is seen of an NVIDIA GPU: the driver's version, or null, and whether a device is visible. */
export interface Gpu {
  readonly driver: string | null;
  readonly device: boolean;
}

/** An engine, what it is made of, and why it was chosen. */
export interface Choice {
  readonly engine: Engine;
  readonly package: '@tensorflow/tfjs-node' | '@tensorflow/tfjs-node-gpu';
  readonly tensorflow: string;
  readonly lock: string;
  readonly libraries: string | null;
  readonly python: readonly [number, number];
  readonly override: Engine | null;
  readonly reason: string;
}

export function judgeGpu(gpu: Gpu): { readonly usable: boolean; readonly reason: string };
export function chooseEngine(facts: {
  readonly platform: string;
  readonly arch: string;
  readonly override?: string | undefined;
  readonly remembered?: string | null | undefined;
  readonly gpu: Gpu;
}): Choice;
export function lockedVersion(lockText: string, name: string): string | null;

/** The part of npm's lock files that is compared. */
export interface NpmLock {
  readonly packages: Readonly<
    Record<string, { readonly version?: string; readonly optional?: boolean; readonly link?: boolean }>
  >;
}
export function npmMismatch(lock: NpmLock, installed: NpmLock | null): string | null;

/** A Python that answered; `fits` says whether it is one that will do. */
export interface Python {
  readonly command: string;
  readonly version: string;
  readonly venv: boolean;
  readonly fits: boolean;
}
export const INSTALL: Readonly<
  Record<'npm' | 'python' | 'compiler', Readonly<Record<'debian' | 'fedora' | 'macos', string>>>
>;
export function missingPrerequisites(
  needs: { readonly npm: boolean; readonly python: boolean; readonly compiler: boolean },
  found: {
    readonly npm: boolean;
    readonly pythons: readonly Python[];
    readonly compiler: boolean;
  },
  minors: readonly [number, number],
): string[];
export function isNetworkFailure(output: string): boolean;
export function describePlan(
  choice: Choice,
  steps: readonly { readonly title: string; readonly done: boolean; readonly why: string }[],
): string;
export function unfitPath(root: string): string | null;
