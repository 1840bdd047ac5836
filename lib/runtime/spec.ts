/** Image config and options → the config.json of an OCI runtime bundle, as Docker would write it. */
import { join, posix } from "node:path";
import { MarmitaError } from "../errors.ts";
import type { NamespaceType, Process, RuntimeSpec, User } from "../oci/runtime-spec.ts";
import { DEFAULT_CAPABILITIES } from "./capabilities.ts";
import { keptIds, mirroredIds } from "./container-ids.ts";
import type { IdMapping } from "./id-maps.ts";
import { type BindRequest, containerMounts, type MountRequest } from "./mounts.ts";

/** What an image's config says about its containers; `null` as Go writes it. */
export interface ImageDefaults {
  readonly Env?: readonly string[] | null | undefined;
  readonly Entrypoint?: readonly string[] | null | undefined;
  readonly Cmd?: readonly string[] | null | undefined;
  readonly User?: string | undefined;
  readonly WorkingDir?: string | undefined;
  readonly Labels?: Readonly<Record<string, string>> | null | undefined;
}

/** What the caller asked for: checked, with paths of this machine made absolute. */
export interface SpecOptions {
  readonly command?: readonly string[] | undefined;
  readonly entrypoint?: string | readonly string[] | null | undefined;
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  readonly user?: string | undefined;
  readonly workdir?: string | undefined;
  readonly hostname?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly mounts?: readonly MountRequest[] | undefined;
  readonly readOnly?: boolean | undefined;
  readonly network?: "none" | "host" | undefined;
}

export interface SpecInput {
  readonly id: string;
  /** Absolute; holds `hosts`, `hostname` and `resolv.conf`, and gets the config.json. */
  readonly bundle: string;
  readonly image: ImageDefaults;
  readonly options: SpecOptions;
  readonly mapping: IdMapping;
  /** This machine's name, which containers on its network share. */
  readonly machineName: string;
  /** Image `host`: the caller's own ids stay what they are, and it is the user inside. */
  readonly keep?: { readonly uid: number; readonly gid: number } | undefined;
  /** By name: `net.ipv4.ip_unprivileged_port_start`. */
  readonly sysctl?: Readonly<Record<string, string>> | undefined;
  /** Paths of this machine to be masked beside the usual ones. */
  readonly maskedPaths?: readonly string[] | undefined;
}

const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** moby, daemon/pkg/oci/defaults.go; what is missing on a machine is left out when it starts. */
const MASKED_PATHS = [
  "/proc/acpi",
  "/proc/asound",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/sys/devices/virtual/powercap",
  "/sys/firmware",
];
const READONLY_PATHS = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/** The name a container has for itself. */
export function hostnameOf({
  id,
  options,
  machineName,
}: Pick<SpecInput, "id" | "options" | "machineName">): string {
  return options.hostname ?? (options.network === "host" ? machineName : id.slice(0, 12));
}

/** The image's, with the caller's over them. */
export function labelsOf(
  image: ImageDefaults,
  options: Pick<SpecOptions, "labels">,
): Readonly<Record<string, string>> {
  return { ...image.Labels, ...options.labels };
}

/** Without what crun obeys: an image could have it keep the caller's groups, or change handlers. */
function annotations(labels: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).filter(([key]) => !key.startsWith("run.oci.")));
}

/** Throws `INVALID_ARGUMENT` where neither image nor caller name a command, and for mounts. */
export function createSpec(input: SpecInput): RuntimeSpec {
  const { image, options, mapping, keep } = input;
  const network = options.network ?? "none";
  const ids = keep === undefined ? mirroredIds(mapping) : keptIds(mapping, keep);
  const hasTtyGroup = ids.gids.some(
    (one) => 5 >= one.containerID && 5 < one.containerID + one.size,
  );
  const mounts = containerMounts({
    requests: options.mounts ?? [],
    network,
    etc: etcMounts(input),
    hasTtyGroup,
  });
  return {
    ociVersion: "1.0.2",
    process: processSpec(input),
    root: { path: "rootfs", readonly: options.readOnly === true },
    hostname: hostnameOf(input),
    mounts,
    annotations: annotations(labelsOf(image, options)),
    linux: {
      namespaces: namespaces(network).map((type) => ({ type })),
      uidMappings: ids.uids,
      gidMappings: ids.gids,
      maskedPaths: [...MASKED_PATHS, ...(input.maskedPaths ?? [])],
      readonlyPaths: READONLY_PATHS,
      ...(input.sysctl !== undefined && { sysctl: input.sysctl }),
    },
  };
}

