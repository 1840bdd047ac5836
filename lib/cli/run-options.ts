/** The flags of `run` → the options of a container. */
import { readFileSync } from "node:fs";
import type { CreateOptions, Mount, NetworkMode } from "../engine/options.ts";
import { MarmitaError } from "../errors.ts";
import type { Flag, ParsedFlags, RefusedFlags } from "./flags.ts";
import { environment, labels, parseKeyValue, parseKeyValueFile } from "./key-values.ts";
import { parseMount, parseTmpfs, parseVolume } from "./mount-flags.ts";
import { notSupported, UsageError } from "./usage.ts";

export const RUN_FLAGS: readonly Flag[] = [
  { name: "cidfile", value: "string", help: "Write the container ID to the file" },
  { name: "entrypoint", value: "string", help: "Overwrite the default ENTRYPOINT of the image" },
  { name: "env", short: "e", value: "list", help: "Set environment variables" },
  { name: "env-file", value: "list", help: "Read in a file of environment variables" },
  { name: "help", help: "Print usage" },
  { name: "hostname", short: "h", value: "string", help: "Container host name" },
  {
    name: "interactive",
    short: "i",
    help: "Pass STDIN on; without it the command reads nothing",
  },
  { name: "label", short: "l", value: "list", help: "Set meta data on a container" },
  { name: "label-file", value: "list", help: "Read in a line delimited file of labels" },
  {
    name: "mount",
    value: "mount",
    help:
      "Attach a filesystem mount to the container\n" +
      "'type=bind,source=PATH,target=PATH[,readonly]'\n" +
      "'type=tmpfs,target=PATH[,tmpfs-size=SIZE]'",
  },
  { name: "name", value: "string", help: "Assign a name to the container" },
  {
    name: "network",
    also: "net",
    value: "network",
    help: 'Connect a container to a network ("none", "host") (default "none")',
  },
  {
    name: "pull",
    value: "string",
    help: 'Pull image before running ("never") (default "never")',
  },
  { name: "quiet", short: "q", help: "Suppress the pull output" },
  { name: "read-only", help: "Mount the container's root filesystem as read only" },
  { name: "rm", help: "Automatically remove the container when it exits" },
  { name: "sig-proxy", help: "Proxy received signals to the process (default true)" },
  { name: "timeout", value: "int", help: "Kill the container after so many seconds" },
  { name: "tmpfs", value: "list", help: "Mount a tmpfs directory ('PATH[:size=SIZE,mode=MODE]')" },
  {
    name: "user",
    short: "u",
    value: "string",
    help: "Username or UID (format: <name|uid>[:<group|gid>])",
  },
  {
    name: "volume",
    short: "v",
    value: "list",
    help: "Bind mount a directory or file ('SOURCE:TARGET[:ro]')",
  },
  { name: "workdir", short: "w", value: "string", help: "Working directory inside the container" },
];

export const RUN_REFUSED: RefusedFlags = {
  switches: `detach|d disable-content-trust env-host http-proxy init no-healthcheck no-hosts
    oom-kill-disable passwd privileged publish-all|P read-only-tmpfs replace rmi rootfs tls-verify
    tty|t unsetenv-all use-api-socket`,
  values: `add-host annotation arch attach|a authfile blkio-weight blkio-weight-device cap-add
    cap-drop cgroup-conf cgroup-parent cgroupns cgroups chrootdirs conmon-pidfile cpu-count
    cpu-percent cpu-period cpu-quota cpu-rt-period cpu-rt-runtime cpu-shares|c cpus cpuset-cpus
    cpuset-mems decryption-key detach-keys device device-cgroup-rule device-read-bps
    device-read-iops device-write-bps device-write-iops dns dns-opt dns-option dns-search domainname
    env-merge expose gidmap gpus group-add group-entry health-cmd health-interval health-on-failure
    health-retries health-start-interval health-start-period health-timeout hostuser image-volume
    init-path io-maxbandwidth io-maxiops ip ip6 ipc isolation kernel-memory link link-local-ip
    log-driver log-opt mac-address memory|m memory-reservation memory-swap memory-swappiness
    net-alias network-alias oom-score-adj os passwd-entry personality pid pidfile pids-limit
    platform pod pod-id-file preserve-fd preserve-fds publish|p rdt-class requires restart retry
    retry-delay runtime sdnotify seccomp-policy secret security-opt shm-size shm-size-systemd
    stop-signal stop-timeout storage-opt subgidname subuidname sysctl systemd tz uidmap ulimit umask
    unsetenv userns uts variant volume-driver volumes-from`,
};

