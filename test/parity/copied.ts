import { expect } from 'chai';
import { FIXTURES } from '../support/fixtures.js';
import { loadFixtures } from './fixtures.js';
import type { FixtureCase } from './fixtures.js';
import { runCase } from './parity.js';

/** The reference cases that are copied here. */
export const fixtures = loadFixtures(FIXTURES);
export const caseById = (id: string): FixtureCase => fixtures.cases.find((c) => c.id === id)!;
export const groupNumber = ({ group }: FixtureCase): string => group.split(' ')[0];

/** Groups whose cases are networks or parts of them. */
export const NETWORK_GROUPS = ['1', '2', '3', '4', '5', '6', '7', '12'];

/** Cases of the largest space, which take as long as all others together: the long tests run them. */
export const LARGE = ['supernet_s6', 'sgd_s6_clip0_5', 'second_order_s6_fresh'];

/** Runs a case: every array that is expected was compared and is within tolerance, those of networks in both forms. */
export function checkCase(c: FixtureCase): void {
  const { results, skipped } = runCase(c, fixtures);
  expect(skipped).to.deep.equal([]);
  for (const { array, form, error, tolerance, ok, reason } of results) {
    expect(error, `${array}, ${form} ${reason ?? ''}`).to.be.at.most(tolerance);
    expect(ok).to.be.true;
  }
  const expected = Object.keys(c.info).filter((name) => c.info[name].role.startsWith('expected'));
  const tensors = NETWORK_GROUPS.includes(groupNumber(c)) || 'drop_prob' in c.constants;
  const forms = tensors ? ['eager', 'compiled'] : ['plain'];
  for (const form of forms) {
    const compared = results.filter((result) => result.form === form).map(({ array }) => array);
    expect(compared, form).to.include.members(expected);
    expect(compared, form).not.to.be.empty;
  }
}
