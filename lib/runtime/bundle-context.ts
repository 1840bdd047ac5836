/** What the compilation of a bundle's plan goes by beside its config.json. */
import type { IdExtent } from "../native/helper.ts";
import type { SpecMount } from "../oci/runtime-spec.ts";

/** Of the user namespace that a bundle's container gets, and who writes its maps. */
export type BundleIds =
  /** No new one: the caller's own, or the one that config.json names by its path. */
  | {
      readonly kind: "none";
      /** Whether setgroups(2) is denied there, for who knows. */
      readonly denySetgroups?: boolean;
      /** It is not that of the machine, whose namespaces are another root's. */
      readonly isNested?: boolean;
      /** The capabilities that can be given; absent: all. */
      readonly granted?: readonly string[];
    }
  /** `direct` writes them itself, `helpers` has newuidmap and newgidmap do it. */
  | {
      readonly kind: "direct" | "helpers";
      readonly uids: readonly IdExtent[];
      readonly gids: readonly IdExtent[];
      readonly denySetgroups: boolean;
    };

/** All paths are absolute. */
export interface BundleContext {
  readonly id: string;
  /** The directory of config.json. */
  readonly bundle: string;
  /** As `chooseBundleIds()` has them. */
  readonly ids: BundleIds;
  /** Its first process waits there until somebody writes to it. */
  readonly execFifo: string;
  /** Of the socket that the master of its terminal is sent to. */
  readonly consoleSocket?: string | undefined;
  /** How many descriptors beyond 0, 1, 2 are the container's too. */
  readonly preserveFds: number;
  /** The root is moved to instead of pivoted to: for a machine that runs from its initramfs. */
  readonly noPivot: boolean;
  /** The container has the session keyring of its caller. */
  readonly noNewKeyring: boolean;
  /** The directory of compiled filters, where that of `linux.seccomp` is by the name of its rules. */
  readonly filters: string;
  /** Of cgroup v2, to be cloned into. */
  readonly cgroupDirectory?: string | undefined;
  /** There is none yet: the first process waits, and is moved into one. */
  readonly cgroupWaits?: boolean | undefined;
  /** Device nodes that its root file system came with cannot be used. */
  readonly hasUselessNodes?: boolean | undefined;
  /** Whether /sys/fs/cgroup is a cgroup v2 tree; absent: it is looked at. */
  readonly hasCgroup2?: boolean | undefined;
  /** The container's state as JSON, up to and with `"pid":`. */
  readonly hookState: (status: "creating" | "created") => string;
  /** Beside those of config.json, after them. */
  readonly extraMounts?: readonly SpecMount[] | undefined;
  /** Beside those of config.json: `NAME=value`. */
  readonly extraEnv?: readonly string[] | undefined;
}
