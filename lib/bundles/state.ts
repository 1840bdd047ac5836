/** The state of containers made of bundles, as the OCI runtime specification has it. */
import { closeSync, constants, existsSync, openSync } from "node:fs";
import { isMarmitaError } from "../errors.ts";
import { OCI_VERSION } from "../oci/spec-version.ts";
import { type Checks, check, word } from "../util/check.ts";
import { isMissing } from "../util/system-error.ts";
import type { ContainerPaths } from "./container-directory.ts";
import {
  checkContainerDirectory,
  isHeld,
  listContainerIds,
  notFound,
} from "./container-directory.ts";
import { callback, checkRootOption } from "./create-options.ts";
import type { WarningOption } from "./options.ts";
import { isSpoilt } from "./own-file.ts";
import { isPaused } from "./pause-state.ts";
import { isAlive } from "./process-identity.ts";
import { type ContainerRecord, readRecord } from "./record.ts";
import { type StateRootOption, checkStateRoot, chooseStateRoot } from "./state-root.ts";

/**
 * `creating`: its creator is at work. `created`: its first process waits to be started. `paused`: all of
 * its processes stand still. `stopped`: it has ended, or was never made whole.
 */
export type BundleStatus = "creating" | "created" | "running" | "paused" | "stopped";

/** runtime-spec, runtime.md, "State", and what `runc list` has beside it. */
export interface ContainerState {
  readonly ociVersion: string;
  readonly id: string;
  readonly status: BundleStatus;
  /** Its first process on this machine; 0 for one that has none. */
  readonly pid: number;
  /** Absolute. */
  readonly bundle: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly rootfs: string;
  /** When it was made: RFC 3339, UTC. */
  readonly created: string;
  readonly owner: string;
}

/** A container that is there, and what is known of it at this moment. */
export interface FoundContainer {
  readonly root: string;
  readonly paths: ContainerPaths;
  readonly record: ContainerRecord;
  readonly state: ContainerState;
}

export interface FindOptions extends StateRootOption {
  /** The caller holds it: then nobody else makes it. */
  readonly isOurs?: boolean;
}

/** Throws `NOT_FOUND`, and `CORRUPT` for a record that cannot be read. */
export function findContainer(id: string, options: FindOptions = {}): FoundContainer {
  const root = chooseStateRoot(options);
  const paths = checkContainerDirectory(root, id);
  const record = readRecord(paths.state) ?? recordOfDraft(id, paths);
  const isMade = record.init === undefined && options.isOurs !== true && isHeld(paths);
  return { root, paths, record, state: stateOf(record, paths, isMade) };
}

/** Its creator has not yet said what it makes, or never came to that. */
function recordOfDraft(id: string, { lock }: ContainerPaths): ContainerRecord {
  // It comes with the directory: another one that stands here is no container.
  if (!existsSync(lock)) throw notFound(id);
  return {
    ociVersion: OCI_VERSION,
    id,
    bundle: "",
    rootfs: "",
    created: new Date(0).toISOString(),
    owner: "",
    annotations: {},
    filters: "",
  };
}

/** `isMade`: somebody is at work on it. */
function stateOf(record: ContainerRecord, paths: ContainerPaths, isMade: boolean): ContainerState {
  const { ociVersion, id, bundle, annotations, rootfs, created, owner, init } = record;
  const status = isMade ? "creating" : statusOf(record, paths);
  const pid = status === "stopped" ? 0 : (init?.pid ?? 0);
  return { ociVersion, id, status, pid, bundle, annotations, rootfs, created, owner };
}

function statusOf(record: ContainerRecord, paths: ContainerPaths): BundleStatus {
  const { init } = record;
  if (init === undefined || !isAlive(init)) return "stopped";
  if (waitsAt(paths.execFifo)) return "created";
  return isPaused(record, paths) ? "paused" : "running";
}

/** Whoever lets it go and is killed leaves the pipe, at which nobody waits any more. */
function waitsAt(fifo: string): boolean {
  try {
    closeSync(openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW));
    return true;
  } catch (error) {
    if (isMissing(error) || isSpoilt(error)) return false; // ENXIO: nobody is at the other end
    throw error;
  }
}

export async function getState(id: string, options: StateRootOption = {}): Promise<ContainerState> {
  checkRootOption(options);
  return findContainer(id, options).state;
}

const listChecks: Checks<StateRootOption & WarningOption> = { root: word, onWarning: callback };

/** All there are, by id. One that is deleted meanwhile is not among them, nor is one whose record nobody can read: of that a warning tells. */
export async function listStates(
  options: StateRootOption & WarningOption = {},
): Promise<readonly ContainerState[]> {
  check(listChecks, options);
  const root = chooseStateRoot(options);
  checkStateRoot(root);
  const { onWarning = () => undefined } = options;
  return (await listContainerIds(root)).flatMap((id) => stateIfThere(id, root, onWarning));
}

function stateIfThere(
  id: string,
  root: string,
  onWarning: (text: string) => void,
): readonly ContainerState[] {
  try {
    return [findContainer(id, { root }).state];
  } catch (error) {
    if (isMarmitaError(error, "CORRUPT")) onWarning(error.message);
    else if (!isMarmitaError(error, "NOT_FOUND")) throw error;
    return [];
  }
}
