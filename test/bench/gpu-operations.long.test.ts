import { expect } from 'chai';
import { gpuOperations } from '../../bin/cli/gpu-first-run.js';
import { EngineProcess } from './processes.js';

describe('operations for a GPU', function () {
  this.timeout(300_000);

  it('are on record as they are recorded without the fused kernels', async () => {
    const engine = new EngineProcess('The engine', { ZARTS_NATIVE: 'off' });
    const { operations } = await engine.during((each) => each.ask('operations'));
    expect(operations).to.deep.equal(gpuOperations());
  });
});
