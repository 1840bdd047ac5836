/** What callers may ask of a container. */
import type { ConfinementOptions } from "../runtime/confinement.ts";
import type { SecurityOptions } from "../runtime/security.ts";
import type { Mount } from "./mounts.ts";

/** `none` has a loopback interface only; `host` shares this machine's network. */
export type NetworkMode = "none" | "host";

/** What a container is made with. Everything left out comes from the image. */
export interface ContainerOptions extends ConfinementOptions, SecurityOptions {
  /** Two or more of letters, digits, `_`, `.` and `-`. Default: one is made up. */
  readonly name?: string;
  /** Added to the image's environment; `undefined` as a value is left out. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** `user`, `user:group`, by name or number, looked up in the container. */
  readonly user?: string;
  /** An absolute path in the container; made when missing. */
  readonly workdir?: string;
  /** Replaces the image's; then the image's command is dropped too. `null` and `[]` clear it. */
  readonly entrypoint?: string | readonly string[] | null;
  /** Default: the first twelve digits of the id; with network `host`, this machine's. */
  readonly hostname?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly mounts?: readonly Mount[];
  /** The root file system cannot be written; mounts still can. */
  readonly readOnly?: boolean;
  /** The container and what it wrote are removed when its process ends. */
  readonly remove?: boolean;
  /**
   * The command gets a terminal of its own: line editing, job control, one stream for all output.
   * TERM is `xterm` unless the environment has one.
   */
  readonly tty?: boolean;
  /** Default: `none`. */
  readonly network?: NetworkMode;
}

export interface CreateOptions extends ContainerOptions {
  /** A name, or the id of an image or a unique part of its start; or `host`. */
  readonly image: string;
  /** Default: the image's command. */
  readonly command?: readonly string[];
}
