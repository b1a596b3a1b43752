import { expect } from 'chai';
import { adamStart, adamStep } from '../../lib/search/adam.js';
import type { AdamState } from '../../lib/search/adam.js';
import type { Vec } from '../../lib/math/vec.js';

const SETTINGS = { lr: 3e-4, beta1: 0.5, beta2: 0.999, weightDecay: 1e-3 };

/** Alpha after each of the steps. */
function walk(start: Vec, gradients: readonly Vec[], settings = SETTINGS): Vec[] {
  let [alpha, state]: [Vec, AdamState] = [start, adamStart(start.length)];
  return gradients.map((gradient) => {
    ({ alpha, state } = adamStep(state, alpha, gradient, settings));
    return alpha;
  });
}

describe('search/adam', () => {
  it('is PyTorch’s, decay included', () => {
    // torch.optim.Adam([α], lr=3e-4, betas=(0.5, 0.999), weight_decay=1e-3) in float64, PyTorch 2.
    const found = walk(Float64Array.of(0.3, -1, 0), [
      Float64Array.of(0.1, -0.2, 1e-9),
      Float64Array.of(-0.05, 0.4, 0),
      Float64Array.of(0.2, 0.1, -3),
    ]);
    const expected = [
      [0.29970000002991026, -0.9997000000149254, -2.727272727272727e-5],
      [0.2996988635691, -0.999888948059987, 0.0001554606544276062],
      [0.2994394531669771, -1.0000500399238141, 0.0004522352005027027],
    ];
    found.forEach((alpha, i) => {
      alpha.forEach((value, j) => expect(value).to.be.closeTo(expected[i][j], 1e-12));
    });
  });

  it('steps by lr, whatever the length of a gradient that stays the same', () => {
    for (const length of [1e-3, 1, 1e3]) {
      const gradients = Array.from({ length: 5 }, () => Float64Array.of(length, -length));
      const found = walk(Float64Array.of(0, 0), gradients, { ...SETTINGS, weightDecay: 0 });
      found.forEach((alpha, i) => {
        // Up to the 1e-8 that keeps it finite.
        const relative = 2e-8 / length + 1e-12;
        expect(-alpha[0] / ((i + 1) * SETTINGS.lr)).to.be.closeTo(1, relative);
        expect(alpha[1]).to.equal(-alpha[0]);
      });
    }
  });

  it('stays where there is neither gradient nor decay, and changes none of its arguments', () => {
    const [alpha, gradient, state] = [Float64Array.of(0.5), Float64Array.of(0), adamStart(1)];
    const next = adamStep(state, alpha, gradient, { ...SETTINGS, weightDecay: 0 });
    expect(next.alpha).to.deep.equal(alpha);
    adamStep(next.state, alpha, Float64Array.of(1), SETTINGS);
    expect(state).to.deep.equal(adamStart(1));
    expect(next.state).to.deep.equal({ ...adamStart(1), steps: 1 });
    expect(alpha).to.deep.equal(Float64Array.of(0.5));
  });
});
