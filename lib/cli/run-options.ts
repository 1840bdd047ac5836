/** The flags of `run` → the options of a container. */
import { readFileSync } from "node:fs";
import type { CreateOptions, PullPolicy } from "../engine/container-options.ts";
import type { Mount } from "../engine/mounts.ts";
import { parseRestart } from "../engine/restart-policy.ts";
import { parseVolumesFrom } from "../engine/volumes-from.ts";
import { MarmitaError } from "../errors.ts";
import { confinement } from "./confine-flags.ts";
import { detachKeys } from "./detach-keys.ts";
import type { ParsedFlags } from "./flags.ts";
import { healthOptions } from "./health-flags.ts";
import { environment, labels, parseKeyValue, parseKeyValueFile } from "./key-values.ts";
import { logOptions } from "./log-flags.ts";
import { parseMount } from "./mount-flag.ts";
import { securityOptions } from "./security-opt.ts";
import { networkOptions } from "./network-flags.ts";
import { parseTmpfs } from "./tmpfs-flag.ts";
import { errnoWords } from "../util/errno.ts";
import { errnoOf } from "../util/system-error.ts";
import { notSupported, UsageError } from "./usage.ts";
import { parseVolume } from "./volume-flag.ts";

/** What `run` does beside making the container. */
export interface RunSettings {
  readonly create: CreateOptions & { readonly pull: PullPolicy };
  /** Nothing is told of a pull. */
  readonly quiet: boolean;
  readonly interactive: boolean;
  readonly detach: boolean;
  readonly proxySignals: boolean;
  /** They hand a container with a terminal over to its keeper. */
  readonly detachKeys: Uint8Array | undefined;
  readonly timeoutMs?: number;
  readonly cidFile?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Throws `UsageError` for what is malformed or not there yet. */
export function runSettings(flags: ParsedFlags, env: Environment): RunSettings {
  const timeoutMs = flags.map("timeout", parseSeconds).at(-1);
  const cidFile = flags.last("cidfile");
  checkTogether(flags, timeoutMs ?? 0);
  return {
    create: createOptions(flags, env),
    quiet: flags.has("quiet"),
    interactive: flags.has("interactive"),
    detach: flags.has("detach"),
    proxySignals: flags.last("sig-proxy") !== "false",
    detachKeys: detachKeys(flags, env),
    ...(timeoutMs === undefined || timeoutMs === 0 ? {} : { timeoutMs }),
    ...(cidFile === undefined || cidFile === "" ? {} : { cidFile }),
  };
}

function createOptions(flags: ParsedFlags, env: Environment): RunSettings["create"] {
  const [image = "", ...command] = flags.args;
  const entrypoint = flags.last("entrypoint");
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
    ...text(flags, "platform"),
    pull: pullPolicy(flags.last("pull")),
    ...(entrypoint === undefined ? {} : { entrypoint: entrypoint === "" ? null : [entrypoint] }),
    ...networkOptions(flags),
    ...confinement(flags),
    ...securityOptions(flags),
    ...logOptions(flags),
    env: environment(pairs, env),
    labels: labels(labelPairs),
    mounts: mounts(flags),
    ...volumesFrom(flags),
    readOnly: flags.has("read-only"),
    remove: flags.has("rm"),
    ...restart(flags),
    ...healthOptions(flags),
    ...(flags.has("interactive") && { openStdin: true }),
    ...(flags.has("tty") && { tty: true }),
  };
}

/** An empty value is as good as none, as in Docker. */
function text<Name extends "name" | "user" | "workdir" | "hostname" | "platform">(
  flags: ParsedFlags,
  name: Name,
): { [Key in Name]?: string } {
  const value = flags.last(name) ?? "";
  const found: { [Key in Name]?: string } = {};
  if (value !== "") found[name] = value;
  return found;
}

function volumesFrom(flags: ParsedFlags): Pick<CreateOptions, "volumesFrom"> {
  const texts = flags.map("volumes-from", (text) => {
    parseVolumesFrom(text);
    return text;
  });
  return texts.length === 0 ? {} : { volumesFrom: texts };
}

function mounts(flags: ParsedFlags): readonly Mount[] {
  return [
    ...flags.map("volume", parseVolume),
    ...flags.map("mount", parseMount),
    ...flags.map("tmpfs", parseTmpfs),
  ];
}

function restart(flags: ParsedFlags): Pick<CreateOptions, "restart"> {
  const policy = flags.map("restart", (text) => parseRestart(text, "--restart")).at(-1);
  if (policy === undefined) return {};
  const { name, maxRetries } = policy;
  return { restart: name === "on-failure" && maxRetries > 0 ? `${name}:${maxRetries}` : name };
}

function checkTogether(flags: ParsedFlags, timeoutMs: number): void {
  if (flags.has("rm") && flags.map("restart", (text) => parseRestart(text)).at(-1) !== undefined) {
    throw new UsageError("conflicting options: cannot specify both --restart and --rm");
  }
  if (flags.has("detach") && timeoutMs > 0) {
    throw new UsageError("conflicting options: cannot specify both --timeout and --detach");
  }
}

/** Docker's words, and what Podman has beside them. */
function pullPolicy(text = ""): PullPolicy {
  if (text === "") return "missing";
  if (text === "always" || text === "missing" || text === "never") return text;
  if (text === "newer") throw notSupported(`--pull ${text}`);
  const words = `must be one of "always", "missing" or "never"`;
  throw new UsageError(`invalid pull option: '${text}': ${words}`);
}

const MAX_SECONDS = 2_147_483;

function parseSeconds(text: string): number {
  const seconds = /^\d+$/.test(text) ? Number(text) : NaN;
  if (seconds <= MAX_SECONDS) return seconds * 1_000;
  const why = `expected a whole number of seconds up to ${MAX_SECONDS}`;
  throw new MarmitaError("INVALID_ARGUMENT", why);
}

/** What `--env-file` and `--label-file` name. */
export function readPairs(path: string): ReturnType<typeof parseKeyValueFile> {
  let content: Buffer;
  try {
    content = readFileSync(path);
  } catch (cause) {
    const errno = errnoOf(cause);
    const why = errno === undefined ? String(cause) : errnoWords(errno);
    throw new MarmitaError("INVALID_ARGUMENT", why, { cause });
  }
  return parseKeyValueFile(content);
}
