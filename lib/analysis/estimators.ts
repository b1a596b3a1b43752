/** What is kept of many random vectors that estimate one known vector: mean, spread, direction. */
import { ZartsError } from '../errors.js';
import { dot, norm } from '../math/vec.js';
import type { Vec } from '../math/vec.js';

/** How estimates compare with the truth t; lengths in units of ‖t‖, variances in units of ‖t‖². Plain JSON. */
export interface Comparison {
  /** Estimates taken. */
  readonly count: number;
  /** Mean of x·t/‖t‖²: 1 for estimates that have the truth's length along it. */
  readonly gain: number;
  /** ‖E x − t‖²/‖t‖², estimated without bias: where there is no bias it lies around 0, and at times below. */
  readonly biasSquared: number;
  /** tr Cov(x)/‖t‖². */
  readonly variance: number;
  /** Mean of ‖x − t‖²/‖t‖². */
  readonly meanSquaredError: number;
  /** Mean cosine of the angle between one estimate and t. */
  readonly cosine: number;
  /** ‖E x‖² off the axis of t, as a share of ‖E x‖² along it (the squared tangent of their angle), estimated without bias. */
  readonly tangentSquared: number;
}

/** Gathers estimates of a known vector one by one (Welford's recurrence); none of them is kept. */
export class Estimates {
  private count = 0;
  private readonly mean: Vec;
  /** Σ‖x − mean‖², and the part of it along the truth, in units of ‖t‖². */
  private squares = 0;
  private squaresAlong = 0;
  private meanAlong = 0;
  private cosines = 0;
  private readonly squaredLength: number;

  /** @param truth  t, length d, not zero. @throws {ZartsError} if it is zero. */
  constructor(private readonly truth: Vec) {
    this.mean = new Float64Array(truth.length);
    this.squaredLength = dot(truth, truth);
    if (!(this.squaredLength > 0)) throw new ZartsError('Estimates of a zero vector have no relative error.');
  }

  /** Takes one more estimate, of length d. */
  add(x: Vec): void {
    this.count++;
    const along = dot(x, this.truth) / this.squaredLength;
    for (let j = 0; j < x.length; j++) {
      const before = x[j] - this.mean[j];
      this.mean[j] += before / this.count;
      this.squares += before * (x[j] - this.mean[j]);
    }
    const before = along - this.meanAlong;
    this.meanAlong += before / this.count;
    this.squaresAlong += before * (along - this.meanAlong);
    const length = norm(x);
    // An estimate that is zero points nowhere.
    if (length > 0) this.cosines += (along * Math.sqrt(this.squaredLength)) / length;
  }

  /** What the estimates say so far. @throws {ZartsError} for fewer than two. */
  compare(): Comparison {
    const { count, truth, mean, squaredLength, meanAlong } = this;
    if (count < 2)
      throw new ZartsError(
        `A comparison needs two or more estimates; there ${count === 1 ? 'is 1' : 'are none'}.`,
      );
    const variance = this.squares / (count - 1) / squaredLength;
    const varianceAlong = this.squaresAlong / (count - 1);
    const apart = mean.reduce((sum, value, j) => sum + (value - truth[j]) ** 2, 0) / squaredLength;
    // The squared length of a mean of n exceeds that of the expectation by the variance over n.
    const along = meanAlong ** 2 - varianceAlong / count;
    const across = dot(mean, mean) / squaredLength - meanAlong ** 2 - (variance - varianceAlong) / count;
    return {
      count,
      gain: meanAlong,
      biasSquared: apart - variance / count,
      variance,
      meanSquaredError: apart + (variance * (count - 1)) / count,
      cosine: this.cosines / count,
      tangentSquared: across / along,
    };
  }
}
