import { createHash, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { dirname } from 'node:path';
import type { Server } from 'node:http';
import type { Context, Next } from 'hono';
import { UsageError, ZartsError } from '../../lib/errors.js';
import { explainFileError } from '../../lib/runs/files.js';
import type { RunQueue } from '../../lib/runs/queue.js';
import { wholeNumber } from './options.js';
import { interruptible, INTERRUPTED } from './signals.js';
import { print } from './text.js';

/** The options of the page. */
export interface PageOptions {
  readonly host: string;
  readonly port: string;
  readonly token?: string;
  readonly write?: boolean;
}

const LOOPBACK = ['127.0.0.1', '::1', 'localhost'];
const LEAST_TOKEN = 16;
const COOKIE = 'zarts-token';

/**
 * Serves Bull Board on a queue until it is stopped: on this machine alone unless another address is named, which needs a token;
 * to look at unless --write says otherwise.
 *
 * @returns the exit code.
 */
export async function servePage(queue: RunQueue, options: PageOptions): Promise<number> {
  const { host, write = false } = options;
  const port = wholeNumber('--port', options.port, 0, 65_535);
  const token = options.token === undefined ? undefined : tokenIn(options.token);
  if (!LOOPBACK.includes(host) && token === undefined) {
    throw new UsageError(
      `--host ${host} lets others see the page, so it needs --token FILE, a file with at least ${LEAST_TOKEN} characters that only you may read.`,
    );
  }
  const [{ createBullBoard }, { BullMQAdapter }, { HonoAdapter }, { Hono }, { serve }, { serveStatic }] =
    await Promise.all([
      import('@bull-board/api'),
      import('@bull-board/api/bullMQAdapter'),
      import('@bull-board/hono'),
      import('hono'),
      import('@hono/node-server'),
      import('@hono/node-server/serve-static'),
    ]);
  const board = new HonoAdapter(serveStatic);
  createBullBoard({
    queues: [new BullMQAdapter(queue.bull, { readOnlyMode: !write, allowRetries: write })],
    serverAdapter: board,
    options: {
      uiBasePath: dirname(require.resolve('@bull-board/ui/package.json')),
      uiConfig: { boardTitle: 'zarts' },
    },
  });
  const app = new Hono();
  app.use('*', guard(token));
  app.route('/', board.registerPlugin());
  const server = serve({ fetch: app.fetch, hostname: host, port }) as Server;
  await Promise.race([
    once(server, 'listening'),
    once(server, 'error').then(([error]) => {
      throw new ZartsError(
        `The page cannot be served on ${host}:${port}: ${explainFileError(error)}; choose another --port.`,
      );
    }),
  ]);
  const { port: own } = server.address() as AddressInfo;
  const name = host.includes(':') ? `[${host}]` : host;
  print([
    `http://${name}:${own}/ shows the queue at ${queue.address.shown}${write ? '' : ', to look at only'}; Ctrl-C ends it.`,
    ...(token === undefined ? [] : ['Open it once with ?token= and what the file of --token holds.']),
  ]);
  await interruptible(async (signal) => {
    if (!signal.aborted) await once(signal, 'abort');
  });
  server.closeAllConnections();
  server.close();
  return INTERRUPTED;
}

function tokenIn(file: string): string {
  try {
    if ((statSync(file).mode & 0o077) !== 0 && process.platform !== 'win32')
      throw new UsageError(`${file} may be read by others than you; run: chmod 600 ${file}`);
    const token = readFileSync(file, 'utf8').trim();
    if (token.length >= LEAST_TOKEN) return token;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`The token of the page cannot be read from ${file}: ${explainFileError(error)}.`);
  }
  throw new UsageError(`The token in ${file} is too short; it must have at least ${LEAST_TOKEN} characters.`);
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Keeps the page from asking other servers, as it would for its letters. */
const OWN_ALONE =
  "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:";

/** Lets in who has the token; without one, who asks for this machine by its own name: no page of another site can. */
function guard(token: string | undefined) {
  const right = (given: string | undefined): boolean =>
    token !== undefined && given !== undefined && timingSafeEqual(digest(given), digest(token));
  return async (context: Context, next: Next): Promise<Response | undefined> => {
    context.header('Content-Security-Policy', OWN_ALONE);
    if (token === undefined) {
      const { hostname } = new URL(`http://${context.req.header('host') ?? ''}`);
      if (!LOOPBACK.includes(hostname.replace(/^\[|\]$/g, ''))) return context.text('Not here.', 403);
      await next();
      return undefined;
    }
    const asked = context.req.query('token');
    if (right(asked)) {
      context.header(
        'Set-Cookie',
        `${COOKIE}=${encodeURIComponent(token)}; HttpOnly; SameSite=Strict; Path=/`,
      );
      return context.redirect('/');
    }
    const cookie = new RegExp(`(?:^|; )${COOKIE}=([^;]*)`).exec(context.req.header('cookie') ?? '')?.[1];
    const bearer = /^Bearer (.*)$/.exec(context.req.header('authorization') ?? '')?.[1];
    if (!right(cookie === undefined ? bearer : decodeURIComponent(cookie)))
      return context.text('A token is needed: open this page with ?token=…', 401);
    await next();
    return undefined;
  };
}
