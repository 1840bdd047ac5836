/** state.json: what is known of a container that was made of a bundle, for whoever comes next. */
import { writeAtomic } from "../store/atomic.ts";
import { JsonReader, parseJson } from "../util/json.ts";
import { type CgroupState, parseCgroupState } from "./cgroup-state.ts";
import { readOwnFile } from "./own-file.ts";
import type { ProcessIdentity } from "./process-identity.ts";

/** As in /proc/PID/ns. */
export type HomeNamespace = "pid" | "mnt";

export interface ContainerRecord {
  /** Of the specification that the state follows. */
  readonly ociVersion: string;
  readonly id: string;
  /** Absolute, without links. */
  readonly bundle: string;
  readonly rootfs: string;
  /** RFC 3339, UTC. */
  readonly created: string;
  /** The user who made it; a number where it has no name. */
  readonly owner: string;
  readonly annotations: Readonly<Record<string, string>>;
  /** The process that makes it, until it is made. */
  readonly starter?: ProcessIdentity | undefined;
  /** Its first process; absent until that waits to be started. */
  readonly init?: ProcessIdentity | undefined;
  readonly cgroup?: CgroupState | undefined;
  /** A namespace that nobody else has: who is in it is the container's. */
  readonly home?: HomeNamespace | undefined;
  /** A directory of compiled seccomp filters, for further processes in it. */
  readonly filters: string;
}

const VERSION = 1;

/** Throws `CORRUPT`; `undefined` where there is none (yet). */
export function readRecord(path: string): ContainerRecord | undefined {
  const text = readOwnFile(path);
  return text === undefined ? undefined : parseRecord(text, path);
}

/** It goes with the boot: nothing of it need survive a power cut. */
export function writeRecord(path: string, record: ContainerRecord): Promise<void> {
  const text = JSON.stringify({ version: VERSION, ...record });
  return writeAtomic(path, text, { durable: false, mode: 0o600 });
}

export function parseRecord(text: string, what: string): ContainerRecord {
  const reader = new JsonReader(parseJson(text, what), what);
  const starter = reader.findObject("starter", parseIdentity);
  const init = reader.findObject("init", parseIdentity);
  const cgroup = reader.findObject("cgroup", parseCgroupState);
  const home = reader.findText("home");
  return {
    ociVersion: reader.text("ociVersion"),
    id: reader.text("id"),
    bundle: reader.text("bundle"),
    rootfs: reader.text("rootfs"),
    created: reader.text("created"),
    owner: reader.text("owner"),
    annotations: reader.findTextMap("annotations") ?? {},
    filters: reader.text("filters"),
    ...(starter !== undefined && { starter }),
    ...(init !== undefined && { init }),
    ...(cgroup !== undefined && { cgroup }),
    ...(isHome(home) && { home }),
  };
}

function isHome(text: string | undefined): text is HomeNamespace {
  return text === "pid" || text === "mnt";
}

function parseIdentity(value: unknown, what: string): ProcessIdentity {
  const reader = new JsonReader(value, what);
  return {
    pid: reader.size("pid"),
    startTicks: reader.size("startTicks"),
    bootId: reader.text("bootId"),
  };
}
