import { expect } from 'chai';
import { spawn } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { join } from 'node:path';
import { jupyterEnvironment } from '../../bin/cli/jupyter.js';
import { labCommand } from '../../bin/cli/lab.js';
import { UsageError } from '../../lib/errors.js';
import { root } from './tools.js';

describe('zarts lab', () => {
  it('listens on this machine only, and hands on what it is given', () => {
    const command = labCommand(['--no-browser', '--port=9999'], false);
    expect(command).to.include('--ip=127.0.0.1').and.not.include('--allow-root');
    expect(command.slice(-2)).to.deep.equal(['--no-browser', '--port=9999']);
    expect(labCommand([], true)).to.include('--allow-root');
  });

  it('refuses what would open it to other machines or drop the token, and says how to reach it instead', () => {
    const opening = [
      '--ip=0.0.0.0',
      '--ServerApp.ip=*',
      '--IdentityProvider.token=',
      '--ServerApp.token=',
      '--NotebookApp.password=',
      '--ServerApp.allow_remote_access=True',
      '--ServerApp.disable_check_xsrf=True',
    ];
    for (const arg of opening) {
      expect(() => labCommand([arg], false), arg).to.throw(UsageError, 'ssh -L 8888:127.0.0.1:8888 HOST');
    }
  });

  it('keeps what opens the server from other users of the machine', () => {
    const { JUPYTER_RUNTIME_DIR: folder = '' } = jupyterEnvironment();
    expect(statSync(folder).mode & 0o777).to.equal(0o700);
  });

  it('serves the TypeScript kernel alone, to those with the token; Ctrl-C ends it with 130', async function () {
    this.timeout(90_000);
    const script = `require(${JSON.stringify(join(root, 'dist', 'bin', 'cli', 'lab.js'))})
      .lab(['--no-browser', '--port=0']).then((code) => { process.exitCode = code; });`;
    const child = spawn(process.execPath, ['-e', script], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    const ended = new Promise<number | null>((done) => child.once('close', done));
    try {
      const url = await new Promise<URL>((found, missing) => {
        for (const stream of [child.stdout, child.stderr]) {
          createInterface({ input: stream }).on('line', (line) => {
            const match = /http:\/\/127\.0\.0\.1:\d+\/\S*token=\w+/.exec(line);
            if (match) found(new URL(match[0]));
          });
        }
        void ended.then((code) => {
          missing(new Error(`it ended with ${code}`));
        });
      });
      expect(url.pathname).to.equal('/lab/tree/notebooks/00-start.ipynb');
      const token = url.searchParams.get('token');
      const style = await firstAnswer(`${url.origin}/custom/custom.css?token=${token}`);
      expect(await style.text()).to.equal(readFileSync(join(root, 'bin', 'cli', 'lab.css'), 'utf8'));
      const specs = `${url.origin}/api/kernelspecs`;
      expect((await fetch(specs)).status).to.equal(403);
      const answer = (await (await fetch(`${specs}?token=${token}`)).json()) as {
        default: string;
        kernelspecs: object;
      };
      expect(answer.default).to.equal('tslab');
      expect(Object.keys(answer.kernelspecs)).to.deep.equal(['tslab']);
      child.kill('SIGINT');
      expect(await ended).to.equal(130);
      const refused = await fetch(specs).then(
        () => false,
        () => true,
      );
      expect(refused, 'the server is gone').to.equal(true);
    } finally {
      child.kill('SIGTERM');
    }
  });
});

/** What a server answers that may print its address a moment before it listens there. */
async function firstAnswer(url: string, tries = 20): Promise<Response> {
  try {
    return await fetch(url);
  } catch (error) {
    if (tries === 1) throw error;
    await setTimeout(500);
    return firstAnswer(url, tries - 1);
  }
}
