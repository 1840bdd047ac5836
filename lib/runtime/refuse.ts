/** What a config.json may ask for that is not carried out: refused by name, never ignored. */
import { MarmitaError } from "../errors.ts";
import type { NamespaceType, RuntimeSpec } from "../oci/runtime-spec.ts";
import { sysctlNamespace } from "./sysctls.ts";

/** The fields that compile() carries out. */
const KNOWN = {
  "": /^(?:ociVersion|process|root|hostname|domainname|mounts|annotations|linux)$/,
  process:
    /^(?:terminal|consoleSize|user|args|env|cwd|capabilities|noNewPrivileges|rlimits|oomScoreAdj)$/,
  "process.user": /^(?:uid|gid|umask|additionalGids|username)$/,
  root: /^(?:path|readonly)$/,
  linux:
    /^(?:[ug]idMappings|namespaces|devices|maskedPaths|readonlyPaths|sysctl|rootfsPropagation|resources|seccomp)$/,
  // Nodes cannot be made in a user namespace, and only harmless ones are bound: no rule is needed.
  "linux.resources": /^devices$/,
};

/**
 * Throws `UNSUPPORTED` naming the first field that cannot be honoured. `joined`: namespaces that
 * the caller knows by more than their path.
 */
export function refuseUnsupported(
  spec: RuntimeSpec,
  joined: ReadonlySet<NamespaceType> = new Set(),
): void {
  refuseUnknown("", spec);
  refuseUnknown("process", spec.process);
  refuseUnknown("process.user", spec.process.user);
  refuseUnknown("root", spec.root);
  refuseUnknown("linux", spec.linux);
  refuseUnknown("linux.resources", spec.linux.resources ?? {});
  const { rootfsPropagation = "private" } = spec.linux;
  if (!/^r?(?:private|slave)$/.test(rootfsPropagation)) {
    throw unsupported(`linux.rootfsPropagation ${JSON.stringify(rootfsPropagation)}`);
  }
  refuseNamespaces(spec, joined);
  if (spec.domainname && !spec.linux.namespaces.some(({ type }) => type === "uts")) {
    throw unsupported("domainname without a uts namespace");
  }
  refuseSysctls(spec);
}

function refuseUnknown(path: keyof typeof KNOWN, object: object): void {
  for (const [name, value] of Object.entries(object)) {
    if (KNOWN[path].test(name) || isEmpty(value)) continue;
    throw unsupported(path === "" ? name : `${path}.${name}`);
  }
}

/** What asks for nothing: encoders write empty lists and objects for absent ones. */
function isEmpty(value: unknown): boolean {
  if (typeof value === "object" && value !== null) return Object.keys(value).length === 0;
  return value === undefined || value === null || value === "";
}

function refuseNamespaces({ linux }: RuntimeSpec, joined: ReadonlySet<NamespaceType>): void {
  for (const { type, path } of linux.namespaces) {
    if (path !== undefined && path !== "" && !joined.has(type))
      throw unsupported(`linux.namespaces: ${type} with a path`);
    if (type === "time") throw unsupported("linux.namespaces: time");
  }
  for (const type of ["user", "mount"]) {
    if (linux.namespaces.some((one) => one.type === type)) continue;
    throw unsupported(`linux.namespaces without ${type}`);
  }
}

function refuseSysctls({ linux }: RuntimeSpec): void {
  for (const name of Object.keys(linux.sysctl ?? {})) {
    const owner = sysctlNamespace(name);
    const isOwn = linux.namespaces.some(({ type }) => type === owner);
    if (!isOwn) throw unsupported(`linux.sysctl ${JSON.stringify(name)}`);
  }
}

function unsupported(field: string): MarmitaError {
  return new MarmitaError("UNSUPPORTED", `config.json: ${field} is not supported`, {
    details: { field },
  });
}
