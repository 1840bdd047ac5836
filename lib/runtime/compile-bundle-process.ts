/** A bundle's `process` → what its first process becomes. */
import { type Plan, USER } from "../native/plan.ts";
import type { RuntimeSpec } from "../oci/runtime-spec.ts";
import type { BundleContext } from "./bundle-context.ts";
import { capabilityMask, isCapability } from "./capabilities.ts";
import { kernelLimits } from "./ulimits.ts";

export function bundleProcess(
  { process }: RuntimeSpec,
  { ids, extraEnv = [] }: BundleContext,
  warn: (text: string) => void,
): Plan {
  const { user, capabilities = {}, env = [], rlimits = [] } = process;
  const groups = (user.additionalGids ?? []).map(String);
  const keepsGroups = ids.denySetgroups === true;
  if (keepsGroups && groups.length > 0) {
    warn(`process.user.additionalGids: no process may change its groups here, it keeps its own`);
  }
  // config.md: what cannot be granted is a warning, no failure.
  const mask = (names: readonly string[] = []) => capabilityMask(names.filter(isCapability));
  const sets: readonly (readonly string[])[] = Object.values(capabilities);
  const unknown = new Set(sets.flat().filter((name) => !isCapability(name)));
  for (const name of unknown) warn(`process.capabilities: no such capability: ${name}`);
  const flags = USER.SETS_HOME | (keepsGroups ? USER.KEEPS_GROUPS : 0);
  return [
    ["user", `${user.uid}:${user.gid}`, groups, flags],
    ["workdir", process.cwd],
    [
      "capabilities",
      mask(capabilities.bounding),
      mask(capabilities.effective),
      mask(capabilities.permitted),
      mask(capabilities.inheritable),
      mask(capabilities.ambient),
    ],
    ...(process.noNewPrivileges === true ? [["no-new-privileges"] as const] : []),
    ...kernelLimits(rlimits).map((limit) => ["rlimit", ...limit] as const),
    ["umask", (user.umask ?? 0o022) & 0o7777],
    ["environment", [...env, ...extraEnv]],
    ["command", process.args],
  ];
}
