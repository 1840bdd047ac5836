/** The flags of `run` that set limits, namespaces and groups → options of the container. */
import { isMarmitaError, MarmitaError } from "../errors.ts";
import type { ConfinementOptions, Device, IpcMode, PidMode } from "../runtime/confinement.ts";
import { parseSignal } from "../runtime/signals.ts";
import { sysctlNamespace } from "../runtime/sysctls.ts";
import { isUlimitName, ULIMIT_NAMES, type Ulimit } from "../runtime/ulimits.ts";
import { parseUserns } from "../runtime/userns.ts";
import type { Flag, ParsedFlags } from "./flags.ts";
import { parseKeyValue } from "./key-values.ts";
import { parseMemorySize } from "./units.ts";

export const CONFINE_FLAGS: readonly Flag[] = [
  { name: "annotation", value: "map", help: "Add an annotation to the container" },
  {
    name: "cgroupns",
    value: "string",
    help: 'Cgroup namespace to use ("host", "private") (default "private")',
  },
  {
    name: "device",
    value: "list",
    help: "Add a host device, or a directory of them ('SOURCE[:TARGET][:rwm]')",
  },
  { name: "domainname", value: "string", help: "Container NIS domain name" },
  {
    name: "group-add",
    value: "list",
    help: 'Add additional groups to join, or "keep-groups" alone: those of the caller',
  },
  {
    name: "init",
    help: "Run an init inside the container that forwards signals and reaps processes",
  },
  {
    name: "ipc",
    value: "string",
    help: 'IPC mode to use ("private", "shareable", "none", "host", "container:ID")',
  },
  {
    name: "oom-score-adj",
    value: "int",
    help: "Tune host's OOM preferences (-1000 to 1000); lowering takes root",
  },
  { name: "pid", value: "string", help: 'PID namespace to use ("host", "container:ID")' },
  {
    name: "read-only-tmpfs",
    help: "With --read-only: writable file systems in memory at /run, /tmp and /var/tmp",
  },
  { name: "shm-size", value: "bytes", help: "Size of /dev/shm (default 64m)" },
  { name: "stop-signal", value: "string", help: "Signal to stop the container" },
  { name: "stop-timeout", value: "int", help: "Timeout (in seconds) to stop a container" },
  { name: "sysctl", value: "map", help: "Sysctl options, of the container's own namespaces" },
  { name: "ulimit", value: "ulimit", help: "Ulimit options ('NAME=SOFT[:HARD]', 'host')" },
  { name: "umask", value: "string", help: "Umask of the command, in octal (default 0022)" },
  {
    name: "userns",
    value: "string",
    help: 'User namespace to use ("auto", "host", "keep-id[:uid=UID,gid=GID]")',
  },
  { name: "uts", value: "string", help: 'UTS namespace to use ("host")' },
];

const invalid = (why: string) => new MarmitaError("INVALID_ARGUMENT", why);
const unsupported = (what: string) => new MarmitaError("UNSUPPORTED", what);

/** Throws `UsageError` for what is malformed or not there. An empty value is as good as none. */
export function confinement(flags: ParsedFlags): ConfinementOptions {
  const given = <T>(name: string, parse: (text: string) => T) =>
    flags.last(name) === "" ? undefined : flags.map(name, parse).at(-1);
  const ulimits = Object.fromEntries(flags.map("ulimit", parseUlimit).flat());
  const sysctls = Object.fromEntries(flags.map("sysctl", parseSysctl));
  const annotations = Object.fromEntries(flags.map("annotation", parseAnnotation));
  const devices = flags.map("device", parseDevice);
  const groups = flags.all("group-add");
  const asked = {
    init: flags.has("init") || undefined,
    domainname: given("domainname", String),
    ulimits: isFilled(ulimits) ? ulimits : undefined,
    oomScoreAdj: given("oom-score-adj", parseScore),
    sysctls: isFilled(sysctls) ? sysctls : undefined,
    pid: given("pid", parsePid),
    ipc: given("ipc", parseIpc),
    userns: given("userns", parseUsernsFlag),
    uts: given("uts", (text) => oneOf(text, "UTS", ["host", "private"] as const)),
    cgroupns: given("cgroupns", (text) => oneOf(text, "cgroup", ["host", "private"] as const)),
    devices: devices.length > 0 ? devices : undefined,
    readOnlyTmpfs: flags.has("read-only-tmpfs") || undefined,
    groupAdd: groups.length > 0 ? groups : undefined,
    umask: given("umask", parseUmask),
    stopSignal: given("stop-signal", parseStopSignal),
    stopTimeoutMs: given("stop-timeout", parseStopTimeout),
    annotations: isFilled(annotations) ? annotations : undefined,
    shmSizeBytes: given("shm-size", parseShmSize),
  };
  return withoutAbsent(asked);
}

function isFilled(object: object): boolean {
  return Object.keys(object).length > 0;
}

type Present<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> };

function withoutAbsent<T extends object>(object: T): Present<T> {
  const present: Present<T> = { ...object };
  for (const key of Object.keys(object)) {
    if (Reflect.get(object, key) === undefined) Reflect.deleteProperty(present, key);
  }
  return present;
}

