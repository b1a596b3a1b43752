/** A paragraph broken into lines of at most `width` characters between words; lines after the first are indented. */
export function wrap(text: string, width: number, indent = ''): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const current = lines.at(-1);
    if (current !== undefined && current.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${current} ${word}`;
    else lines.push(lines.length === 0 ? word : indent + word);
  }
  return lines;
}

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

/**
 * "mean ± std" to as many decimals as the mean's leading `digits` digits take, at most 8: for numbers whose size is not known
 * beforehand. The mean alone for a single value, "–" for none.
 */
export function plusMinusDigits(
  summary: { readonly mean: number; readonly std: number | null } | null,
  digits: number,
): string {
  return plusMinus(summary, summary === null ? 0 : decimalsFor(summary.mean, digits));
}

/** The decimals that a number's leading `digits` digits take, 0 to 8. */
export function decimalsFor(value: number, digits: number): number {
  if (value === 0 || !Number.isFinite(value)) return digits - 1;
  return Math.min(8, Math.max(0, digits - 1 - Math.floor(Math.log10(Math.abs(value)))));
}

/** Seconds of an estimate in one unit, to the two digits that it is worth at most: "~45 min". */
export function about(seconds: number): string {
  const units = [
    { name: 's', size: 1 },
    { name: 'min', size: 60 },
    { name: 'h', size: 3600 },
    { name: 'days', size: 86_400 },
  ];
  const { name, size } = units.findLast((unit) => seconds >= 2 * unit.size) ?? units[0];
  return `~${Math.round(Number((seconds / size).toPrecision(2)))} ${name}`;
}
