import type { Gpu, Python } from './plan.mjs';

export function onPath(command: string, path?: string): string | null;
export function nvidia(): Gpu;
export function pythons(minors: readonly [number, number]): Python[];
export function compiler(): readonly string[] | null;
