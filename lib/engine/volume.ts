/** One volume: what it is, where it lies, and who has it. */
import { volumeData } from "../runtime/compile-volumes.ts";
import type { Paths } from "../store/paths.ts";
import { findVolumeRecord } from "./volume-record.ts";
import { usersOf } from "./volume-users.ts";
import { isVolume } from "./volumes.ts";

export interface Volume {
  readonly name: string;
  readonly driver: "local";
  /** RFC 3339. */
  readonly createdAt: string;
  /** One without a name of somebody's choice has Docker's `com.docker.volume.anonymous`. */
  readonly labels: Readonly<Record<string, string>>;
  /** Nobody chose its name: it goes with the first prune that finds it unused. */
  readonly anonymous: boolean;
  /** The directory that containers see, whose files may belong to subordinate ids. */
  readonly mountpoint: string;
  /** Ids of the containers that have it, running or not. */
  readonly containers: readonly string[];
}

export interface CreateVolumeOptions {
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

export interface RemoveVolumeOptions {
  /** One that is not there is no failure. Default: false. */
  readonly force?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

const ANONYMOUS = { "com.docker.volume.anonymous": "" };

/** `undefined` when there is none; also when it is being removed. */
export async function findVolume(paths: Paths, name: string): Promise<Volume | undefined> {
  if (!(await isVolume(paths, name))) return undefined;
  const record = await findVolumeRecord(paths.volume(name));
  if (record === undefined) return undefined;
  return {
    ...record,
    labels: record.anonymous ? { ...record.labels, ...ANONYMOUS } : record.labels,
    mountpoint: volumeData(paths.volume(name)),
    containers: await usersOf(paths, name),
  };
}

/** What `docker volume inspect` prints. */
export interface VolumeInspection {
  readonly CreatedAt: string;
  readonly Driver: string;
  readonly Labels: Readonly<Record<string, string>> | null;
  readonly Mountpoint: string;
  readonly Name: string;
  readonly Options: null;
  readonly Scope: "local";
}

export function inspectVolume(volume: Volume): VolumeInspection {
  const { createdAt, driver, labels, mountpoint, name } = volume;
  return {
    CreatedAt: createdAt,
    Driver: driver,
    Labels: Object.keys(labels).length === 0 ? null : labels,
    Mountpoint: mountpoint,
    Name: name,
    Options: null,
    Scope: "local",
  };
}
