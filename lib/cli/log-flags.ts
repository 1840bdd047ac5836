/** `--log-driver` and `--log-opt`: what is kept of a container's output. */
import type { LogOptions } from "../engine/log-options.ts";
import { MarmitaError } from "../errors.ts";
import type { Flag, ParsedFlags } from "./flags.ts";
import { parseFileSize } from "./units.ts";

export const LOG_FLAGS: readonly Flag[] = [
  {
    name: "log-driver",
    value: "string",
    help:
      'Logging driver for the container ("k8s-file"|"none")\n' +
      '(default "k8s-file"; "none" with --rm, without -d)',
  },
  {
    name: "log-opt",
    value: "list",
    help:
      "Log driver options: 'max-size=SIZE' (-1: no limit),\n" +
      "'max-file=N' (default 5 files of 20 MiB)",
  },
];

/** Docker's `json-file` is what Podman takes for `k8s-file`, too. */
const DRIVERS: Readonly<Record<string, LogOptions["driver"]>> = {
  "": undefined,
  "json-file": "k8s-file",
  "k8s-file": "k8s-file",
  none: "none",
};

const OTHER_DRIVERS = new Set(
  "awslogs etwlogs fluentd gcplogs gelf journald local passthrough passthrough-tty splunk syslog".split(
    " ",
  ),
);

const OTHER_OPTIONS = new Set(
  "compress env env-regex labels labels-regex max-buffer-size mode path tag".split(" "),
);

export function logOptions(flags: ParsedFlags): { readonly log?: LogOptions } {
  const driver = flags.map("log-driver", parseDriver).at(-1);
  let log: LogOptions = driver === undefined ? {} : { driver };
  for (const option of flags.map("log-opt", parseOption)) log = { ...log, ...option };
  return Object.keys(log).length === 0 ? {} : { log };
}

/** Throws `INVALID_ARGUMENT`, or `UNSUPPORTED` for drivers of Docker's and Podman's. */
function parseDriver(name: string): LogOptions["driver"] {
  if (Object.hasOwn(DRIVERS, name)) return DRIVERS[name];
  if (OTHER_DRIVERS.has(name)) throw new MarmitaError("UNSUPPORTED", `--log-driver ${name}`);
  throw invalid('expected "k8s-file", "json-file", which is the same, or "none"');
}

/** `max-size=10m` or `max-file=3`; Docker refuses others, too. */
function parseOption(text: string): LogOptions {
  const [name = "", ...rest] = text.split("=");
  const value = rest.length === 0 ? undefined : rest.join("=");
  if (OTHER_OPTIONS.has(name)) throw new MarmitaError("UNSUPPORTED", `--log-opt ${name}`);
  if (name === "max-size") {
    const maxSize = value === "-1" ? 0 : parseFileSize(value ?? "");
    if (maxSize !== undefined && (maxSize > 0 || value === "-1")) return { maxSize };
    throw invalid('expected a size as "10m", or -1 for no limit');
  }
  if (name === "max-file") {
    const maxFiles = /^\d{1,4}$/.test(value ?? "") ? Number(value) : 0;
    if (maxFiles >= 1 && maxFiles <= 1_000) return { maxFiles };
    throw invalid("expected a number of files from 1 to 1000");
  }
  throw invalid('there are "max-size" and "max-file"');
}

function invalid(message: string): MarmitaError {
  return new MarmitaError("INVALID_ARGUMENT", message);
}
