/** What a container's directory says of it: record.json since it was made, exit.json since it ended. */
import { readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { MarmitaError, isMarmitaError } from "../errors.ts";
import { type ChainId, type Digest, parseDigest } from "../oci/digest.ts";
import { type ContainerDefaults, parseContainerDefaults } from "../oci/image-config.ts";
import type { RestartPolicy } from "../runtime/compile-context.ts";
import type { ConfinementOptions } from "../runtime/confinement.ts";
import type { Paths } from "../store/paths.ts";
import { isJsonObject, JsonReader, parseJson } from "../util/json.ts";
import { isMissing } from "../util/system-error.ts";
import { checkConfinement } from "./confinement-checks.ts";
import { parseRecordedLog, type RecordedLog } from "./log-options.ts";
import { checkRecordedMount } from "./mount-checks.ts";
import type { RecordedMount } from "./mounts.ts";
import { isNetworkLevel, isNetworkMode, type Networking } from "./network-modes.ts";
import type { Isolation } from "./options.ts";
import { parseRestartPolicy } from "./restart-policy.ts";
import { DEFAULT_SECURITY, parseSecurity, type RecordedSecurity } from "./security.ts";

/** Written with the container, and once more when it is renamed; what else changes has files of its own. */
export interface ContainerRecord {
  /** 64 hexadecimal digits. */
  readonly id: string;
  readonly name: string;
  /** RFC 3339. */
  readonly createdAt: string;
  readonly image: RecordedImage;
  /** The words that are executed: those of the entrypoint, then the command's. */
  readonly command: readonly string[];
  /** How many of these words are the entrypoint's. */
  readonly entrypointWords: number;
  readonly hostname: string;
  /** The image's and the caller's. */
  readonly labels: Readonly<Record<string, string>>;
  /** The caller's. */
  readonly mounts: readonly RecordedMount[];
  /** As asked for: `web:ro`. Their mounts are among `mounts`. */
  readonly volumesFrom?: readonly string[];
  /** As it was asked for; what was reached is in `isolation`. */
  readonly networking: Networking;
  readonly readOnly: boolean;
  /** Its process has a terminal. */
  readonly tty: boolean;
  /** It was made to be started with a stdin. */
  readonly openStdin: boolean;
  /** Removed when its process ends. */
  readonly remove: boolean;
  /** What it writes is kept there; absent: nowhere. */
  readonly log?: RecordedLog;
  /** Absent: `no`. */
  readonly restart?: RestartPolicy;
  readonly isolation: Isolation;
  readonly security: RecordedSecurity;
  /** Ids of the containers whose user namespace and others it shares. */
  readonly joins?: readonly string[];
  /** As it was asked for. */
  readonly confinement: ConfinementOptions;
  /** From the image, for `stop`, `inspect` and health checks. */
  readonly inherited: InheritedDefaults;
  /** Directories elsewhere that hold what it wrote: deleted with it. */
  readonly trees: readonly string[];
  /** What it, or who it was forked from, wrote before a fork; the nearest first. */
  readonly snapshots?: readonly string[];
  /** What it was made with, but for its name, its image and its mounts: for forks of it. */
  readonly options?: Readonly<Record<string, unknown>>;
}

/** What an image says of its containers that does not go into config.json. */
export type InheritedDefaults = Pick<
  ContainerDefaults,
  "StopSignal" | "ExposedPorts" | "Healthcheck"
>;

export interface RecordedImage {
  /** As it was asked for: `busybox`, `host`. */
  readonly name: string;
  /** Absent for `host`. */
  readonly id?: Digest;
  /** Bottom first; they stay as long as this record does. */
  readonly layers: readonly ChainId[];
}

/** How it ended the last time; written by its keeper, or by the sweep in its place. */
export interface ExitRecord {
  readonly exitCode: number;
  /** Absent when the command never began. */
  readonly startedAt?: string;
  readonly finishedAt: string;
  /** Why the command never began, or not again. */
  readonly error?: string;
  /** How often its keeper started it again; absent: never. */
  readonly restartCount?: number;
  /** Somebody wanted it to. */
  readonly stoppedByHand?: boolean;
}

export const CONTAINER_ID = /^[0-9a-f]{64}$/;
const RECORD = "record.json";
const FORMAT = 1;
const SECCOMP = ["default", "custom", "unconfined"] as const;

export function encodeRecord(record: ContainerRecord): Buffer {
  return Buffer.from(`${JSON.stringify({ format: FORMAT, ...record })}\n`);
}

export function recordPath(paths: Paths, id: string): string {
  return join(paths.container(id), RECORD);
}

/** `undefined` when there is no such container, or no longer. */
export async function findRecord(paths: Paths, id: string): Promise<ContainerRecord | undefined> {
  return findRecordIn(paths.container(id));
}

/** The same for a container's directory wherever it is. */
export async function findRecordIn(directory: string): Promise<ContainerRecord | undefined> {
  return findRecordAt(join(directory, RECORD));
}

/** The same of a file. */
export async function findRecordAt(path: string): Promise<ContainerRecord | undefined> {
  const json = readJson(path);
  return json === undefined ? undefined : parseRecord(json, path);
}

/** The ids of all containers that are there whole. */
export async function listIds(paths: Paths): Promise<readonly string[]> {
  return (await readdir(paths.containers)).filter((name) => CONTAINER_ID.test(name));
}

/** `undefined` while it has not ended. */
export async function findExit(paths: Paths, id: string): Promise<ExitRecord | undefined> {
  const path = exitPath(paths, id);
  const json = readJson(path);
  return json === undefined ? undefined : parseExit(json, path);
}

export function exitPath(paths: Paths, id: string): string {
  return join(paths.container(id), "exit.json");
}

/** At once: a small file is read sooner than one of Node's threads is woken for it. */
function readJson(path: string): unknown {
  try {
    return parseJson(readFileSync(path), path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Throws `CORRUPT`, or `UNSUPPORTED` for a record of another version. */
export function parseRecord(json: unknown, what: string): ContainerRecord {
  const fields = new JsonReader(json, what);
  const format = fields.size("format");
  if (format !== FORMAT) {
    throw new MarmitaError("UNSUPPORTED", `${what} has format ${format}, not ${FORMAT}`, {
      hint: "It was written by another version of marmita: use that one.",
    });
  }
  const id = fields.text("id");
  if (!CONTAINER_ID.test(id)) throw new MarmitaError("CORRUPT", `${what}: not an id: ${id}`);
  const joins = fields.findTexts("joins");
  const volumesFrom = fields.findTexts("volumesFrom");
  const log = fields.findObject("log", parseRecordedLog);
  const restart = fields.findObject("restart", parseRestartPolicy);
  const snapshots = fields.findTexts("snapshots");
  const options = fields.findObject("options", parseOptions);
  return {
    id,
    name: fields.text("name"),
    createdAt: fields.text("createdAt"),
    image: fields.object("image", parseImage),
    command: fields.findTexts("command") ?? [],
    entrypointWords: fields.findSize("entrypointWords") ?? 0,
    hostname: fields.text("hostname"),
    labels: fields.findTextMap("labels") ?? {},
    mounts: fields.list("mounts", parseMount),
    ...(volumesFrom === undefined ? {} : { volumesFrom }),
    networking: parseNetworking(fields),
    readOnly: fields.findFlag("readOnly") ?? false,
    tty: fields.findFlag("tty") ?? false,
    openStdin: fields.findFlag("openStdin") ?? false,
    remove: fields.findFlag("remove") ?? false,
    ...(log === undefined ? {} : { log }),
    ...(restart === undefined ? {} : { restart }),
    isolation: fields.object("isolation", parseIsolation),
    security: fields.findObject("security", parseSecurity) ?? DEFAULT_SECURITY,
    ...(joins === undefined ? {} : { joins }),
    confinement: fields.findObject("confinement", parseConfinement) ?? {},
    inherited: fields.findObject("inherited", parseInherited) ?? {},
    trees: fields.findTexts("trees") ?? [],
    ...(snapshots === undefined ? {} : { snapshots }),
    ...(options === undefined ? {} : { options }),
  };
}

function parseImage(json: unknown, what: string): RecordedImage {
  const fields = new JsonReader(json, what);
  const id = fields.findText("id");
  return {
    name: fields.text("name"),
    ...(id === undefined ? {} : { id: parseDigest(id, what) }),
    layers: fields.list("layers", parseDigest),
  };
}

function parseMount(json: unknown, what: string): RecordedMount {
  try {
    checkRecordedMount(json, what);
  } catch (cause) {
    if (!isMarmitaError(cause)) throw cause;
    throw new MarmitaError("CORRUPT", cause.message, { cause });
  }
  return json;
}

function parseConfinement(json: unknown, what: string): ConfinementOptions {
  try {
    checkConfinement(json);
    return json;
  } catch (cause) {
    throw new MarmitaError("CORRUPT", `${what} is none`, { cause });
  }
}

/** Whoever uses them checks them. */
function parseOptions(json: unknown, what: string): Readonly<Record<string, unknown>> {
  if (isJsonObject(json)) return json;
  throw new MarmitaError("CORRUPT", `${what} is no object`);
}

function parseInherited(json: unknown, what: string): InheritedDefaults {
  const { StopSignal, ExposedPorts, Healthcheck } = parseContainerDefaults(json, what);
  return { StopSignal, ExposedPorts, Healthcheck };
}

function parseIsolation(json: unknown, what: string): Isolation {
  const fields = new JsonReader(json, what);
  const reason = fields.findText("networkReason");
  return {
    ids: choice(fields, "ids", ["subids", "root", "single"]),
    rootfs: choice(fields, "rootfs", ["overlay", "fuse-overlayfs"]),
    network: checked(fields, "network", isNetworkLevel),
    ...(reason === undefined ? {} : { networkReason: reason }),
    seccomp: fields.has("seccomp") ? choice(fields, "seccomp", SECCOMP) : "unconfined",
    notes: fields.findTexts("notes") ?? [],
  };
}

function parseNetworking(record: JsonReader): Networking {
  return record.object("networking", (json, what) => {
    const fields = new JsonReader(json, what);
    return {
      mode: checked(fields, "mode", isNetworkMode),
      dns: fields.findTexts("dns") ?? [],
      dnsSearch: fields.findTexts("dnsSearch") ?? [],
      dnsOptions: fields.findTexts("dnsOptions") ?? [],
      extraHosts: fields.findTexts("extraHosts") ?? [],
    };
  });
}

function checked<T extends string>(
  fields: JsonReader,
  name: string,
  isOne: (value: unknown) => value is T,
): T {
  const text = fields.text(name);
  if (isOne(text)) return text;
  throw new MarmitaError("CORRUPT", `"${name}" is "${text}"`);
}

function choice<T extends string>(fields: JsonReader, name: string, choices: readonly T[]): T {
  const text = fields.text(name);
  const found = choices.find((candidate) => candidate === text);
  if (found !== undefined) return found;
  throw new MarmitaError("CORRUPT", `"${name}" is "${text}", not ${choices.join(" or ")}`);
}

function parseExit(json: unknown, what: string): ExitRecord {
  const fields = new JsonReader(json, what);
  const startedAt = fields.findText("startedAt");
  const error = fields.findText("error");
  const restartCount = fields.findSize("restartCount");
  return {
    exitCode: fields.size("exitCode"),
    finishedAt: fields.text("finishedAt"),
    ...(restartCount === undefined ? {} : { restartCount }),
    ...(fields.findFlag("stoppedByHand") === true ? { stoppedByHand: true } : {}),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(error === undefined ? {} : { error }),
  };
}
