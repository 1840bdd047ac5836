/** What callers may ask of a bundle made from an image. */
import type { ContainerOptions, ImplicitPullOptions } from "./container-options.ts";
import type { BindMount, TmpfsMount } from "./mounts.ts";
import type { TerminalSizeOptions } from "./options.ts";

/** What only an engine can do, or only for containers of its own. */
type Kept =
  | "name"
  | "remove"
  | "restart"
  | "healthcheck"
  | "log"
  | "openStdin"
  | "volumesFrom"
  | "dns"
  | "dnsSearch"
  | "dnsOptions"
  | "extraHosts"
  | "init"
  | "userns"
  | "stopTimeoutMs"
  | "network"
  | "mounts"
  | "pid"
  | "ipc";

/** What a bundle's container is to be like. Everything left out comes from the image. */
export interface BundleOptions
  extends Omit<ContainerOptions, Kept>, ImplicitPullOptions, TerminalSizeOptions {
  /** Where the bundle is made; made when missing, in a directory that is there. It must be empty. */
  readonly directory: string;
  /** Sources are paths of this machine: no other has them. */
  readonly mounts?: readonly (BindMount | TmpfsMount)[];
  /**
   * `none`: a network of its own, with a loopback interface; hooks or the runtime's caller connect it.
   * `host`: this machine's. Default: `none`.
   */
  readonly network?: "none" | "host";
  /** Default: `private`. */
  readonly pid?: "private" | "host";
  /** Default: `private`. */
  readonly ipc?: "private" | "shareable" | "none" | "host";
  /** Nothing of the bundle is left when it is aborted. */
  readonly signal?: AbortSignal;
}

export interface CreateBundleOptions extends BundleOptions {
  /** A name, or the id of an image or a unique part of its start. */
  readonly image: string;
  /** Default: the image's command. */
  readonly command?: readonly string[];
}
