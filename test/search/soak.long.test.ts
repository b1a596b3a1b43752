import { expect } from 'chai';
import { tf } from '../../lib/engine/index.js';
import { search } from '../../lib/search/search.js';
import { smallest, smallestData } from './matrix-cases.js';

const MEGABYTE = 2 ** 20;

describe('search: a long one', function () {
  this.timeout(600_000);

  for (const solver of ['mgs', 'darts-2nd']) {
    it(`${solver} holds no more memory after 1,000 steps than after 200`, async () => {
      const protocol = { ...smallest('s2', solver, 'flat'), epochs: 500 };
      const dataset = await smallestData();
      const tensors = tf.memory().numTensors;
      let early = 0;
      let epochs = 0;
      const { steps } = await search(protocol, {
        dataset,
        onEpoch: () => {
          if (++epochs === 100) early = process.memoryUsage.rss();
        },
      });
      expect(steps).to.equal(1000);
      expect((process.memoryUsage.rss() - early) / MEGABYTE, 'megabytes more').to.be.below(64);
      expect(tf.memory().numTensors).to.equal(tensors);
    });
  }
});
