/** The flags about a container's health checks, in Docker's grammar. */
import type { CreateOptions } from "../engine/container-options.ts";
import { MarmitaError } from "../errors.ts";
import { parseDurationMs } from "../util/moment.ts";
import type { Flag, ParsedFlags } from "./flags.ts";
import { UsageError } from "./usage.ts";

export const HEALTH_FLAGS: readonly Flag[] = [
  { name: "health-cmd", value: "string", help: "Command to run to check health" },
  {
    name: "health-interval",
    value: "duration",
    help: "Time between running the check (ms|s|m|h) (default 30s)",
  },
  {
    name: "health-retries",
    value: "int",
    help: "Consecutive failures needed to report unhealthy (default 3)",
  },
  {
    name: "health-start-interval",
    value: "duration",
    help: "Time between running the check during the start period (ms|s|m|h) (default 5s)",
  },
  {
    name: "health-start-period",
    value: "duration",
    help: "Start period for the container to initialize before starting health-retries countdown (ms|s|m|h) (default 0s)",
  },
  {
    name: "health-timeout",
    value: "duration",
    help: "Maximum time to allow one check to run (ms|s|m|h) (default 30s)",
  },
  { name: "no-healthcheck", help: "Disable any container-specified HEALTHCHECK" },
];

const TIMES = {
  "health-interval": "intervalMs",
  "health-timeout": "timeoutMs",
  "health-start-period": "startPeriodMs",
  "health-start-interval": "startIntervalMs",
} as const;

/** Throws `UsageError`. As in Docker 0 is as good as not said. */
export function healthOptions(flags: ParsedFlags): Pick<CreateOptions, "healthcheck"> {
  const test = flags.last("health-cmd") ?? "";
  const retries = flags.map("health-retries", parseRetries).at(-1) ?? 0;
  const times = Object.entries(TIMES).flatMap(([flag, option]) => {
    const ms = flags.map(flag, parseTime).at(-1) ?? 0;
    return ms === 0 ? [] : [[option, ms] as const];
  });
  const options = {
    ...(test !== "" && test !== "none" && { test }),
    ...(retries !== 0 && { retries }),
    ...Object.fromEntries(times),
  };
  const isAsked = Object.keys(options).length > 0;
  if (flags.has("no-healthcheck")) {
    if (isAsked) throw new UsageError("--no-healthcheck conflicts with --health-* options");
    return { healthcheck: "none" };
  }
  if (test === "none") return { healthcheck: "none" }; // Podman's way to say it
  return isAsked ? { healthcheck: options } : {};
}

function parseTime(text: string): number {
  const ms = text === "0" ? 0 : parseDurationMs(text);
  if (ms === undefined) {
    throw new MarmitaError("INVALID_ARGUMENT", 'expected a duration as "30s" or "1m30s"');
  }
  if (ms !== 0 && ms < 1) throw new MarmitaError("INVALID_ARGUMENT", "less than a millisecond");
  return Math.round(ms);
}

function parseRetries(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new MarmitaError("INVALID_ARGUMENT", "expected a whole number");
}
