/** Which volumes a list is to have. */
import { MarmitaError } from "../errors.ts";
import { parseMoment } from "../util/moment.ts";
import { hasLabel } from "./prune-filter.ts";

/** All that is given has to hold. */
export interface VolumeFilters {
  /** True: only those that no container has; false: only those that one has. */
  readonly dangling?: boolean | undefined;
  /** Regular expressions, of which one has to match a part of the name, as in Docker. */
  readonly names?: readonly string[] | undefined;
  /** Of which one has to be the volume's: there is `local`. */
  readonly drivers?: readonly string[] | undefined;
  /** `key`, or `key=value`: it has all of them. */
  readonly labels?: readonly string[] | undefined;
  /** The same: it has none of them. */
  readonly withoutLabels?: readonly string[] | undefined;
  /** Made before: a `Date`, RFC 3339, seconds since 1970, or how long ago: `24h`. */
  readonly until?: Date | string | undefined;
}

/** What is asked of a volume here. */
export interface FilteredVolume {
  readonly name: string;
  readonly driver: string;
  readonly createdAt: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly containers: readonly string[];
}

/** Throws `INVALID_ARGUMENT` for what is no pattern or no time. */
export function volumeTest(filters: VolumeFilters): (volume: FilteredVolume) => boolean {
  const { dangling, names = [], drivers = [], labels = [], withoutLabels = [] } = filters;
  const patterns = names.map(patternOf);
  const limit = timeOf(filters.until);
  return (volume) => {
    if (dangling !== undefined && (volume.containers.length === 0) !== dangling) return false;
    if (limit !== undefined && !(Date.parse(volume.createdAt) < limit)) return false;
    if (patterns.length > 0 && !patterns.some((one) => one.test(volume.name))) return false;
    if (drivers.length > 0 && !drivers.includes(volume.driver)) return false;
    const has = (label: string) => hasLabel(volume.labels, label);
    return labels.every(has) && !withoutLabels.some(has);
  };
}

function timeOf(until: Date | string | undefined): number | undefined {
  return (typeof until === "string" ? parseMoment(until) : until)?.getTime();
}

function patternOf(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch (cause) {
    const message = `malformed pattern ${JSON.stringify(text)}`;
    throw new MarmitaError("INVALID_ARGUMENT", message, { cause });
  }
}
