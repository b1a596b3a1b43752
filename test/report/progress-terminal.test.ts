import { expect } from 'chai';
import { describeSeconds, terminalProgress } from '../../lib/report/progress-terminal.js';

/** A clock that stands still until it is moved, and a stream that keeps what is written to it. */
function stage(isTTY: boolean, columns = 100) {
  let time = 1_000_000;
  const written: string[] = [];
  const stream = {
    isTTY,
    columns,
    write: (text: string | Uint8Array) => written.push(String(text)) > 0,
    // What Node's cursor functions ask of a stream.
    on: () => stream,
    emit: () => true,
  };
  return {
    progress: terminalProgress({ stream, now: () => time }),
    written,
    wait: (ms: number) => {
      time += ms;
    },
  };
}

describe('progress without a terminal', () => {
  it('says at once that the work has begun, then one line every ten seconds at most', () => {
    const { progress, written, wait } = stage(false);
    const phase = progress.start('search', 100);
    expect(written).to.deep.equal(['search 0/100\n']);
    for (let step = 1; step <= 50; step++) {
      wait(500);
      phase.update(step);
    }
    phase.end();
    expect(written).to.have.length(3);
  });

  it('names phase, step, rate, time left and note', () => {
    const { progress, written, wait } = stage(false);
    const phase = progress.start('search', 100);
    for (let step = 1; step <= 20; step++) {
      wait(500);
      phase.update(step, `loss ${step}`);
    }
    expect(written[1]).to.equal('search 20/100, 2.0/s, 40 s left, loss 20\n');
  });

  it('does not count what an earlier process did into the rate', () => {
    const { progress, written, wait } = stage(false);
    const phase = progress.start('search', 100, 60);
    for (let step = 61; step <= 65; step++) {
      wait(2000);
      phase.update(step);
    }
    expect(written[1]).to.equal('search 65/100, 2.0 s each, 1 min 10 s left\n');
  });

  it('forgets the first step, which compiles, as soon as there are others', () => {
    const { progress, written, wait } = stage(false);
    const phase = progress.start('search', 22);
    phase.update(0, 'compiling');
    wait(9000);
    phase.update(1, '');
    wait(1000);
    phase.update(2);
    expect(written[1]).to.equal('search 2/22, 1.0/s, 20 s left\n');
  });

  it('reckons without what comes once, whenever it comes', () => {
    const { progress, written, wait } = stage(false);
    const phase = progress.start('fig-4', 40);
    for (let step = 1; step <= 8; step++) {
      if (step === 4) {
        phase.aside?.('begins');
        wait(60_000);
        phase.update(3, 'compiling');
        phase.aside?.('over');
      }
      wait(1000);
      phase.update(step, '');
    }
    wait(10_000);
    phase.update(9);
    expect(written[1]).to.equal('fig-4 3/40, 1.0/s, 37 s left, compiling\n');
    expect(written.at(-1)).to.match(/^fig-4 9\/40, /);
  });

  it('tells no time left before a twentieth of the work has told how fast it goes', () => {
    const { progress, written, wait } = stage(false);
    const phase = progress.start('search', 1000, 500);
    for (let step = 510; step <= 530; step += 10) {
      wait(10_000);
      phase.update(step);
    }
    const shares = written.slice(1).map((line) => line.includes('left'));
    expect(shares).to.deep.equal([false, false, true]);
  });

  it('tells about the same time left all along where dear and cheap runs alternate', () => {
    const { progress, written, wait } = stage(false);
    const [each, steps] = [300, 60];
    // 20 runs of five minutes each, of which every second one goes on ten times as fast as the others.
    const phase = progress.start('fig-3', 20 * steps * 5.5);
    let done = 0;
    for (let run = 0; run < 20; run++) {
      for (let step = 0; step < steps; step++) {
        wait((1000 * each) / steps);
        done += run % 2 === 0 ? 1 : 10;
        phase.update(done);
      }
    }
    const seconds: Readonly<Record<string, number>> = { h: 3600, min: 60, s: 1 };
    for (const [i, line] of written.entries()) {
      const passed = (10 * i) / 60;
      if (passed < 20 || passed > 90) continue;
      const [, left] = /, ([^,]*) left/.exec(line)!;
      const told = [...left.matchAll(/(\d+) (h|min|s)/g)].map(
        ([, count, unit]) => Number(count) * seconds[unit],
      );
      const sum = told.reduce((before, one) => before + one, 0);
      expect(sum / 60 / (100 - passed), line).to.be.within(1 / 1.6, 1.6);
    }
  });

  it('says no rate and no time left of the first step alone', () => {
    const { progress, written, wait } = stage(false);
    const phase = progress.start('search', 100);
    wait(60_000);
    phase.update(1, 'loss 3');
    expect(written[1]).to.equal('search 1/100, loss 3\n');
  });

  it('names the outer phases before the inner one', () => {
    const { progress, written, wait } = stage(false);
    const outer = progress.start('fig-4', 12);
    outer.update(2);
    const inner = progress.start('search', 10);
    wait(4000);
    inner.update(2);
    wait(6000);
    inner.update(5);
    expect(written[1]).to.equal('fig-4 2/12 · search 5/10, 2.0 s each, 10 s left\n');
    inner.end();
    wait(10_000);
    outer.update(3);
    expect(written[2]).to.match(/^fig-4 3\/12, /);
  });

  it('counts up where the total is not known', () => {
    const { progress, written, wait } = stage(false);
    const phase = progress.start('cases', 0);
    wait(5000);
    phase.update(10);
    wait(5000);
    phase.update(20);
    expect(written).to.deep.equal(['cases 0\n', 'cases 20, 2.0/s\n']);
  });
});

