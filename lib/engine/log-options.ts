/** What a container writes to stdout and stderr is kept in its directory: how much, or not at all. */
import { MarmitaError } from "../errors.ts";
import { check, oneOf, quote, wholeNumber } from "../util/check.ts";
import { JsonReader } from "../util/json.ts";

export interface LogOptions {
  /**
   * `k8s-file`: lines as Kubernetes has them. Default: that, and `none` with `remove` where a process
   * that starts it in the foreground has its output anyway.
   */
  readonly driver?: "k8s-file" | "none";
  /** Bytes of a file before the next is begun, at the end of a line; 0: no limit. Default: 20 MiB. */
  readonly maxSize?: number;
  /** How many files there are at most, with the one that is written. Default: 5. */
  readonly maxFiles?: number;
}

/** What a record says of it; none where nothing is kept. */
export interface RecordedLog {
  readonly driver: "k8s-file";
  readonly maxSize: number;
  readonly maxFiles: number;
}

const DEFAULT_MAX_SIZE = 20 * 1024 * 1024;
const DEFAULT_MAX_FILES = 5;
const MAX_FILES = 1_000;

export function log(value: unknown, _name: string): void {
  check<LogOptions>(
    {
      driver: oneOf("k8s-file", "none"),
      maxSize: wholeNumber("bytes", 0, Number.MAX_SAFE_INTEGER),
      maxFiles: wholeNumber("files", 1, MAX_FILES),
    },
    value as LogOptions, // check() refuses what is none
  );
}

/** The options are checked. */
export function recordedLog({
  log: options = {},
  remove = false,
  start,
}: {
  readonly log?: LogOptions;
  readonly remove?: boolean;
  /** It is made to be started at once. */
  readonly start?: { readonly detach?: boolean | undefined } | undefined;
}): RecordedLog | undefined {
  const isForeground = start !== undefined && start.detach !== true;
  const {
    driver = remove && isForeground ? "none" : "k8s-file",
    maxSize = DEFAULT_MAX_SIZE,
    maxFiles = DEFAULT_MAX_FILES,
  } = options;
  return driver === "none" ? undefined : { driver, maxSize, maxFiles };
}

/** Out of a record. */
export function parseRecordedLog(json: unknown, what: string): RecordedLog {
  const fields = new JsonReader(json, what);
  const driver = fields.text("driver");
  if (driver !== "k8s-file") {
    throw new MarmitaError("CORRUPT", `${what}: ${quote(driver)} is no log driver`);
  }
  return { driver, maxSize: fields.size("maxSize"), maxFiles: fields.size("maxFiles") };
}
