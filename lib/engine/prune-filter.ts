/** What may be pruned: by age and by labels, as Docker's `--filter` says it. */

export interface PruneFilter {
  /** Only what was made before. */
  readonly until?: Date;
  /** Only what has all of these: `key`, or `key=value`. */
  readonly labels?: readonly string[];
  /** Nothing that has one of these. */
  readonly exceptLabels?: readonly string[];
}

export interface Prunable {
  /** RFC 3339; of unknown age when absent. */
  readonly created: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
}

export function mayPrune({ until, labels, exceptLabels }: PruneFilter, one: Prunable): boolean {
  if (until !== undefined && !(Date.parse(one.created ?? "") < until.getTime())) return false;
  const has = (label: string) => hasLabel(one.labels, label);
  return (labels ?? []).every(has) && !(exceptLabels ?? []).some(has);
}

function hasLabel(labels: Prunable["labels"], wanted: string): boolean {
  const equals = wanted.indexOf("=");
  if (equals < 0) return Object.hasOwn(labels, wanted);
  const key = wanted.slice(0, equals);
  return Object.hasOwn(labels, key) && labels[key] === wanted.slice(equals + 1);
}