/** Docker's latest adds a time namespace: it has no use until somebody sets offsets in it. */
function namespaces(network: "none" | "host"): readonly NamespaceType[] {
  const always = ["user", "mount", "pid", "ipc", "uts", "cgroup"] as const;
  return network === "host" ? always : [...always, "network"];
}

function etcMounts(input: SpecInput): readonly BindRequest[] {
  const { bundle, options } = input;
  return ["hosts", "hostname", "resolv.conf"].map((file) => ({
    type: "bind",
    source: join(bundle, file),
    target: `/etc/${file}`,
    readOnly: options.readOnly,
  }));
}

function processSpec(input: SpecInput): Process {
  const { image, options } = input;
  return {
    terminal: false,
    user: userSpec(userText(input)),
    args: commandLine(image, options),
    env: environment(input),
    cwd: posix.resolve("/", options.workdir ?? image.WorkingDir ?? "/"),
    capabilities: {
      bounding: DEFAULT_CAPABILITIES,
      effective: DEFAULT_CAPABILITIES,
      permitted: DEFAULT_CAPABILITIES,
    },
    noNewPrivileges: false,
  };
}

/** An entrypoint of the caller's own drops the image's command with the image's entrypoint. */
function commandLine(image: ImageDefaults, options: SpecOptions): readonly string[] {
  const { entrypoint, command = [] } = options;
  const first = entrypoint === undefined ? image.Entrypoint : asList(entrypoint);
  const rest = command.length > 0 || entrypoint !== undefined ? command : image.Cmd;
  const args = [...(first ?? []), ...(rest ?? [])];
  if (args.length > 0) return args;
  throw new MarmitaError("INVALID_ARGUMENT", "no command specified, and the image has none");
}

function asList(entrypoint: string | readonly string[] | null): readonly string[] {
  if (entrypoint === null || entrypoint === "") return [];
  return typeof entrypoint === "string" ? [entrypoint] : entrypoint;
}

/** PATH and HOSTNAME, then the caller's, then the image's, each name once (moby's order). */
function environment(input: SpecInput): readonly string[] {
  const asked = Object.entries(input.options.env ?? {}).flatMap(([name, value]) => {
    return value === undefined ? [] : [[name, value] as const];
  });
  const names = new Map(asked.map(([name]) => [name, true]));
  const inherited = (input.image.Env ?? []).flatMap((line) => {
    const at = line.indexOf("=");
    const name = line.slice(0, at);
    return at < 1 || names.has(name) ? [] : [[name, line.slice(at + 1)] as const];
  });
  const all = new Map([
    ["PATH", DEFAULT_PATH],
    ["HOSTNAME", hostnameOf(input)],
    ...asked,
    ...inherited,
  ]);
  return [...all].map(([name, value]) => `${name}=${value}`);
}

function userText({ image, options, keep }: SpecInput): string {
  const asked = options.user ?? (image.User === "" ? undefined : image.User);
  if (asked !== undefined && asked !== "") return asked;
  return keep === undefined ? "0" : `${keep.uid}:${keep.gid}`;
}

/** Our own plan looks `username` up inside; another runtime takes the numbers, root for names. */
function userSpec(text: string): User {
  const [user = "", group = ""] = text.split(":");
  return { uid: numberOr(user, 0), gid: numberOr(group, 0), username: text };
}

function numberOr(text: string, fallback: number): number {
  return /^\d{1,10}$/.test(text) ? Number(text) : fallback;
}
