import { expect } from 'chai';
import { checkBits } from './bits-check.js';

/** The smallest step found whose sums of gradients were added up in another order from session to session. */
const SMALLEST = { space: 's2', channels: 16, cells: 3, batch: 16, image: 32 } as const;

describe('bits: the same in every session and process', function () {
  this.timeout(120_000);

  it('of a step whose sums an executor left to itself adds up in whatever order', async () => {
    const { sessions, values } = await checkBits(SMALLEST, {
      extent: 'steps',
      sessions: 1,
      processes: 2,
      threads: [1, 2],
    });
    expect(sessions).to.equal(4);
    for (const [output, different] of Object.entries(values)) expect(different, output).to.equal(1);
  });
});
