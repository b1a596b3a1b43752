import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { ZartsError } from '../../lib/errors.js';
import type { HostArray } from '../../lib/engine/index.js';

/**
 * Engines run in processes of their own, so that each has its own threads and its own peak of memory, and take turns at the
 * word of this one: a request is a line of JSON on their stdin, the answer a line on their stdout.
 */

/** An array in a message: little-endian values in base64. */
export const wireArray = z.object({
  shape: z.array(z.number().int().nonnegative()),
  dtype: z.enum(['float32', 'int32']),
  data: z.string(),
});

export type WireArray = z.infer<typeof wireArray>;

export function toWire({ shape, data }: HostArray): WireArray {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return {
    shape: [...shape],
    dtype: data instanceof Int32Array ? 'int32' : 'float32',
    data: bytes.toString('base64'),
  };
}

export function fromWire({ shape, dtype, data }: WireArray): HostArray {
  const bytes = Uint8Array.from(Buffer.from(data, 'base64'));
  return {
    shape,
    data: dtype === 'int32' ? new Int32Array(bytes.buffer) : new Float32Array(bytes.buffer),
  };
}

/** An answer: what was asked for, or why there is none. */
const answer = z.union([
  z.looseObject({ ok: z.literal(true) }),
  z.object({ ok: z.literal(false), error: z.string() }),
]);

export interface ChildOptions {
  /** What it is called in messages: "the compiled engine". */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

/** A process that answers requests. One request at a time. */
export class Child {
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
   * @param answers What the answer must look like.
   * @param fields  What is to be known for it.
   * @throws {ZartsError} when the process refuses, ends, or answers something else.
   */
  async request<T>(
    op: string,
    answers: z.ZodType<T>,
    fields: Readonly<Record<string, unknown>> = {},
  ): Promise<T> {
    const line = await new Promise<string>((resolve, reject) => {
      this.waiting = { resolve, reject };
      if (this.ended !== undefined) this.fail();
      else this.process.stdin!.write(`${JSON.stringify({ op, ...fields })}\n`);
    });
    const parsed = answer.safeParse(JSON.parse(line));
    if (!parsed.success)
      throw new ZartsError(`${this.name} answered something else than was asked ("${op}").`);
    if (!parsed.data.ok) throw new ZartsError(`${this.name} failed at "${op}": ${parsed.data.error}`);
    const content = answers.safeParse(parsed.data);
    if (content.success) return content.data;
    const [issue] = content.error.issues;
    throw new ZartsError(
      `${this.name} answered "${op}" without a right ${issue.path.join('.')}: ${issue.message}.`,
    );
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
    this.take()?.reject(
      new ZartsError(`${this.name} ${this.ended}.${last === '' ? '' : ` It said: ${last}`}`),
    );
  }
}
