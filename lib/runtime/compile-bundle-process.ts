/** A bundle's `process`, first or not, as its container can have it. */
import type { Capabilities, Process } from "../oci/runtime-spec.ts";
import type { BundleIds } from "./bundle-context.ts";
import { isCapability } from "./capabilities.ts";

/** Where the process runs. */
export interface BareProcessPlace {
  readonly denySetgroups?: BundleIds["denySetgroups"] | undefined;
  /** What there is to be had of capabilities; absent: all. */
  readonly granted?: readonly string[] | undefined;
}

/**
 * Without what cannot be granted, which is worth a warning and no failure (config.md, "Linux
 * Process"), and without `username`, which is not Linux's.
 */
export function bareProcess(
  process: Process,
  warn: (text: string) => void,
  { denySetgroups = false, granted }: BareProcessPlace = {},
): Process {
  const { username: _username, ...user } = process.user;
  if (denySetgroups && (user.additionalGids ?? []).length > 0) {
    warn("process.user.additionalGids: no process may change its groups here: it keeps its own");
  }
  const { capabilities } = process;
  return {
    ...process,
    user,
    ...(capabilities !== undefined && { capabilities: possible(capabilities, warn, granted) }),
  };
}

/** What one set may hold goes by another (capabilities(7), "Capability bounding set" and on). */
function possible(
  sets: Capabilities,
  warn: (text: string) => void,
  granted: readonly string[] | undefined,
): Capabilities {
  const limit = (name: keyof Capabilities, has: (capability: string) => boolean, why: string) => {
    const names = sets[name] ?? [];
    const others = names.filter((one) => !has(one));
    if (others.length > 0) warn(`process.capabilities.${name}: ${why}: ${others.join(", ")}`);
    return names.filter(has);
  };
  const isThere = (one: string) => isCapability(one) && (granted?.includes(one) ?? true);
  const absent = "cannot be granted";
  const bounding = limit("bounding", isThere, absent);
  const permitted = limit("permitted", isThere, absent);
  const within = (set: readonly string[]) => (one: string) => set.includes(one);
  const inheritable = limit("inheritable", within(bounding), "not in the bounding set");
  const both = permitted.filter(within(inheritable));
  return {
    bounding,
    permitted,
    effective: limit("effective", within(permitted), "not in the permitted set"),
    inheritable,
    ambient: limit("ambient", within(both), "not permitted and inheritable"),
  };
}
