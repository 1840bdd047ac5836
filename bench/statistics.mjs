/** Percentiles of samples, and tables in Markdown. */

/** The value below which `fraction` of the samples lie. */
export function percentile(samples, fraction) {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))];
}

/**
 * The median of the ratios of samples taken in the same round: what drifts in the machine between
 * two rounds is in both and cancels.
 */
export function pairedRatio(samples, reference) {
  const ratios = [];
  for (const [round, value] of samples) {
    const other = reference.get(round);
    if (other !== undefined) ratios.push(value / other);
  }
  return percentile(ratios, 0.5);
}

/** A Markdown table; every column but the first is set to the right. */
export function table(head, rows) {
  const line = (cells) => `| ${cells.join(" | ")} |`;
  const rule = head.map((_, at) => (at === 0 ? "---" : "---:"));
  return [line(head), line(rule), ...rows.map(line)].join("\n");
}

export function milliseconds(value) {
  return value < 100 ? `${value.toFixed(1)} ms` : `${Math.round(value)} ms`;
}

export function seconds(value) {
  return `${(value / 1000).toFixed(2)} s`;
}

export function times(ratio) {
  return ratio === undefined ? "" : `${ratio.toFixed(2)} ×`;
}
