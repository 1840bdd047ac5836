/** What a bundle's config.json may ask for that is not carried out: refused by name. */
import { MarmitaError } from "../errors.ts";
import type { IdExtent } from "../native/helper.ts";
import type { NamespaceType, Process, RuntimeSpec } from "../oci/runtime-spec.ts";
import type { BundleIds } from "./bundle-context.ts";
import { sysctlNamespace } from "./sysctls.ts";

/** Throws `UNSUPPORTED` with the first such property as `details.field`. */
export function refuseBundle(spec: RuntimeSpec, ids: BundleIds): void {
  const { linux, hostname, domainname, process } = spec;
  const has = (type: NamespaceType) => linux.namespaces.some((one) => one.type === type);
  if (!has("mount")) throw unsupported("linux.namespaces", "without a mount namespace");
  if (!has("uts")) {
    if (hostname !== undefined) throw unsupported("hostname", "without a uts namespace");
    if (domainname !== undefined) throw unsupported("domainname", "without a uts namespace");
  }
  if (!has("time") && Object.keys(linux.timeOffsets ?? {}).length > 0) {
    throw unsupported("linux.timeOffsets", "without a time namespace");
  }
  if (linux.intelRdt !== undefined) throw unsupported("linux.intelRdt");
  refuseSysctls(spec, has);
  refuseUnmapped(process, ids);
}

function refuseSysctls({ linux, mounts = [] }: RuntimeSpec, has: (type: NamespaceType) => boolean) {
  const names = Object.keys(linux.sysctl ?? {});
  for (const name of names) {
    const owner = sysctlNamespace(name);
    const field = `linux.sysctl[${JSON.stringify(name)}]`;
    if (owner === undefined) throw unsupported(field, "it belongs to the whole machine");
    if (!has(owner)) throw unsupported(field, `without a ${owner} namespace`);
  }
  const hasProc = mounts.some(({ destination }) => /^\/*proc\/*$/.test(destination));
  if (names.length > 0 && !hasProc) throw unsupported("linux.sysctl", "without a mount at /proc");
}

/** The kernel would say no more than "Invalid argument". */
function refuseUnmapped({ user }: Process, ids: BundleIds): void {
  if (ids.kind === "none") return;
  const { uids, gids, denySetgroups } = ids;
  checkMapped("process.user.uid", user.uid, uids);
  checkMapped("process.user.gid", user.gid, gids);
  if (denySetgroups) return; // it cannot have any others
  for (const [index, gid] of (user.additionalGids ?? []).entries()) {
    checkMapped(`process.user.additionalGids[${index}]`, gid, gids);
  }
}

function checkMapped(field: string, id: number, lines: readonly IdExtent[]): void {
  if (lines.some(({ inside, size }) => id >= inside && id < inside + size)) return;
  throw new MarmitaError("INVALID_ARGUMENT", `config.json: ${field}: ${id} is not mapped`, {
    hint: "Add it to the mappings of linux, or give the caller subordinate ids (subuid(5)).",
    details: { field, value: id },
  });
}

function unsupported(field: string, why?: string): MarmitaError {
  const words = why === undefined ? "" : `: ${why}`;
  return new MarmitaError("UNSUPPORTED", `config.json: ${field} is not supported${words}`, {
    details: { field },
  });
}