/** `nofile=1024:4096`, `core=-1`, `nproc=unlimited`; Podman's `host` is what happens anyway. */
export function parseUlimit(text: string): readonly (readonly [name: string, limit: Ulimit])[] {
  if (text === "host") return [];
  const [, name = "", value = ""] = /^([^=]*)=(.*)$/s.exec(text) ?? [];
  if (name === "") throw invalid(`invalid ulimit argument: ${text}`);
  if (!isUlimitName(name)) {
    throw invalid(`invalid ulimit type: ${name}; there are ${ULIMIT_NAMES.join(", ")}`);
  }
  const parts = value.split(":");
  if (parts.length > 2)
    throw invalid(
      `too many limit value arguments - ${value}, can only have up to two, \`soft[:hard]\``,
    );
  const [soft = 0, hard = soft] = parts.map(parseLimit);
  const isLess = hard < 0 || (soft >= 0 && soft <= hard);
  if (!isLess)
    throw invalid(`ulimit soft limit must be less than or equal to hard limit: ${value}`);
  return [[name, { soft, hard }]];
}

function parseLimit(text: string): number {
  if (text === "-1" || text === "unlimited") return -1;
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  if (Number.isSafeInteger(value)) return value;
  throw invalid(`expected a whole number, -1 or unlimited, got '${text}'`);
}

function parseScore(text: string): number {
  const score = /^-?\d{1,4}$/.test(text) ? Number(text) : NaN;
  if (score >= -1000 && score <= 1000) return score;
  throw invalid("expected a whole number from -1000 to 1000");
}

function parseSysctl(text: string): readonly [string, string] {
  const [name, value] = parseKeyValue(text);
  if (value !== undefined && sysctlNamespace(name) !== undefined) return [name, value];
  if (value === undefined) throw invalid("expected NAME=VALUE");
  const why = name === "kernel.hostname" ? "use --hostname" : "it is of the whole machine";
  throw invalid(`sysctl '${text}' is not allowed: ${why}`);
}

function parseAnnotation(text: string): readonly [string, string] {
  const [name, value = ""] = parseKeyValue(text);
  if (name.startsWith("run.oci.")) throw unsupported(`--annotation ${name}`);
  return [name, value];
}

function parsePid(text: string): PidMode {
  return sharedMode(text) ?? oneOf(text, "PID", ["host", "private"] as const);
}

function parseIpc(text: string): IpcMode {
  const modes = ["private", "shareable", "none", "host"] as const;
  return sharedMode(text) ?? oneOf(text, "IPC", modes);
}

function sharedMode(text: string): `container:${string}` | undefined {
  const [, container] = /^container:(.*)$/s.exec(text) ?? [];
  if (container === undefined) return undefined;
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(container))
    throw invalid("expected container:<name or id>");
  return `container:${container}`;
}

function oneOf<Mode extends string>(text: string, kind: string, modes: readonly Mode[]): Mode {
  const found = modes.find((mode) => mode === text);
  if (found !== undefined) return found;
  if (/^(?:ns:|pod$|private$|shareable$|none$|container:)/.test(text)) {
    throw unsupported(`${kind} mode ${text}`);
  }
  throw invalid(`invalid ${kind} mode: expected ${modes.join(", ")}`);
}

function parseUsernsFlag(text: string): string {
  try {
    parseUserns(text, { uid: 0, gid: 0 });
    return text;
  } catch (error) {
    throw isMarmitaError(error, "UNSUPPORTED") ? unsupported(`--userns ${text}`) : error;
  }
}

/** `/dev/fuse`, `/dev/sda:/dev/xvda`, `/dev/fuse:rw`. */
export function parseDevice(text: string): Device {
  if (/^[^/:]+\/[^/:]+=/.test(text)) throw unsupported(`--device ${text}`);
  const [source = "", ...rest] = text.split(":");
  const isMode = (word: string | undefined) => word !== undefined && /^[rwm]+$/.test(word);
  const permissions = isMode(rest.at(-1)) ? rest.pop() : undefined;
  const [target, more] = rest;
  if (!source.startsWith("/") || target === "" || more !== undefined) {
    throw invalid("expected SOURCE[:TARGET][:PERMISSIONS], absolute paths, of a device");
  }
  if (target !== undefined && !target.startsWith("/")) {
    throw invalid(`invalid device mode or path: ${target}`);
  }
  // The node is bound: whoever may write to the device still may.
  if (permissions !== undefined && !(permissions.includes("r") && permissions.includes("w"))) {
    throw unsupported(`--device with ${permissions} alone`);
  }
  return { source, ...(target !== undefined && { target }) };
}

function parseUmask(text: string): number {
  if (/^[0-7]{1,4}$/.test(text) && parseInt(text, 8) <= 0o777) return parseInt(text, 8);
  throw invalid("expected octal digits, as in 0027");
}

function parseStopSignal(text: string): string {
  if (parseSignal(text) !== undefined) return text;
  throw invalid(`invalid signal: ${text}`);
}

const MAX_SECONDS = 2_147_483;

function parseStopTimeout(text: string): number {
  if (text === "-1") return -1;
  const seconds = /^\d+$/.test(text) ? Number(text) : NaN;
  if (seconds <= MAX_SECONDS) return seconds * 1_000;
  throw invalid(`expected a whole number of seconds up to ${MAX_SECONDS}, or -1 for ever`);
}

/** 0 is the default, as in Docker. */
function parseShmSize(text: string): number | undefined {
  const bytes = parseMemorySize(text);
  if (bytes === undefined) throw invalid(`invalid size: '${text}'`);
  return bytes === 0 ? undefined : bytes;
}
