/** The filters of `ps`, as Docker has them. */
import { type ContainerFilters, parsePorts } from "../engine/container-filters.ts";
import { HEALTH_STATUSES, type HealthStatus } from "../engine/health.ts";
import { type ContainerStatus, STATUSES } from "../engine/state.ts";
import { MarmitaError } from "../errors.ts";
import { type Filters, filtersOf } from "./filter-flag.ts";
import type { ParsedFlags } from "./flags.ts";

const FILTERS = [
  "ancestor",
  "before",
  "exited",
  "expose",
  "health",
  "id",
  "is-task",
  "label",
  "name",
  "network",
  "publish",
  "since",
  "status",
  "volume",
];

/** States that Docker has and no container is ever seen in here. */
const NEVER = ["dead", "removing"];

export interface AskedContainers {
  readonly filters: ContainerFilters;
  /** Whether there can be none: tasks of a swarm, ports that are published. */
  readonly none: boolean;
}

/** Throws `UsageError` for a filter that is none, and for a value that cannot be one of its. */
export function containerFilters(flags: ParsedFlags): AskedContainers {
  const filters = filtersOf(flags, FILTERS);
  const published = filters.parseAll("publish", parsePorts);
  const asked = filters.parseAll("status", parseStatus);
  const statuses = asked.flatMap((status) => status ?? []);
  const neverSeen = asked.length > 0 && statuses.length === 0;
  return {
    none: filters.flag("is-task") === true || published.length > 0 || neverSeen,
    filters: {
      ids: filters.all("id"),
      names: filters.parseAll("name", parsePattern),
      labels: filters.all("label"),
      statuses,
      exitCodes: filters.parseAll("exited", parseExitCode),
      ancestors: filters.all("ancestor"),
      ...last(filters, "before"),
      ...last(filters, "since"),
      volumes: filters.all("volume"),
      health: filters.parseAll("health", parseHealth),
      networks: filters.all("network"),
      exposed: filters.parseAll("expose", checkPorts),
    },
  };
}

function last(filters: Filters, key: "before" | "since"): ContainerFilters {
  const value = filters.last(key);
  return value === undefined || value === "" ? {} : { [key]: value };
}

/** `undefined` for one that is Docker's alone. */
function parseStatus(text: string): ContainerStatus | undefined {
  const status = STATUSES.find((one) => one === text);
  if (status !== undefined || NEVER.includes(text)) return status;
  throw new MarmitaError(
    "INVALID_ARGUMENT",
    `expected ${[...STATUSES, ...NEVER].toSorted().join(", ")}`,
  );
}

function parseHealth(text: string): HealthStatus | "none" {
  const known = [...HEALTH_STATUSES, "none"] as const;
  const found = known.find((one) => one === text);
  if (found !== undefined) return found;
  throw new MarmitaError("INVALID_ARGUMENT", `expected ${known.toSorted().join(", ")}`);
}

function parseExitCode(text: string): number {
  if (/^-?\d{1,9}$/.test(text)) return Number(text);
  throw new MarmitaError("INVALID_ARGUMENT", "expected a whole number");
}

function checkPorts(text: string): string {
  parsePorts(text);
  return text;
}

function parsePattern(text: string): string {
  try {
    return new RegExp(text).source;
  } catch {
    throw new MarmitaError("INVALID_ARGUMENT", "expected a regular expression");
  }
}
