import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { ZartsError } from '../../lib/errors.js';
import { writeStandIn } from '../support/stand-in.js';

/** A folder for the tests of one `describe`, removed after them. */
export function temporaryFolder(): () => string {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'zarts-test-'));
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  return () => folder;
}

/** The error with which a promise is rejected. */
export async function rejection(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
  throw new Error('expected a rejection, but the promise was fulfilled');
}

/** What a function throws. */
export function thrown(run: () => unknown): Error {
  try {
    run();
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
  throw new Error('expected an error, but none was thrown');
}

/** A generated set on disk that the loader takes for CIFAR-10, in training files of 25 records. */
export function writeCifarLookalike(home: string, train: number, test: number): Promise<string> {
  return writeStandIn(home, 'cifar10', { train, test, imagesPerFile: 25 });
}

/** Byte [y, x, c] of record i of a CIFAR-10 file, straight from the format's description. */
export function officialByte(file: Buffer, i: number, y: number, x: number, c: number): number {
  return file[i * 3073 + 1 + c * 1024 + y * 32 + x];
}

export function bytesOf(...path: string[]): Buffer {
  return readFileSync(join(...path));
}

/** Ways to damage a folder. */
export type Harm = (folder: string) => void;
/** What is done to a folder, in words and in deed, and what is said of it then. */
export type Damage = readonly [what: string, harm: Harm, says: RegExp];

export const remove =
  (...path: string[]): Harm =>
  (folder) => {
    rmSync(join(folder, ...path), { recursive: true });
  };
export const cut =
  (file: string, bytes: number): Harm =>
  (folder) => {
    truncateSync(join(folder, file), bytes);
  };
export const put =
  (file: string, content: string | Uint8Array): Harm =>
  (folder) => {
    writeFileSync(join(folder, file), content);
  };
export const change =
  (file: string, how: (bytes: Buffer) => void): Harm =>
  (folder) => {
    const bytes = bytesOf(folder, file);
    how(bytes);
    writeFileSync(join(folder, file), bytes);
  };

/** That an error is one sentence for a person, which says that. */
export function expectSentence(error: Error, says: RegExp): void {
  expect(error).to.be.instanceOf(ZartsError);
  expect(error.message).to.match(says);
  expect(error.message.split('\n')).to.have.length(1);
}
