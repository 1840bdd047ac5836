/** The config.json of a bundle that is nobody's: numbers for names, paths that move with it. */
import { readlink } from "node:fs/promises";
import { hostname } from "node:os";
import { join, posix } from "node:path";
import type { Image } from "../images/image.ts";
import type { RuntimeSpec } from "../oci/runtime-spec.ts";
import { KEEP_GROUPS } from "../runtime/confinement.ts";
import { type HostFiles, hostFiles } from "../runtime/host-files.ts";
import type { IdMapping } from "../runtime/id-maps.ts";
import { networkSysctls } from "../runtime/machine.ts";
import type { MountRequest } from "../runtime/mounts.ts";
import { type Accounts, resolveUser } from "../runtime/passwd.ts";
import { createSpec } from "../runtime/spec.ts";
import { hostnameOf } from "../runtime/spec-input.ts";
import { readText } from "../util/read-text.ts";
import { errnoOf } from "../util/system-error.ts";
import type { CreateBundleOptions } from "./bundle-options.ts";
import { securityHere } from "./security.ts";

export interface BundleSpecRequest {
  /** Checked. */
  readonly options: CreateBundleOptions;
  readonly image: Image;
  readonly mapping: IdMapping;
  /** Looked at. */
  readonly mounts: readonly MountRequest[];
  /** Where its files are now. */
  readonly rootfs: string;
}

/** Of which a bundle's name for itself is made, where nothing else is asked for. */
const NO_ID = "bundle";

/** Throws `NOT_FOUND` for a user that the image does not have. */
export async function bundleSpec(
  request: BundleSpecRequest,
): Promise<{ readonly spec: RuntimeSpec; readonly files: HostFiles }> {
  const { options, image, mapping, mounts, rootfs } = request;
  const { network = "none", annotations, groupAdd = [] } = options;
  const defaults = image.config.config;
  const { security } = await securityHere(options);
  const asked = options.user ?? (defaults.User === "" ? undefined : defaults.User) ?? "0";
  const keepsGroups = groupAdd.includes(KEEP_GROUPS);
  const accounts = await readAccounts(rootfs);
  const who = resolveUser(asked, keepsGroups ? [] : groupAdd, accounts);
  // runc takes none from an ordinary user: umoci leaves those of the image out, too.
  const groups = mapping.mode === "root" ? [...who.memberships, ...who.further] : who.further;
  const isHomeSet = (defaults.Env ?? []).some((line) => line.startsWith("HOME="));
  const input = {
    id: NO_ID,
    bundle: ".", // a relative source is relative to the bundle (runtime-spec, config.md, "Mounts")
    mapping,
    image: defaults,
    options: {
      ...options,
      network,
      mounts,
      user: `${who.uid}:${who.gid}`,
      groupAdd: keepsGroups ? groupAdd : groups.map(String),
      env: { ...(!isHomeSet && { HOME: who.home }), ...options.env },
      annotations: { ...imageAnnotations(image, options), ...annotations },
    },
    machineName: hostname(),
    terminalSize: options,
    sysctl: await networkSysctls(network),
    security,
  };
  const { process, ...rest } = createSpec(input);
  const { username: _, ...user } = process.user; // ours alone would look it up
  const files = hostFiles({ network, hostname: hostnameOf(input) });
  return { spec: { ...rest, process: { ...process, user } }, files };
}

/** What image-spec, conversion.md keeps of an image; its labels count before them. */
function imageAnnotations(
  { config }: Image,
  { stopSignal = config.config.StopSignal }: CreateBundleOptions,
): Readonly<Record<string, string>> {
  const ports = Object.keys(config.config.ExposedPorts ?? {});
  const known = {
    os: config.os,
    architecture: config.architecture,
    variant: config.variant,
    author: config.author,
    created: config.created,
    stopSignal,
    exposedPorts: ports.length === 0 ? undefined : ports.join(","),
  };
  const labels = config.config.Labels ?? {};
  const all = Object.entries(known).map(([name, value]) => {
    return [`org.opencontainers.image.${name}`, value] as const;
  });
  return Object.fromEntries(
    all.flatMap(([name, value]) => (value === undefined || name in labels ? [] : [[name, value]])),
  );
}

async function readAccounts(rootfs: string): Promise<Accounts> {
  const read = (path: string) => readInside(rootfs, path);
  const [passwd, group] = await Promise.all([read("/etc/passwd"), read("/etc/group")]);
  return { passwd, group };
}

const MAX_LINKS = 40;
/** Of such a file, as native/core/passwd.h has it. */
const MAX_BYTES = 16 * 1024 * 1024;

/**
 * `""` for a file that is not there. Links are the image's: they lead to its own files. The tree is
 * a draft that nobody else changes.
 */
async function readInside(rootfs: string, path: string): Promise<string> {
  let names = namesOf(path);
  let at = "/";
  for (let links = 0; names.length > 0 && links < MAX_LINKS;) {
    const [name = "", ...rest] = names;
    const next = posix.join(at, name); // `..` of / is /
    const target = await linkAt(join(rootfs, next));
    names = rest;
    if (target === undefined) at = next;
    else {
      links++;
      if (target.startsWith("/")) at = "/";
      names = [...namesOf(target), ...rest];
    }
  }
  if (names.length > 0) return "";
  return readText(join(rootfs, at), MAX_BYTES).catch((error: unknown) => {
    if (isNoFile(error)) return "";
    throw error;
  });
}

function namesOf(path: string): readonly string[] {
  return path.split("/").filter((name) => name !== "");
}

/** `undefined` for what is no link, or is not there. */
async function linkAt(path: string): Promise<string | undefined> {
  return readlink(path).catch((error: unknown) => {
    if (errnoOf(error) === "EINVAL" || isNoFile(error)) return undefined;
    throw error;
  });
}

const NO_FILE = ["ENOENT", "ENOTDIR", "EISDIR", "EINVAL"];

function isNoFile(error: unknown): boolean {
  return NO_FILE.includes(errnoOf(error) ?? "");
}
