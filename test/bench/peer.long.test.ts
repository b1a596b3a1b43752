import { expect } from 'chai';
import { peerInstalled } from '../../bin/cli/bench-peer.js';
import { EngineProcess, PeerProcess } from './processes.js';
import { checkPeer } from './peer-check.js';
import { BENCH_SHAPES } from './shapes.js';
import { FIXTURES } from '../support/fixtures.js';

const why = peerInstalled()
  ? ''
  : ' (skipped: PyTorch is not installed; npx zarts bench --peer torch installs it)';

describe(`bench: the PyTorch peer${why}`, function () {
  this.timeout(300_000);

  before(function () {
    if (why !== '') this.skip();
  });

  it('does the work of the reference cases, in both layouts', async () => {
    const errors = await checkPeer(FIXTURES);
    expect(errors.filter(({ ok }) => !ok)).to.deep.equal([]);
    const seen = new Set(errors.map(({ id, layout }) => `${id} ${layout}`));
    for (const layout of ['nchw', 'channels_last']) {
      for (const id of [
        'supernet_s1',
        'supernet_s2',
        'supernet_s3',
        'supernet_s4',
        'supernet_s6',
        'supernet_nb201',
        'sgd_s6_clip0_5',
        'evalnet_DARTS_V2',
        'evalnet_AmoebaNet',
      ])
        expect(seen).to.include(`${id} ${layout}`);
    }
    const arrays = new Set(errors.map(({ array }) => array));
    expect(arrays).to.include.keys('logits', 'loss', 'g_alpha_normal', 'grad_norms', 'final_momentum_norms');
  });

  for (const shape of [
    BENCH_SHAPES['s2-small'],
    BENCH_SHAPES['nb201-small'],
    { ...BENCH_SHAPES['retrain-small'], batch: 8 },
  ]) {
    it(`takes the steps that the compiled engine takes: ${'space' in shape ? shape.space : shape.genotype}`, async () => {
      const engine = new EngineProcess('The compiled engine');
      const peer = new PeerProcess();
      try {
        await engine.ask('open', { shape, engine: 'compiled' });
        await peer.ask('open', await engine.ask('data'));
        for (let i = 0; i < 3; i++) {
          const ours = await engine.ask('step');
          // An activation within rounding of ReLU's edge falls on one side of it in one of PyTorch's layouts and on the other
          // in the other: their own losses are then as far apart (4e-4 after three steps of DARTS_V2).
          const theirs: number[] = [];
          for (const layout of ['channels_last', 'nchw'] as const) {
            theirs.push((await peer.ask('step', { layout, threads: 1 })).loss);
          }
          const nearest = Math.min(...theirs.map((loss) => Math.abs(loss - ours.loss)));
          expect(nearest / ours.loss, `step ${i}: ${ours.loss} beside ${theirs.join(', ')}`).to.be.below(
            1e-4,
          );
        }
      } finally {
        engine.close();
        peer.close();
      }
    });
  }

  it('says what it cannot do', async () => {
    const peer = new PeerProcess();
    try {
      const network = { nodes: 4, edges: { normal: [['sep_conv_9x9']], reduce: [] }, cells: 3, channels: 4 };
      await peer.ask('open', { network: { ...network, classes: 10, reductions: [1, 2] }, parameters: [] });
      await peer.ask('step', { layout: 'nchw', threads: 1 });
      expect.fail('it should have failed');
    } catch (error) {
      expect((error as Error).message).to.match(/^The PyTorch peer failed at "step": /);
    } finally {
      peer.close();
    }
  });
});
