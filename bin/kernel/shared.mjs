// The numbers that both threads of the kernel see, by their places in one Int32Array.

/** The cell, or what a control calls, that may begin to run: 0 once it has begun, or was interrupted before. */
export const MAY_RUN = 0;

/** 1 while the compiler is at work for something else than a cell: it must not be stopped halfway. */
export const COMPILING = 1;

/** Prints that were posted and not yet read. */
export const UNREAD = 2;

/** 1 once something that shows controls has said that it is there. */
export const LISTENED = 3;

export const createShared = () => new Int32Array(new SharedArrayBuffer(4 * Int32Array.BYTES_PER_ELEMENT));
