/** What a bundle's config.json may ask for that is not carried out: refused by name. */
import { MarmitaError } from "../errors.ts";
import type { NamespaceType, RuntimeSpec } from "../oci/runtime-spec.ts";
import { sysctlNamespace } from "./sysctls.ts";

/** Throws `UNSUPPORTED` with the first such property as `details.field`. */
export function refuseBundle(spec: RuntimeSpec): void {
  const { linux, hostname, domainname } = spec;
  const has = (type: NamespaceType) => linux.namespaces.some((one) => one.type === type);
  if (!has("mount")) throw unsupported("linux.namespaces", "without a mount namespace");
  if (!has("uts")) {
    if (hostname !== undefined) throw unsupported("hostname", "without a uts namespace");
    if (domainname !== undefined) throw unsupported("domainname", "without a uts namespace");
  }
  for (const name of Object.keys(linux.sysctl ?? {})) {
    const owner = sysctlNamespace(name);
    const field = `linux.sysctl[${JSON.stringify(name)}]`;
    if (owner === undefined) throw unsupported(field, "it belongs to the whole machine");
    if (!has(owner)) throw unsupported(field, `without a ${owner} namespace`);
  }
}

export function unsupported(field: string, why?: string): MarmitaError {
  const words = why === undefined ? "" : `: ${why}`;
  return new MarmitaError("UNSUPPORTED", `config.json: ${field} is not supported${words}`, {
    details: { field },
  });
}
