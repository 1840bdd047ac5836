/** What callers may ask of a container. */
import type { OnProgress } from "../images/progress.ts";
import type { ConfinementOptions } from "../runtime/confinement.ts";
import type { SecurityOptions } from "../runtime/security.ts";
import type { LogOptions } from "./log-options.ts";
import type { Mount } from "./mounts.ts";
import type { HealthcheckOptions } from "../runtime/healthcheck.ts";
import type { RestartOption } from "./restart-policy.ts";

/**
 * `private`, also `bridge`: a network of its own, from which others are reached through pasta or
 * slirp4netns, or through the one that is named here. `none` has a loopback interface only; `host`
 * shares this machine's network, `container:NAME` that of a container, which must run: by name, id
 * or a unique start of its id. That one's names are shared with it.
 */
export type NetworkMode =
  | "private"
  | "bridge"
  | "none"
  | "host"
  | "pasta"
  | "slirp4netns"
  | `container:${string}`;

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
  /**
   * Binds and volumes of other containers, by name, id or start of an id: `web`, `web:ro`. Those in
   * `mounts` replace them.
   */
  readonly volumesFrom?: readonly string[];
  /** The root file system cannot be written; mounts still can. */
  readonly readOnly?: boolean;
  /**
   * `linux/arm64`: an image for another one is refused, unless `pull` brings one for this. Default:
   * whatever the image here is for.
   */
  readonly platform?: string;
  /** The container and what it wrote are removed when its process ends. */
  readonly remove?: boolean;
  /** Whether it is started again when it ends. Default: `no`. Not together with `remove`. */
  readonly restart?: RestartOption;
  /**
   * A command that is run in it now and then, with nobody of ours alive, to tell whether it is well;
   * `none` for none. What is not said is as its image has it.
   */
  readonly healthcheck?: HealthcheckOptions | "none";
  /** Whether what it writes is kept, and how much of it. */
  readonly log?: LogOptions;
  /**
   * Its stdin stays open for those who attach to it, until the first who does so leaves. Default:
   * what it is started with decides.
   */
  readonly openStdin?: boolean;
  /**
   * The command gets a terminal of its own: line editing, job control, one stream for all output.
   * TERM is `xterm` unless the environment has one.
   */
  readonly tty?: boolean;
  /**
   * Default: `private`, and `none` where this machine cannot; the result's `isolation` says so.
   * `private` asked for fails there.
   */
  readonly network?: NetworkMode;
  /** Addresses of name servers, in place of this machine's. */
  readonly dns?: readonly string[];
  /** Domains to search, in place of this machine's; `["."]`: none. */
  readonly dnsSearch?: readonly string[];
  /** As in resolv.conf(5), in place of this machine's: `ndots:2`. */
  readonly dnsOptions?: readonly string[];
  /**
   * Lines of /etc/hosts: `name:address`. The address `host-gateway` stands for this machine, of
   * which the container can then reach what does not listen on loopback only.
   */
  readonly extraHosts?: readonly string[];
}

/**
 * `missing`: an image that is not here is pulled. `always`: what its name means in the registry now,
 * which has to answer. `never`: it is here, or that fails.
 */
export type PullPolicy = "missing" | "always" | "never";

export interface ImplicitPullOptions {
  /** Default: `missing`. */
  readonly pull?: PullPolicy;
  /** How far the pull is, when there is one. What it throws ends it all. */
  readonly onPullProgress?: OnProgress;
}

export interface CreateOptions extends ContainerOptions, ImplicitPullOptions {
  /** A name, or the id of an image or a unique part of its start; or `host`. */
  readonly image: string;
  /** Default: the image's command. */
  readonly command?: readonly string[];
}
