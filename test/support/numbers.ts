import fc from 'fast-check';

/** Steps into which a range is divided for its ordinary values. */
const STEPS = 1000;

/**
 * Numbers from `min` to `max`: in two of three cases ordinary ones, spread evenly over the range, else any double of it.
 *
 * fc.double alone spreads its values evenly over all representable doubles, most of which are next to nothing: of two losses
 * between -5 and 5, hardly ever would both differ by more than a millionth.
 */
export function number(min: number, max: number): fc.Arbitrary<number> {
  const ordinary = fc
    .integer({ min: 0, max: STEPS })
    .map((step) => Math.min(max, min + (step / STEPS) * (max - min)));
  return fc.oneof(
    { weight: 2, arbitrary: ordinary },
    { weight: 1, arbitrary: fc.double({ min, max, noNaN: true }) },
  );
}

/** Positive numbers from `min` to `max` over orders of magnitude: ordinary ones are spread evenly on a logarithmic scale. */
export function magnitude(min: number, max: number): fc.Arbitrary<number> {
  const ordinary = number(Math.log(min), Math.log(max)).map((power) =>
    Math.min(max, Math.max(min, Math.exp(power))),
  );
  return fc.oneof(ordinary, number(min, max));
}
