/** A number with `digits` decimals, "–" for null and undefined. The minus sign is a real one. */
export function fixed(value: number | null | undefined, digits: number): string {
  if (value === null || value === undefined) return '–';
  const text = value.toFixed(digits);
  // No "-0.00": a rounded zero has no sign.
  return Number(text) === 0 ? text.replace('-', '') : text.replace('-', '−');
}

/** "mean ± std", the mean alone for a single value, "–" for none. */
export function plusMinus(
  summary: { readonly mean: number; readonly std: number | null } | null,
  digits: number,
): string {
  if (summary === null) return '–';
  const { mean, std } = summary;
  return std === null ? fixed(mean, digits) : `${fixed(mean, digits)} ± ${fixed(std, digits)}`;
}
