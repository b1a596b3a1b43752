/** What reading data from a disk needs in several places. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { ZartsError } from '../errors.js';
import { explainFileError } from '../runs/files.js';

/** The sentence for a file or folder that the system does not let us read. */
export function unreadable(path: string, error: unknown, advice = 'make it readable'): ZartsError {
  return new ZartsError(`${path} cannot be read: ${explainFileError(error)}; ${advice}.`);
}

/** The bytes of a file from `start`, as many as asked for or as there are. */
export async function readAt(file: FileHandle, start: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  let have = 0;
  while (have < length) {
    const { bytesRead } = await file.read(bytes, have, length - have, start + have);
    if (bytesRead === 0) break;
    have += bytesRead;
  }
  return bytes.subarray(0, have);
}

/** SHA-256 in hexadecimal. */
export function sha256(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}

/** SHA-256 of a file in hexadecimal, read in pieces. */
export async function digestFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
  return hash.digest('hex');
}
