/** Which user namespace a bundle's container gets, and who may write its maps. */
import { readFile } from "node:fs/promises";
import { MarmitaError } from "../errors.ts";
import type { IdExtent } from "../native/helper.ts";
import type { IdMappingLine, Linux, RuntimeSpec, SpecMount } from "../oci/runtime-spec.ts";
import type { BundleIds } from "./bundle-context.ts";
import { hasCapabilities, permittedCapabilities } from "./capabilities.ts";
import { composeExtents, parseExtents } from "./id-extents.ts";
import { chooseIdMapping, findProgram, type IdMapping } from "./id-maps.ts";

/** What the choice depends on. Tests hand in their own. */
export interface BundleIdHost {
  readonly uid: number;
  readonly gid: number;
  /** `undefined` for a file that is not there. */
  read(path: string): Promise<string | undefined>;
  hasProgram(name: string): Promise<boolean>;
  /** All the ids that this user may give. */
  choose(): Promise<IdMapping>;
}

export interface ChosenIds {
  /** With a user namespace where one is needed, and without what cannot be in it. */
  readonly spec: RuntimeSpec;
  readonly ids: BundleIds;
  /** Why it has fewer ids than it might, for people. */
  readonly warnings: readonly string[];
}

/**
 * A bundle that asks for no user namespace gets one where its caller may make no other namespaces
 * without: with all the ids that the caller may give, or its own alone. One that asks for one
 * without maps gets those, too.
 */
export async function chooseBundleIds(
  spec: RuntimeSpec,
  host: BundleIdHost = thisHost(),
): Promise<ChosenIds> {
  const user = spec.linux.namespaces.find(({ type }) => type === "user");
  if (user?.path !== undefined) return idsOf(user.path, spec, host);
  const isMapped = hasMappings(spec.linux);
  const status = (await host.read("/proc/self/status")) ?? "";
  if (user === undefined && hasCapabilities(status, ["CAP_SYS_ADMIN"])) {
    if (isMapped) throw withoutNamespace();
    const denySetgroups = !(await maySetgroups(host));
    const granted = permittedCapabilities(status);
    const isNested = !(await isOfMachine(host));
    const ids = { kind: "none", denySetgroups, isNested, granted } as const;
    const gids = parseExtents((await host.read("/proc/self/gid_map")) ?? "");
    const possible = gids.length === 0 ? spec : { ...spec, ...mountsWithin(spec, gids) };
    return { spec: possible, ids, warnings: [] };
  }
  if (!isMapped) return withMapping(spec, await host.choose());
  const ids = await givenIds(spec.linux, status, host);
  return { spec: withNamespace(spec), ids, warnings: [] };
}

/** Whether the caller's user namespace is the first one there was. */
async function isOfMachine(host: BundleIdHost): Promise<boolean> {
  const own = parseExtents((await host.read("/proc/self/uid_map")) ?? "");
  return own.length === 1 && own[0]?.size === 0xffff_ffff && own[0].outside === 0;
}

/** Both or none. */
function hasMappings({ uidMappings = [], gidMappings = [] }: Linux): boolean {
  const isMapped = uidMappings.length > 0;
  if (isMapped === gidMappings.length > 0) return isMapped;
  const [field, other] = isMapped ? ["gidMappings", "uidMappings"] : ["uidMappings", "gidMappings"];
  const message = `config.json: linux.${field}: expected it to be there beside ${other}`;
  throw new MarmitaError("INVALID_ARGUMENT", message, { details: { field: `linux.${field}` } });
}

function withoutNamespace(): MarmitaError {
  const field = "linux.uidMappings";
  const message = `config.json: ${field} is not supported: without a user namespace`;
  return new MarmitaError("UNSUPPORTED", message, {
    hint: 'Add {"type":"user"} to linux.namespaces, or leave the mappings out.',
    details: { field },
  });
}

function withNamespace(spec: RuntimeSpec): RuntimeSpec {
  const { linux } = spec;
  if (linux.namespaces.some(({ type }) => type === "user")) return spec;
  return { ...spec, linux: { ...linux, namespaces: [...linux.namespaces, { type: "user" }] } };
}

/** What config.json has of ids is of the caller's namespace. */
async function givenIds(linux: Linux, status: string, host: BundleIdHost): Promise<BundleIds> {
  const uids = extents(linux.uidMappings);
  const gids = extents(linux.gidMappings);
  if (hasCapabilities(status, ["CAP_SETUID", "CAP_SETGID"])) {
    return {
      kind: "direct",
      uids: await split(uids, "uid", host),
      gids: await split(gids, "gid", host),
      denySetgroups: !(await maySetgroups(host)),
    };
  }
  if (isOnly(uids, host.uid) && isOnly(gids, host.gid)) {
    return { kind: "direct", uids, gids, denySetgroups: true };
  }
  for (const helper of ["newuidmap", "newgidmap"]) {
    if (!(await host.hasProgram(helper))) throw missing(helper);
  }
  return { kind: "helpers", uids, gids, denySetgroups: !(await maySetgroups(host)) };
}

