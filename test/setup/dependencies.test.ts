import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './tools.js';

interface Entry {
  readonly name?: string;
  readonly version: string;
}

describe('dependencies', () => {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, Entry>>;
  };

  it('stand in CONTRIBUTING.md as in the lock file', async () => {
    const script = pathToFileURL(join(root, 'test', 'dependencies.mjs')).href;
    const { withTable } = (await import(script)) as {
      withTable: (page: string, from: typeof lock) => string;
    };
    const page = readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8');
    expect(withTable(page, lock), 'run: node test/dependencies.mjs').to.equal(page);
    const changed = { packages: { ...lock.packages, 'node_modules/zod': { version: '0.0.1' } } };
    expect(withTable(page, changed)).to.contain('| zod | 0.0.1 |');
  });

  it('bring no server: what nodeplotlib asks for beside its types is empty', () => {
    const installed = Object.entries(lock.packages).map(
      ([path, { name }]) => name ?? path.split('node_modules/').at(-1)!,
    );
    const servers = installed.filter((name) =>
      /^(@nestjs\/|express$|socket\.io|ws$|axios$|rxjs$|request$)/.test(name),
    );
    expect(servers).to.deep.equal([]);
  });
});
