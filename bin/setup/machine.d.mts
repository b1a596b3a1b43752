import type { Gpu, Python } from './plan.mjs';

export function onPath(command: string, path?: string): string | null;
export function nvidia(): Gpu;
export function pythons(): Python[];
export function buildTools(): { readonly compiler: string | null; readonly make: string | null };
