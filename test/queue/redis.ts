import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** Why tests with a real Redis are left out; undefined where there is one. */
export const NO_REDIS =
  spawnSync('redis-server', ['--version']).status === 0
    ? undefined
    : 'redis-server is not installed (Debian: apt-get install redis-server)';

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

/** A Redis of a test's own, on loopback, without anything kept on disk unless its arguments say so. */
export class TestRedis {
  private constructor(
    readonly port: number,
    private readonly folder: string,
    private args: readonly string[],
    private child: ChildProcess,
  ) {}

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  static async start(...args: readonly string[]): Promise<TestRedis> {
    const [port, folder] = [await freePort(), mkdtempSync(join(tmpdir(), 'zarts-redis-'))];
    return new TestRedis(port, folder, args, await launched(port, folder, args));
  }

  /** Stops it as a power failure does, and starts it again; with other arguments if they are given. */
  async restart(...args: readonly string[]): Promise<void> {
    await this.kill();
    if (args.length > 0) this.args = args;
    this.child = await launched(this.port, this.folder, this.args);
  }

  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await gone;
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function launched(port: number, folder: string, args: readonly string[]): Promise<ChildProcess> {
  const common = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', ''];
  const child = spawn('redis-server', [...common, ...args], { stdio: 'ignore' });
  for (let tries = 0; tries < 200; tries++) {
    const socket = createConnection(port, '127.0.0.1');
    const open = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (open) return child;
    if (child.exitCode !== null) break;
    await delay(50);
  }
  child.kill('SIGKILL');
  throw new Error(`redis-server did not start on port ${port}`);
}
