// Compiles C++ into an addon for Node with nothing but the compiler: neither make nor this Node's headers are needed, and
// the folder may have any path.

import { mkdirSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { compiler } from './machine.mjs';
import { run } from './process.mjs';
import { ROOT } from './project.mjs';

/** Node-API alone, the same for every Node. */
const HEADERS = join(ROOT, 'node_modules', 'node-api-headers', 'include');

const MAC = process.platform === 'darwin';

const flagsOf = (variable) => process.env[variable]?.split(' ').filter(Boolean) ?? [];

/**
 * Builds an addon.
 *
 * @param {string} doing   What it does, for the message of a failure.
 * @param {string} addon   The file to make; its folder is made as well.
 * @param {{source: string, flags?: string[]}[]} parts  What it is compiled from, and the compiler's flags for each.
 * @param {{folder?: string, names?: string[]}} libraries  Shared libraries that it needs: the addon looks for them in their
 *   folder relative to its own, so that both may be moved together.
 * @throws {SetupError} with the compiler's last lines.
 */
export async function compileAddon(doing, addon, parts, { folder = '', names = [] } = {}) {
  mkdirSync(dirname(addon), { recursive: true });
  const objects = parts.map((_, i) => `${addon}.${i}.o`);
  const common = ['-std=gnu++17', '-O3', '-fPIC', '-pthread', '-fno-exceptions', '-fvisibility=hidden'];
  const api = ['-isystem', HEADERS, '-DNAPI_VERSION=8'];
  const todo = parts.entries();
  const compile = async () => {
    for (const [i, { source, flags = [] }] of todo) {
      const all = [...common, ...api, ...flags, ...flagsOf('CXXFLAGS')];
      await run(doing, [...compiler(), ...all, '-c', source, '-o', objects[i]]);
    }
  };
  const compilers = Array.from({ length: availableParallelism() }, compile);
  const failed = (await Promise.allSettled(compilers)).find(({ status }) => status === 'rejected');
  if (failed) throw failed.reason;

  const place = `${MAC ? '@loader_path' : '$ORIGIN'}/${relative(dirname(addon), folder)}`;
  const search = names.length > 0 ? ['-Xlinker', '-rpath', '-Xlinker', place] : [];
  const kind = MAC ? ['-bundle', '-undefined', 'dynamic_lookup'] : ['-shared', '-pthread'];
  const libraries = names.map((name) => join(folder, name));
  await run(doing, [
    ...compiler(),
    ...kind,
    ...objects,
    ...libraries,
    ...search,
    ...flagsOf('LDFLAGS'),
    '-o',
    addon,
  ]);
  for (const object of objects) rmSync(object);
}
