/** What may be pruned: by age and by labels, as Docker's `--filter` says it. */
import { parseMoment } from "../util/moment.ts";

export interface PruneFilter {
  /** Only what was made before; also `2026-01-31T10:00:00Z`, or `24h` ago. */
  readonly until?: Date | string;
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

/** Which ones may go. Throws `INVALID_ARGUMENT` for an `until` that is no time. */
export function pruneTest({
  until,
  labels = [],
  exceptLabels = [],
}: PruneFilter): (one: Prunable) => boolean {
  const limit = typeof until === "string" ? parseMoment(until) : until;
  return (one) => {
    if (limit !== undefined && !(Date.parse(one.created ?? "") < limit.getTime())) return false;
    const has = (label: string) => hasLabel(one.labels, label);
    return labels.every(has) && !exceptLabels.some(has);
  };
}

/** `wanted` is `key`, or `key=value`. */
export function hasLabel(labels: Prunable["labels"], wanted: string): boolean {
  const equals = wanted.indexOf("=");
  if (equals < 0) return Object.hasOwn(labels, wanted);
  const key = wanted.slice(0, equals);
  return Object.hasOwn(labels, key) && labels[key] === wanted.slice(equals + 1);
}
