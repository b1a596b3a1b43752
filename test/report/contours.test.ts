import { expect } from 'chai';
import { contourLines, niceStep } from '../../lib/report/contours.js';
import { axisTicks } from '../../lib/analysis/landscape.js';
import type { LossGrid } from '../../lib/analysis/landscape.js';

function gridOf(f: (x: number, y: number) => number, points = 41): LossGrid {
  const xs = axisTicks(points, 1);
  return { xs, ys: xs, losses: xs.map((y) => xs.map((x) => f(x, y))) };
}

describe('report/contours', () => {
  it('rounds steps up to 1, 2 or 5 times a power of ten', () => {
    expect(niceStep(1, 10)).to.be.closeTo(0.1, 1e-12);
    expect(niceStep(1.3, 10)).to.be.closeTo(0.2, 1e-12);
    expect(niceStep(0.0042, 10)).to.be.closeTo(0.0005, 1e-12);
    expect(niceStep(77, 10)).to.be.closeTo(10, 1e-9);
  });

  it('draws a circle as one closed line that lies on it', () => {
    const [line, ...others] = contourLines(
      gridOf((x, y) => (x - 0.2) ** 2 + (y + 0.1) ** 2),
      0.25,
    );
    expect(others).to.be.empty;
    expect(line[0]).to.deep.equal(line[line.length - 1]);
    expect(line.length).to.be.greaterThan(40);
    for (const [x, y] of line) expect(Math.hypot(x - 0.2, y + 0.1)).to.be.closeTo(0.5, 0.002);
  });

  it('has x along columns and y along rows', () => {
    // x = 0.3 is upright, y = 0.3 lies.
    const [upright] = contourLines(
      gridOf((x) => x),
      0.33,
    );
    for (const [x] of upright) expect(x).to.be.closeTo(0.33, 1e-12);
    expect(upright.map(([, y]) => y).sort((a, b) => a - b)[0]).to.equal(-1);
    const [lying] = contourLines(
      gridOf((_, y) => y),
      0.33,
    );
    for (const [, y] of lying) expect(y).to.be.closeTo(0.33, 1e-12);
  });

  it('leaves lines open that leave the grid, and makes one line of each', () => {
    const lines = contourLines(
      gridOf((x, y) => x * y + 0.01 * x),
      0.2,
    );
    // Two branches of a hyperbola, in opposite corners.
    expect(lines).to.have.length(2);
    for (const line of lines) {
      for (const end of [line[0], line[line.length - 1]]) {
        expect(Math.max(...end.map(Math.abs))).to.be.closeTo(1, 1e-12);
      }
      for (const [x, y] of line) expect(x * y + 0.01 * x).to.be.closeTo(0.2, 0.001);
    }
  });

  it('cuts a saddle as its middle says', () => {
    const saddle = (middle: number): LossGrid => ({
      xs: [0, 1],
      ys: [0, 1],
      losses: [
        [1, 0],
        [0, middle],
      ],
    });
    // Middle 0.5 and 0.25 + 0.2/4: at 0.4 the first joins the high corners, the second parts them.
    const joinedHigh = contourLines(saddle(1), 0.4);
    expect(joinedHigh).to.have.length(2);
    for (const line of joinedHigh) {
      const cutsOff = line.every(([x, y]) => x - y > 0) || line.every(([x, y]) => y - x > 0);
      expect(cutsOff, 'each line cuts off a low corner').to.be.true;
    }
    const parted = contourLines(saddle(0.5), 0.4);
    for (const line of parted) {
      const cutsOff = line.every(([x, y]) => x + y < 1) || line.every(([x, y]) => x + y > 1);
      expect(cutsOff, 'each line cuts off a high corner').to.be.true;
    }
  });

  it('finds nothing where no loss is on the other side', () => {
    expect(
      contourLines(
        gridOf(() => 1),
        2,
      ),
    ).to.be.empty;
  });
});
