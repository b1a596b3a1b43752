import { expect } from 'chai';
import { UsageError } from '../../lib/errors.js';
import { menu, slider } from '../../lib/report/controls.js';

describe('controls', () => {
  it('begin at one of their values', () => {
    expect(slider('N', [2, 4], 4).value).to.equal(4);
    expect(() => menu<string>('density', ['flat', 'literal'], 'flt')).to.throw(
      UsageError,
      'density cannot begin at flt; it is one of flat, literal.',
    );
  });
});
