import { expect } from 'chai';
import { decide } from '../../lib/analysis/claims.js';
import { holm } from '../../lib/analysis/comparison.js';
import {
  aboveControl,
  controlsIn,
  controlsTable,
  gatedBy,
  judgeQuestions,
  powerText,
  withoutControls,
} from '../../reproductions/together.js';
import type { Control, TestedQuestion } from '../../reproductions/together.js';

const control = (passed: boolean | undefined): Control => ({ text: 'it moves', found: '0.1', passed });

/** A question whose test gives that probability. */
const question = (id: string, p: number | undefined, more: Partial<TestedQuestion> = {}): TestedQuestion => ({
  id,
  text: `${id} holds.`,
  statistic: 'a difference',
  test: () =>
    p === undefined
      ? undefined
      : { value: 1, interval: [0.5, 1.5], n: 12, p, agrees: id !== 'against', detail: 'Measured.' },
  ...more,
});

describe('questions decided together', () => {
  const decided = (questions: readonly TestedQuestion[], lacking?: string) =>
    decide(judgeQuestions(questions, lacking));
  const verdicts = (...questions: TestedQuestion[]) => decided(questions).map(({ verdict }) => verdict);

  it('are decided at the level after Holm’s correction; secondary ones each for itself', () => {
    expect(verdicts(question('a', 0.02), question('b', 0.04))).to.deep.equal(['supported', 'supported']);
    expect(verdicts(question('a', 0.03), question('b', 0.04))).to.deep.equal(['undecided', 'undecided']);
    expect(verdicts(question('against', 0.01))).to.deep.equal(['not supported']);
    const [first, second] = decided([
      question('a', 0.03),
      question('b', 0.04, { secondary: true }),
      question('c', 0.2),
    ]);
    expect([first.verdict, second.verdict]).to.deep.equal(['undecided', 'supported']);
    expect(first.detail).to.contain(
      `${holm([0.03, 0.2])[0].toPrecision(2)} after Holm’s correction for 2 primary questions`,
    );
    expect(second.detail).to.contain('a secondary question');
  });

  it('correct for all that can be tested, also where some are not yet', () => {
    const [a, b, c] = decided([
      question('a', 0.02),
      question('b', undefined),
      question('c', 0.001, { controls: [control(false)] }),
    ]);
    expect(a.verdict).to.equal('supported');
    expect(a.detail).to.contain('0.040 after Holm’s correction for 2 primary questions');
    expect(decided([question('a', 0.03), question('b', undefined)])[0].verdict).to.equal('undecided');
    expect(b).to.include({ verdict: 'not run', n: 0 });
    expect(c.verdict).to.equal('cannot be seen here');
    expect(c.detail).to.equal('The control failed: it moves (0.1).');
  });

  it('correct for what more runs might let be seen, and say so', () => {
    const wide = aboveControl('it moves', [0, 1, 2], 0.5, 'none');
    const low = aboveControl('it moves', [0, 0.1, 0.2], 0.5, 'none');
    expect([wide, low].map(({ passed, isOpen }) => [passed, isOpen])).to.deep.equal([
      [false, true],
      [false, false],
    ]);
    for (const [own, verdict] of [
      [wide, 'undecided'],
      [low, 'supported'],
    ] as const) {
      const [a, b] = decided([question('a', 0.03), question('b', 0.001, { controls: [own] })]);
      expect([a.verdict, b.verdict]).to.deep.equal([verdict, 'cannot be seen here']);
      expect(b.detail.endsWith('More runs might let it pass.')).to.equal(own === wide);
    }
  });

  it('decide nothing without their control, and name the one that passed', () => {
    const [waiting, seen] = decided([
      question('a', 0.001, { controls: [control(undefined)] }),
      question('b', 0.001, { controls: [control(true)] }),
    ]);
    expect(waiting.verdict).to.equal('not run');
    expect(waiting.detail).to.contain('The control was not run');
    expect(seen).to.deep.include({ verdict: 'supported', controls: ['it moves (0.1)'] });
    // One that failed says more than one that was not run, and what was measured stands all the same.
    for (const controls of [
      [control(undefined), control(false)],
      [control(false), control(undefined)],
    ]) {
      const [failed] = decided([question('a', 0.001, { controls })]);
      expect(failed).to.deep.include({
        verdict: 'cannot be seen here',
        n: 12,
        interval: [0.5, 1.5],
        statistic: { name: 'a difference', value: 1 },
      });
    }
    for (const { verdict, detail } of decided([question('a', 0.001)], 'No images.'))
      expect([verdict, detail]).to.deep.equal(['not run', 'No images.']);
  });

  it('say what so many repeats would find, or that they decide nothing', () => {
    const told = (leastP: number, questions: number) =>
      powerText('seeds', leastP, questions, (of) => `${of} points`);
    expect(told(0.01, 4)).to.equal('So many seeds would find 4 points four times in five.');
    expect(told(0.01, 6)).to.equal('So few seeds decide nothing, whatever they show.');
  });

  it('tell statements of their controls', () => {
    expect(gatedBy([control(true), control(false)]))
      .to.have.property('unseen')
      .that.contains('failed');
    expect(gatedBy([control(true)])).to.deep.equal({ controls: ['it moves (0.1)'] });
    expect(gatedBy([control(undefined)])).to.deep.equal({
      lacking: 'The control was not run: it moves (0.1).',
    });
    expect(gatedBy([control(undefined), control(false)])).to.have.property('unseen');
    expect(gatedBy([])).to.deep.equal({});
  });

  it('stand in a table of their own', () => {
    const table = controlsTable([control(true), control(false), control(undefined)]);
    expect(table.rows.map((row) => row['3'])).to.deep.equal(['✓ seen', '✗ not seen', '? not run']);
    const other = { ...table, title: 'Numbers' };
    expect(controlsIn([other, table])).to.deep.equal([table]);
    expect(withoutControls([other, table])).to.deep.equal([other]);
  });
});
