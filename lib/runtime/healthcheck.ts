/** The health check of a container: what its image says, changed by what was asked for. */
import type { Healthcheck } from "../oci/image-config.ts";

/** What is not said here is as the image has it, or as Docker does. */
export interface HealthcheckOptions {
  /** A line for the container's shell, or words to be executed. Default: the image's. */
  readonly test?: string | readonly string[];
  /** From the end of one check to the next, and before the first. Default: 30,000. */
  readonly intervalMs?: number;
  /** A check that takes longer is killed, and has failed. Default: 30,000. */
  readonly timeoutMs?: number;
  /** So long after the start no failure counts, unless a check has succeeded. Default: 0. */
  readonly startPeriodMs?: number;
  /** In place of `intervalMs` during that time. Default: 5,000. */
  readonly startIntervalMs?: number;
  /** So many failures in a row make it unhealthy. Default: 3. */
  readonly retries?: number;
}

/** What a keeper is told. */
export interface HealthCheckPlan {
  readonly command: readonly string[];
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly startPeriodMs: number;
  readonly startIntervalMs: number;
  readonly retries: number;
}

const NS_PER_MS = 1_000_000;

/** Docker's (moby, daemon/health.go). */
const DEFAULTS = {
  intervalMs: 30_000,
  timeoutMs: 30_000,
  startPeriodMs: 0,
  startIntervalMs: 5_000,
  retries: 3,
} as const;

/** In the form of an image's config; `undefined` where neither says anything. */
export function mergeHealthcheck(
  image: Healthcheck | undefined,
  option: HealthcheckOptions | "none" | undefined,
): Healthcheck | undefined {
  if (option === "none") return { Test: ["NONE"] };
  if (option === undefined) return image;
  const { test, intervalMs, timeoutMs, startPeriodMs, startIntervalMs, retries } = option;
  const nano = (ms: number) => ms * NS_PER_MS;
  return {
    ...image,
    ...(test !== undefined && { Test: testOf(test) }),
    ...(intervalMs !== undefined && { Interval: nano(intervalMs) }),
    ...(timeoutMs !== undefined && { Timeout: nano(timeoutMs) }),
    ...(startPeriodMs !== undefined && { StartPeriod: nano(startPeriodMs) }),
    ...(startIntervalMs !== undefined && { StartInterval: nano(startIntervalMs) }),
    ...(retries !== undefined && { Retries: retries }),
  };
}

function testOf(test: string | readonly string[]): readonly string[] {
  return typeof test === "string" ? ["CMD-SHELL", test] : ["CMD", ...test];
}

/** `undefined` where there is nothing to run. */
export function healthCheckPlan(
  healthcheck: Healthcheck | undefined,
  shell: readonly string[] = ["/bin/sh", "-c"],
): HealthCheckPlan | undefined {
  const command = commandOf(healthcheck?.Test ?? [], shell);
  if (command === undefined || healthcheck === undefined) return undefined;
  const { Interval, Timeout, StartPeriod, StartInterval, Retries } = healthcheck;
  const ms = (nano: number | undefined, otherwise: number) => {
    return nano === undefined || nano === 0 ? otherwise : Math.ceil(nano / NS_PER_MS);
  };
  return {
    command,
    intervalMs: ms(Interval, DEFAULTS.intervalMs),
    timeoutMs: ms(Timeout, DEFAULTS.timeoutMs),
    startPeriodMs: ms(StartPeriod, DEFAULTS.startPeriodMs),
    startIntervalMs: ms(StartInterval, DEFAULTS.startIntervalMs),
    retries: Retries === undefined || Retries === 0 ? DEFAULTS.retries : Retries,
  };
}

/** Whether a container with it has a health at all. */
export function hasHealth(healthcheck: Healthcheck | undefined): boolean {
  return healthCheckPlan(healthcheck) !== undefined;
}

function commandOf(
  [kind, ...words]: readonly string[],
  shell: readonly string[],
): readonly string[] | undefined {
  if (words.length === 0) return undefined;
  if (kind === "CMD") return words;
  return kind === "CMD-SHELL" ? [...shell, words.join(" ")] : undefined;
}
