const cleanings: (() => void)[] = [];

process.on('zarts:stopped' as 'exit', () => {
  for (const clean of cleanings) clean();
});

/**
 * Calls a function whenever a notebook's kernel has stopped JavaScript where it stood, because an interrupted cell did not
 * end by itself: no `finally` has run there, and what was waited for may never be settled.
 */
export function whenStopped(clean: () => void): void {
  cleanings.push(clean);
}