/** What `run` does beside making the container. */
export interface RunSettings {
  readonly create: CreateOptions;
  readonly interactive: boolean;
  readonly proxySignals: boolean;
  readonly timeoutMs?: number;
  readonly cidFile?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Throws `UsageError` for what is malformed or not there yet. */
export function runSettings(flags: ParsedFlags, env: Environment): RunSettings {
  checkPull(flags.last("pull"));
  const timeoutMs = flags.map("timeout", parseSeconds).at(-1);
  const cidFile = flags.last("cidfile");
  return {
    create: createOptions(flags, env),
    interactive: flags.has("interactive"),
    proxySignals: flags.last("sig-proxy") !== "false",
    ...(timeoutMs === undefined || timeoutMs === 0 ? {} : { timeoutMs }),
    ...(cidFile === undefined ? {} : { cidFile }),
  };
}

function createOptions(flags: ParsedFlags, env: Environment): CreateOptions {
  const [image = "", ...command] = flags.args;
  const entrypoint = flags.last("entrypoint");
  const network = networkOf(flags.last("network"));
  const pairs = [...flags.map("env-file", readPairs).flat(), ...flags.map("env", parseKeyValue)];
  const labelPairs = [
    ...flags.map("label-file", readPairs).flat(),
    ...flags.map("label", parseKeyValue),
  ];
  return {
    image,
    ...(command.length === 0 ? {} : { command }),
    ...text(flags, "name"),
    ...text(flags, "user"),
    ...text(flags, "workdir"),
    ...text(flags, "hostname"),
    ...(entrypoint === undefined ? {} : { entrypoint: entrypoint === "" ? null : [entrypoint] }),
    ...(network === undefined ? {} : { network }),
    env: environment(pairs, env),
    labels: labels(labelPairs),
    mounts: mounts(flags),
    readOnly: flags.has("read-only"),
    remove: flags.has("rm"),
  };
}

/** An empty value is as good as none, as in Docker. */
function text<Name extends "name" | "user" | "workdir" | "hostname">(
  flags: ParsedFlags,
  name: Name,
): { [Key in Name]?: string } {
  const value = flags.last(name) ?? "";
  const found: { [Key in Name]?: string } = {};
  if (value !== "") found[name] = value;
  return found;
}

function mounts(flags: ParsedFlags): readonly Mount[] {
  return [
    ...flags.map("volume", parseVolume),
    ...flags.map("mount", parseMount),
    ...flags.map("tmpfs", parseTmpfs),
  ];
}

function networkOf(name: string | undefined): NetworkMode | undefined {
  if (name === undefined || name === "none" || name === "host") return name;
  if (name === "") throw new UsageError("no name set for network");
  throw notSupported(`--network ${name}`);
}

function checkPull(policy: string | undefined): void {
  if (policy === undefined || policy === "never") return;
  if (["always", "missing", "newer"].includes(policy)) throw notSupported(`--pull ${policy}`);
  const words = `must be one of "always", "missing" or "never"`;
  throw new UsageError(`invalid pull option: '${policy}': ${words}`);
}

const MAX_SECONDS = 2_147_483;

function parseSeconds(text: string): number {
  const seconds = /^\d+$/.test(text) ? Number(text) : NaN;
  if (seconds <= MAX_SECONDS) return seconds * 1_000;
  const why = `expected a whole number of seconds up to ${MAX_SECONDS}`;
  throw new MarmitaError("INVALID_ARGUMENT", why);
}

function readPairs(path: string): ReturnType<typeof parseKeyValueFile> {
  let content: string;
  try {
    content = readFileSync(path, "utf8");
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new MarmitaError("INVALID_ARGUMENT", why, { cause });
  }
  return parseKeyValueFile(content);
}
