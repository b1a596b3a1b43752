import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Device } from '../../lib/engine/index.js';
import { ZartsError } from '../../lib/errors.js';
import { projectRoot } from '../../lib/runs/home.js';
import type { WireArray } from './wire.js';
import type { EngineRequests } from './worker.js';

/**
 * Engines run in processes of their own, so that each has its own threads and its own peak of memory, and take turns at the
 * word of this one: a request is a line of JSON on their stdin, the answer a line on their stdout.
 */

/** What a process can be asked: the fields of a request, and the answer, by the request's name. */
type Requests<Asked> = { readonly [Op in keyof Asked]: (fields: never) => unknown };
type Answer<Asked extends Requests<Asked>, Op extends keyof Asked> = Awaited<ReturnType<Asked[Op]>>;

export interface ChildOptions {
  /** What it is called in messages: "The compiled engine". */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

/** A process that answers requests. One request at a time. */
export class Child<Asked extends Requests<Asked>> {
  private readonly process: ChildProcess;
  private readonly name: string;
  /** The last of what it said on stderr. */
  private said = '';
  private ended: string | undefined;
  private waiting:
    { readonly resolve: (line: string) => void; readonly reject: (why: Error) => void } | undefined;

  constructor({ name, command, args, env = process.env }: ChildOptions) {
    this.name = name;
    this.process = spawn(command, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
    this.process.stderr!.on('data', (chunk: Buffer) => {
      this.said = (this.said + chunk.toString()).slice(-4000);
    });
    // Libraries print what they like; an answer is a line that is an object.
    createInterface({ input: this.process.stdout! }).on('line', (line) => {
      if (line.startsWith('{')) this.take()?.resolve(line);
    });
    this.process.on('error', (error) => {
      this.end(`could not be started: ${error.message}`);
    });
    this.process.on('close', (code, signal) => {
      const how =
        signal === 'SIGKILL' ? 'SIGKILL, most often for want of memory' : (signal ?? `exit code ${code}`);
      this.end(`ended (${how})`);
    });
    // A request to a process that has just ended; its end is reported by "close".
    this.process.stdin!.on('error', () => undefined);
  }

  /**
   * Asks for something and waits for the answer.
   *
   * @param op      What to do.
   * @param fields  What is to be known for it.
   * @throws {ZartsError} when the process refuses, ends, or does not answer as agreed.
   */
  async ask<Op extends keyof Asked & string>(
    op: Op,
    ...[fields]: Parameters<Asked[Op]>
  ): Promise<Answer<Asked, Op>> {
    const line = await new Promise<string>((resolve, reject) => {
      this.waiting = { resolve, reject };
      if (this.ended !== undefined) this.fail();
      else this.process.stdin!.write(`${JSON.stringify({ op, ...(fields as object | undefined) })}\n`);
    });
    const { ok, error, ...answer } = JSON.parse(line) as { ok?: boolean; error?: string };
    if (ok === true) return answer as Answer<Asked, Op>;
    const failed =
      ok === undefined ? `answered something else than was asked ("${op}").` : `failed at "${op}": ${error}`;
    throw new ZartsError(`${this.name} ${failed}`);
  }

  /** Does some work with the process and ends it. */
  async during<T>(work: (child: this) => Promise<T>): Promise<T> {
    try {
      return await work(this);
    } finally {
      this.close();
    }
  }

  /** Ends the process. */
  close(): void {
    this.ended ??= 'was ended';
    this.process.kill('SIGKILL');
  }

  private take() {
    const { waiting } = this;
    this.waiting = undefined;
    return waiting;
  }

  private end(how: string): void {
    this.ended ??= how;
    this.fail();
  }

  private fail(): void {
    const last = this.said.trimEnd().split('\n').at(-1) ?? '';
    const said = last === '' ? '' : ` It said: ${last}`;
    this.take()?.reject(new ZartsError(`${this.name} ${this.ended}.${said}`));
  }
}

/** This project's engine, eager or compiled, in a process of its own. */
export class EngineProcess extends Child<EngineRequests> {
  /**
   * @param name  What it is called in messages.
   * @param env   Settings beside those of this process, e.g. the number of threads.
   */
  constructor(name: string, env: Readonly<Record<string, string>> = {}) {
    const args = [path.join(__dirname, 'worker.js')];
    super({ name, command: process.execPath, args, env: { ...process.env, ...env } });
  }
}

/** How the peer lays out its activations; `torch.compile` is its own compiler on the first. */
export type PeerLayout = 'nchw' | 'channels_last' | 'torch.compile';

/** One way in which the peer can run. */
export interface PeerVariant {
  readonly layout: PeerLayout;
  readonly threads: number;
}

/** "torch channels_last, 2 threads". */
export function peerName({ layout, threads }: PeerVariant): string {
  return `torch ${layout}, ${threads} thread${threads === 1 ? '' : 's'}`;
}

/** What test/bench/torch_supernet.py answers. */
interface PeerRequests {
  hello(): { torch: string; python: string };
  /** Network, parameters, weights, alphas, optimizer settings and, unless each step brings one, a batch. */
  open(work: object): object;
  /** With the images and labels of this step and those after it, where they are others. */
  step(variant: PeerVariant & { images?: WireArray; labels?: WireArray }): {
    ms: number;
    loss: number;
    gradientNorm: number;
  };
  /** One pass without an update, with given draws of the noise primitive by the operation's name. */
  gradients(pass: { layout: PeerLayout; noise?: Readonly<Record<string, WireArray>> }): {
    logits: WireArray;
    loss: number;
    alphaGradient: WireArray;
    gradient: WireArray;
  };
  state(of: { layout: PeerLayout }): { weights: WireArray; momentum: WireArray };
  memory(): { peakBytes: number };
}

/** The Python of the peer's own environment, whether or not that has been made. */
export function peerPython(): string {
  return path.join(projectRoot(), '.venv-bench', 'bin', 'python');
}

/** The networks in PyTorch in a process of their own. */
export class PeerProcess extends Child<PeerRequests> {
  constructor(python = peerPython(), device: Device['device'] = 'cpu') {
    super({
      name: 'The PyTorch peer',
      command: python,
      args: [path.join(projectRoot(), 'test', 'bench', 'torch_supernet.py')],
      env: {
        ...process.env,
        PYTHONNOUSERSITE: '1',
        PYTHONDONTWRITEBYTECODE: '1',
        ZARTS_PEER_DEVICE: device === 'gpu' ? 'cuda' : 'cpu',
      },
    });
  }
}