describe('progress on a terminal', () => {
  /** The text between two control sequences. */
  // eslint-disable-next-line no-control-regex
  const texts = (written: readonly string[]) => written.join('').split(/\u001b\[[0-9;?]*[A-Za-z]|\n/);

  it('draws a bar for each open phase, the outer one first, and erases them', () => {
    const { progress, written, wait } = stage(true);
    const outer = progress.start('fig-4', 4);
    const inner = progress.start('search', 10);
    outer.update(2);
    wait(600);
    inner.update(2);
    wait(600);
    inner.update(5, 'loss 1.5');
    const drawn = texts(written).filter((text) => text.includes('░'));
    expect(drawn.at(-2)).to.match(/^fig-4 {4}█{10}░{10} 2\/4( |$)/);
    expect(drawn.at(-1)).to.match(/^ {2}search █{10}░{10} 5\/10 {2}5\.0\/s {2}1 s left {2}loss 1\.5$/);
    inner.end();
    outer.end();
    // "Erase from here to the end of the screen" is the last that is written.
    expect(written.at(-1)).to.equal('\u001b[0J');
  });

  it('never fills more than the terminal is wide', () => {
    const { progress, written, wait } = stage(true, 60);
    const phase = progress.start('a search with a very long name that goes on and on', 10);
    wait(1000);
    phase.update(5, 'a note that is long as well');
    phase.end();
    const longest = Math.max(...texts(written).map(({ length }) => length));
    expect(longest).to.equal(59);
  });

  it('starts anew after all phases have ended', () => {
    const { progress, written } = stage(true);
    progress.start('first', 2).end();
    const before = written.length;
    progress.start('second', 2).end();
    expect(texts(written.slice(before)).join(''))
      .to.include('second')
      .and.not.to.include('first');
  });
});

it('quiet progress writes nothing', () => {
  const written: string[] = [];
  const progress = terminalProgress({
    quiet: true,
    stream: { write: (text) => written.push(String(text)) > 0 },
  });
  const phase = progress.start('search', 3);
  phase.update(1);
  phase.end();
  expect(written).to.deep.equal([]);
});

describe('describeSeconds', () => {
  for (const [seconds, text] of [
    [-3, '0 s'],
    [0.4, '0 s'],
    [59.4, '59 s'],
    [59.6, '1 min'],
    [200, '3 min 20 s'],
    [3599.7, '1 h'],
    [7500, '2 h 5 min'],
    [100 * 3600, '4 d 4 h'],
  ] as const) {
    it(`${seconds} is "${text}"`, () => {
      expect(describeSeconds(seconds)).to.equal(text);
    });
  }
});
