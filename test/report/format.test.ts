import { expect } from 'chai';
import { decimalsFor, fixed, plusMinus, plusMinusDigits } from '../../lib/report/format.js';

describe('report/format', () => {
  it('prints real minus signs, and none before a rounded zero', () => {
    expect(fixed(-1.25, 1)).to.equal('−1.3');
    expect(fixed(-0.001, 2)).to.equal('0.00');
    expect(plusMinus({ mean: -0.5, std: null }, 2)).to.equal('−0.50');
  });

  it('takes as many decimals as a number’s size asks for', () => {
    expect([123.456, 1.5, 0.0123, -0.00098, 0, 1e-12].map((value) => decimalsFor(value, 3))).to.deep.equal([
      0, 2, 4, 6, 2, 8,
    ]);
    expect(plusMinusDigits({ mean: 0.000123456, std: 0.00002 }, 3)).to.equal('0.000123 ± 0.000020');
    expect(plusMinusDigits(null, 3)).to.equal('–');
  });
});
