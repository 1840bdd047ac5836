/** What the compilation of a plan goes by beside config.json. */
import type { Plan } from "../native/plan.ts";
import type { HealthCheckPlan } from "./healthcheck.ts";
import type { IdMapping } from "./id-maps.ts";
import type { Join } from "./joins.ts";

/** Where a container's files are and what of it is known to its keeper. All paths are absolute. */
export interface CompileContext {
  readonly id: string;
  /** How its keeper calls itself: the container's name. */
  readonly title: string;
  /** The directory of the bundle. */
  readonly bundle: string;
  readonly live: string;
  /** The link that takes the container's name, which goes with the container. */
  readonly name?: string | undefined;
  /** Present: the container goes when its process ends, by way of this path; `trees` go too. */
  readonly remove?: { readonly trash: string; readonly trees?: readonly string[] } | undefined;
  /** Where what it writes is kept; absent where nowhere. */
  readonly log?: LogContext | undefined;
  /** Whoever attaches may write to it; without, it reads nothing unless its starter has it read. */
  readonly openStdin?: boolean | undefined;
  /** Absent: it ends for good. */
  readonly restart?: RestartPolicy | undefined;
  /** Present: its keeper carries out the plan at this path now and then. */
  readonly health?: (Omit<HealthCheckPlan, "command"> & { readonly plan: string }) | undefined;
  /** Of the namespace that the keeper runs in. */
  readonly mapping: IdMapping;
  /** The caller is not root in there: what the plan makes is to be root's. */
  readonly becomesRoot?: boolean | undefined;
  readonly rootfs: Rootfs;
  /** The path of fuse-overlayfs, where the kernel's overlay will not do. */
  readonly fuse?: string | undefined;
  /** Among config.json's mounts, those that are volumes. */
  readonly volumes?: readonly VolumeContext[] | undefined;
  /** What lies below its writable layer beside the image's: it is let go of with the container. */
  readonly snapshots?: readonly SnapshotContext[] | undefined;
  /** Images among them: mounted outside of the root, and bound from there. */
  readonly images?: readonly ImageContext[] | undefined;
  /** Those of which only a part is mounted. */
  readonly parts?: readonly PartContext[] | undefined;
  /** What config.json's namespaces with a path belong to. */
  readonly joins?: readonly Join[] | undefined;
  /** The directory of compiled filters. */
  readonly filters: string;
  /** The first process is one that reaps and passes signals on, not the command. */
  readonly init?: boolean | undefined;
  /** Supplementary groups by name, beside `additionalGids`: looked up inside. */
  readonly groupNames?: readonly string[] | undefined;
  /** Absent: nobody connects its network namespace. */
  readonly network?: NetworkContext | undefined;
  /** Where its keeper notes what happens to it, and what is told of it each time. */
  readonly events?:
    | { readonly path: string; readonly attributes: Readonly<Record<string, string>> }
    | undefined;
  /** Whether /sys/fs/cgroup of this machine is a cgroup v2 tree. */
  readonly hasCgroup2: boolean;
}

export interface LogContext {
  readonly path: string;
  /** Bytes of a file before the next is begun; 0: no limit. */
  readonly maxSize: number;
  /** How many there are at most, with the one that is written. */
  readonly maxFiles: number;
}

/** When its keeper starts it again. */
export interface RestartPolicy {
  readonly name: "always" | "unless-stopped" | "on-failure";
  /** With `on-failure`; 0: no limit. */
  readonly maxRetries: number;
}

export interface NetworkContext {
  /** To be tried in this order: names and command lines. */
  readonly helpers: readonly { readonly name: string; readonly command: readonly string[] }[];
  /** Whether the container must not start without. */
  readonly isRequired: boolean;
  /** /etc/hosts but for the container's own line, and the names of that. */
  readonly otherHosts: string;
  readonly ownNames: string;
}

/** The layers of an image, put together at a directory of the bundle. */
export interface ImageContext {
  /** Where; absolute. */
  readonly merged: string;
  /** The top first. */
  readonly lowers: readonly string[];
  /** What is written goes here; nothing is without. */
  readonly upper?: string | undefined;
  readonly work?: string | undefined;
  /** An empty directory: a stack of one layer is none. */
  readonly empty: string;
}

/** What is mounted is but a part of something, wherever its links lead. */
export interface PartContext {
  /** In the container. */
  readonly target: string;
  /** The whole: a directory of this machine. */
  readonly base: string;
  readonly subpath: string;
}

/** A volume, which is filled from the image before anything is mounted over what is there. */
export interface VolumeContext {
  /** `volumes/<name>` */
  readonly directory: string;
  /** In the container. */
  readonly target: string;
  /** Whether it gets what the image has there while it is empty. */
  readonly copy: boolean;
  /** Whether it outlives a power cut. */
  readonly durable: boolean;
  /** A file that says that this was done for this container; absent for one that starts once. */
  readonly done?: string | undefined;
  /** Present: it is removed with the container, by way of this path, unless others have it. */
  readonly trash?: string | undefined;
}

/** What another container wrote, below this one's writable layer. */
export interface SnapshotContext {
  /** `snapshots/<id>` */
  readonly directory: string;
  /** By way of this path it is removed with the last container that has it. */
  readonly trash: string;
}

export type Rootfs =
  /** Directories of layers, the top first; what is written goes to `upper` in the bundle. */
  | { readonly kind: "overlay"; readonly lowers: readonly string[] }
  | {
      readonly kind: "fuse-overlayfs";
      readonly lowers: readonly string[];
      /** Its path. */
      readonly program: string;
    }
  /** Already there, at the bundle's `root.path`. */
  | { readonly kind: "directory" }
  /** Image `host`: operations that fill an empty tmpfs (host-image.ts). */
  | { readonly kind: "host"; readonly operations: Plan };
