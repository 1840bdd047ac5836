/** How a container's health checks went: health.json, which its keeper writes. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isMarmitaError } from "../errors.ts";
import { hasHealth } from "../runtime/healthcheck.ts";
import type { Paths } from "../store/paths.ts";
import { JsonReader, parseJson } from "../util/json.ts";
import { isMissing } from "../util/system-error.ts";
import type { ContainerRecord } from "./records.ts";

export const HEALTH_STATUSES = ["starting", "healthy", "unhealthy"] as const;

/** `starting` until a check succeeds, or too many have failed. */
export type HealthStatus = (typeof HEALTH_STATUSES)[number];

/** One check. */
export interface HealthResult {
  /** RFC 3339. */
  readonly start: string;
  readonly end: string;
  /** -1 for a check that took too long, or could not begin. */
  readonly exitCode: number;
  /** Its stdout and stderr, the first 4096 bytes. */
  readonly output: string;
}

export interface Health {
  readonly status: HealthStatus;
  /** Failures in a row. */
  readonly failingStreak: number;
  /** The last five, the oldest first. */
  readonly log: readonly HealthResult[];
}

/** Where no run of it has begun yet, or just now. */
const NONE_YET: Health = { status: "starting", failingStreak: 0, log: [] };

/** `undefined` for a container without health checks. */
export async function findHealth(
  paths: Paths,
  { id, inherited }: Pick<ContainerRecord, "id" | "inherited">,
): Promise<Health | undefined> {
  if (!hasHealth(inherited.Healthcheck)) return undefined;
  const path = join(paths.container(id), "health.json");
  try {
    return parseHealth(parseJson(await readFile(path), path), path);
  } catch (error) {
    // It is not synced: a power cut may have kept the name and lost the bytes.
    if (isMissing(error) || isMarmitaError(error, "CORRUPT")) return NONE_YET;
    throw error;
  }
}

function parseHealth(json: unknown, what: string): Health {
  const fields = new JsonReader(json, what);
  const status = fields.text("Status");
  return {
    status: HEALTH_STATUSES.find((one) => one === status) ?? "starting",
    failingStreak: fields.size("FailingStreak"),
    log: fields.list("Log", parseResult),
  };
}

function parseResult(json: unknown, what: string): HealthResult {
  const fields = new JsonReader(json, what);
  const exitCode = Reflect.get(Object(json), "ExitCode") as unknown;
  return {
    start: fields.text("Start"),
    end: fields.text("End"),
    exitCode: typeof exitCode === "number" ? exitCode : -1,
    output: fields.text("Output"),
  };
}
