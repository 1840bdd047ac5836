/** A bundle's `process`, first or not, as its container can have it. */
import type { Capabilities, Process } from "../oci/runtime-spec.ts";
import type { BundleIds } from "./bundle-context.ts";
import { isCapability } from "./capabilities.ts";

/**
 * Without what no kernel knows, which is worth a warning and no failure (config.md, "Linux
 * Process"), and without `username`, which is not Linux's.
 */
export function bareProcess(
  process: Process,
  warn: (text: string) => void,
  { denySetgroups = false }: Pick<BundleIds, "denySetgroups"> = {},
): Process {
  const { username: _username, ...user } = process.user;
  if (denySetgroups && (user.additionalGids ?? []).length > 0) {
    warn("process.user.additionalGids: no process may change its groups here: it keeps its own");
  }
  const { capabilities } = process;
  return {
    ...process,
    user,
    ...(capabilities !== undefined && { capabilities: knownCapabilities(capabilities, warn) }),
  };
}

function knownCapabilities(sets: Capabilities, warn: (text: string) => void): Capabilities {
  const unknown = new Set<string>();
  const entries = Object.entries(sets).map(([set, names]: [string, readonly string[]]) => {
    for (const name of names) if (!isCapability(name)) unknown.add(name);
    return [set, names.filter(isCapability)] as const;
  });
  for (const name of unknown) warn(`process.capabilities: no such capability: ${name}`);
  return Object.fromEntries(entries);
}
