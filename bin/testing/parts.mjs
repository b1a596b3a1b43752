// What `npm run test:all` runs, in parts of at most an hour: PART=2 runs the second alone.

/**
 * The parts in order. The first is `npm test` with nothing taken from a cache, and with the long tests of its
 * files (longIt); the others are the files of long tests (`*.long.test.ts`) of some folders, the last of all folders that no part names.
 */
export const PARTS = [
  { title: 'types, ESLint, Prettier, every test that npm test runs, and the long ones in the same files' },
  {
    title: 'every solver × space × preset; kills at random moments; memory over 1,000 steps; PyTorch',
    folders: ['search', 'runs', 'cli', 'bench'],
  },
  { title: 'every notebook through Jupyter; every other long test', folders: null },
];

const folderOf = (file) => file.split('/')[1];

/** Whether `npm test` leaves a test file out. */
export const isLong = (file) => file.endsWith('.long.test.ts');

/** The test files of a part, from 1. */
export function filesOf(part, files) {
  const { folders } = PARTS[part - 1];
  if (folders === undefined) return files.filter((file) => !isLong(file));
  const named = PARTS.flatMap((each) => each.folders ?? []);
  return files
    .filter(isLong)
    .filter((file) =>
      folders === null ? !named.includes(folderOf(file)) : folders.includes(folderOf(file)),
    );
}
