import path from 'node:path';

/** The folder of copied reference cases, wherever the tests are run from. */
export const FIXTURES = path.resolve(__dirname, '../../../test/fixtures');