function extents(lines: readonly IdMappingLine[] = []): readonly IdExtent[] {
  return lines.map(({ containerID, hostID, size }) => {
    return { inside: containerID, outside: hostID, size };
  });
}

function isOnly([first, ...others]: readonly IdExtent[], id: number): boolean {
  return others.length === 0 && first?.outside === id && first.size === 1;
}

/** The kernel takes no line that spans two of those the caller's own namespace is made of. */
async function split(
  asked: readonly IdExtent[],
  kind: "uid" | "gid",
  host: BundleIdHost,
): Promise<readonly IdExtent[]> {
  const own = parseExtents((await host.read(`/proc/self/${kind}_map`)) ?? "");
  const itself = own.map(({ inside, size }) => ({ inside, outside: inside, size }));
  try {
    return composeExtents(asked, itself);
  } catch (cause) {
    const field = `linux.${kind}Mappings`;
    const message = `config.json: ${field}: ${cause instanceof Error ? cause.message : ""}`;
    throw new MarmitaError("INVALID_ARGUMENT", message, { cause, details: { field } });
  }
}

function withMapping(spec: RuntimeSpec, mapping: IdMapping): ChosenIds {
  const { mode, uids, gids, setgroups, reason } = mapping;
  const namespaces = spec.linux.namespaces.filter(({ type }) => type !== "user");
  const linux = {
    ...spec.linux,
    namespaces: [...namespaces, { type: "user" } as const],
    uidMappings: lines(uids),
    gidMappings: lines(gids),
  };
  return {
    spec: { ...spec, ...mountsWithin(spec, gids), linux },
    ids: {
      kind: mode === "subids" ? "helpers" : "direct",
      uids,
      gids,
      denySetgroups: !setgroups,
    },
    warnings: mode === "single" && reason !== undefined ? [`one id is mapped: ${reason}`] : [],
  };
}

function lines(all: readonly IdExtent[]): readonly IdMappingLine[] {
  return all.map(({ inside, outside, size }) => {
    return { containerID: inside, hostID: outside, size };
  });
}

function mountsWithin({ mounts }: RuntimeSpec, gids: readonly IdExtent[]) {
  return mounts === undefined ? {} : { mounts: mounts.map((mount) => withoutGroup(mount, gids)) };
}

/** Terminals of a group that is not there cannot be: `runc spec` and its like write `gid=5`. */
function withoutGroup(mount: SpecMount, gids: readonly IdExtent[]): SpecMount {
  if (mount.type !== "devpts" || mount.options === undefined) return mount;
  const options = mount.options.filter((option) => {
    const gid = /^gid=(\d{1,10})$/.exec(option)?.[1];
    return gid === undefined || gids.some((line) => holds(line, Number(gid)));
  });
  return { ...mount, options };
}

function holds({ inside, size }: IdExtent, id: number): boolean {
  return id >= inside && id < inside + size;
}

async function maySetgroups(host: BundleIdHost, process = "/proc/self"): Promise<boolean> {
  return (await host.read(`${process}/setgroups`))?.trim() !== "deny";
}

/**
 * Those of a namespace that is there: it has maps already, and what config.json says of them is what
 * whoever made it knows. The process that the path leads by tells of them; else nobody does.
 */
async function idsOf(path: string, spec: RuntimeSpec, host: BundleIdHost): Promise<ChosenIds> {
  const process = /^(\/proc\/[^/]+)\/ns\/user$/.exec(path)?.[1];
  const ids = { kind: "none", isNested: true } as const;
  if (process === undefined) return { spec, ids, warnings: [] };
  const gids = parseExtents((await host.read(`${process}/gid_map`)) ?? "");
  return {
    spec: gids.length === 0 ? spec : { ...spec, ...mountsWithin(spec, gids) },
    ids: { ...ids, denySetgroups: !(await maySetgroups(host, process)) },
    warnings: [],
  };
}

function missing(helper: string): MarmitaError {
  return new MarmitaError(
    "UNSUPPORTED",
    `config.json: linux.uidMappings: ${helper} is not installed, which maps more than one id`,
    {
      hint: "Debian and Ubuntu: apt install uidmap. Or map your own id alone.",
      details: { field: "linux.uidMappings" },
    },
  );
}

function thisHost(): BundleIdHost {
  return {
    uid: process.geteuid?.() ?? 0,
    gid: process.getegid?.() ?? 0,
    read: (path) => readFile(path, "utf8").catch(() => undefined),
    hasProgram: async (name) => (await findProgram(name)) !== undefined,
    choose: () => chooseIdMapping(),
  };
}
