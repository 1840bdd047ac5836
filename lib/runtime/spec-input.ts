/** What a container's config.json is made from. */
import type { ContainerDefaults } from "../oci/image-config.ts";
import type { ConfinementOptions } from "./confinement.ts";
import type { IdMapping } from "./id-maps.ts";
import type { Join } from "./joins.ts";
import type { MountRequest } from "./mounts.ts";
import type { Security } from "./security.ts";
import type { NetworkLevel } from "./network.ts";

/** What an image's config says about its containers; `null` as Go writes it. */
export interface ImageDefaults {
  readonly Env?: readonly string[] | null | undefined;
  readonly Entrypoint?: readonly string[] | null | undefined;
  readonly Cmd?: readonly string[] | null | undefined;
  readonly User?: string | undefined;
  readonly WorkingDir?: string | undefined;
  readonly StopSignal?: string | undefined;
  readonly ExposedPorts?: ContainerDefaults["ExposedPorts"];
  readonly Healthcheck?: ContainerDefaults["Healthcheck"];
  /** What a line of its health check is given to. */
  readonly Shell?: readonly string[] | null | undefined;
  readonly Labels?: Readonly<Record<string, string>> | null | undefined;
  /** Directories that are volumes of each container. */
  readonly Volumes?: Readonly<Record<string, unknown>> | null | undefined;
}

/** What the caller asked for: checked, with paths of this machine made absolute. */
export interface SpecOptions extends ConfinementOptions {
  readonly command?: readonly string[] | undefined;
  readonly entrypoint?: string | readonly string[] | null | undefined;
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  readonly user?: string | undefined;
  readonly workdir?: string | undefined;
  readonly hostname?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly mounts?: readonly MountRequest[] | undefined;
  readonly readOnly?: boolean | undefined;
  /** What it has, not what was asked. Default: `none`. */
  readonly network?: NetworkLevel | undefined;
  readonly tty?: boolean | undefined;
}

/** How many characters a terminal has in a line, and how many lines. */
export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** Of what is asked for, as much as is. */
export interface AskedSize {
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
}

/** What programs take for granted when a terminal does not know its size. */
const DEFAULT_SIZE: TerminalSize = { columns: 80, rows: 24 };

/** The size with what is missing of it. */
export function sizeOf({ columns, rows }: AskedSize = {}): TerminalSize {
  return { columns: columns ?? DEFAULT_SIZE.columns, rows: rows ?? DEFAULT_SIZE.rows };
}

export interface SpecInput {
  readonly id: string;
  /** Absolute; holds `hosts`, `hostname` and `resolv.conf`, and gets the config.json. */
  readonly bundle: string;
  /** Another directory that holds these three. */
  readonly etc?: string | undefined;
  readonly image: ImageDefaults;
  readonly options: SpecOptions;
  readonly mapping: IdMapping;
  /** This machine's name, which containers on its network share. */
  readonly machineName: string;
  /** Image `host`: the caller's own ids stay what they are, and it is the user inside. */
  readonly keep?: { readonly uid: number; readonly gid: number } | undefined;
  /** Absent: Docker's defaults. */
  readonly security?: Security | undefined;
  /** Of the terminal, where the container has one. */
  readonly terminalSize?: AskedSize | undefined;
  /** By name: `net.ipv4.ip_unprivileged_port_start`. */
  readonly sysctl?: Readonly<Record<string, string>> | undefined;
  /** Containers that run and that this one shares namespaces with. */
  readonly joins?: readonly Join[] | undefined;
}

/** The name a container has for itself. */
export function hostnameOf({
  id,
  options,
  machineName,
}: Pick<SpecInput, "id" | "options" | "machineName">): string {
  if (options.uts === "host") return machineName;
  return options.hostname ?? (options.network === "host" ? machineName : id.slice(0, 12));
}

/** The image's, with the caller's over them. */
export function labelsOf(
  image: ImageDefaults,
  options: Pick<SpecOptions, "labels">,
): Readonly<Record<string, string>> {
  return { ...image.Labels, ...options.labels };
}
