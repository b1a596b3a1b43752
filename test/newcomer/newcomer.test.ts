import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect } from 'chai';
import { behavesAsSolver, goesDown } from '../solvers/contract.js';
import { BETTER_HALF } from './better-half.js';

describe('a newcomer’s solver and space', () => {
  let lines: string[];
  let found: Record<string, unknown>;
  before(function () {
    this.timeout(60_000);
    const script = join(__dirname, 'patched.js');
    lines = execFileSync(process.execPath, [script], { encoding: 'utf8' }).trimEnd().split('\n');
    found = JSON.parse(lines.at(-1)!) as Record<string, unknown>;
  });

  it('are in protocols, with their own settings', () => {
    expect(found.solver).to.deep.equal({ kind: 'better-half', stride: 0.3, keep: 1 });
    expect(found.released).to.deep.include({ keep: 0.5 });
    expect(found.space).to.equal('tiny');
    expect(found.sigma).to.equal(0.4);
  });

  it('are in the help and in the sentence for a mistyped name', () => {
    const help = lines.slice(0, -1).join(' ').replace(/\s+/g, ' ');
    expect(help).to.match(/solver: .*better-half/);
    expect(help).to.match(/search space: .*tiny/);
    expect(found.unknown).to.match(/Did you mean "better-half"/);
    expect(found.outOfRange).to.equal('solver.stride is 0; it must be a number greater than 0.');
  });

  it('have their deviations and sources', () => {
    expect(found.deviations).to.deep.equal([
      'The better half of two steps is made up.',
      'solver.stride is 0.5; our default is 0.3.',
    ]);
    expect(found.open).to.include('solver.stride: ours');
    expect(found.open).to.not.include('solver.keep: paper');
  });

  it('run on a toy function', () => {
    expect(found.toy).to.be.below(0.1);
  });

  describe('which passes the tests of every solver', () => {
    behavesAsSolver(BETTER_HALF.create());
    goesDown(BETTER_HALF.create());
  });
});
