/** The rules of which devices a container may use, where it could make nodes of any. */
import { HelperFailure, runVerb } from "../native/helper.ts";
import type { RuntimeSpec } from "../oci/runtime-spec.ts";
import { deviceProgram } from "./cgroup-devices.ts";
import { isMachineRoot } from "./cgroup-host.ts";

/**
 * In a user namespace no device can be opened but what is bound into the container, and root
 * without CAP_MKNOD has only the nodes that config.json names.
 */
export function needsDeviceRules(spec: RuntimeSpec): boolean {
  const rules = spec.linux.resources?.devices ?? [];
  if (!isMachineRoot() || deviceProgram(rules) === undefined) return false;
  const isMapped = spec.linux.namespaces.some(({ type }) => type === "user");
  return !isMapped && (spec.process?.capabilities?.bounding ?? []).includes("CAP_MKNOD");
}

/** A word of a command line may have 128 KiB. */
const WORD_BYTES = 32 << 10;

/** Returns whether the container is held to its rules, as far as that matters. */
export async function applyDevices(directory: string, spec: RuntimeSpec): Promise<boolean> {
  const program = deviceProgram(spec.linux.resources?.devices ?? []);
  if (program === undefined || !isMachineRoot()) return true;
  const words: string[] = [];
  for (let at = 0; at < program.length; at += WORD_BYTES) {
    words.push(program.subarray(at, at + WORD_BYTES).toString("hex"));
  }
  try {
    await runVerb("device-rules", { args: [directory, ...words] });
    return true;
  } catch (error) {
    if (!(error instanceof HelperFailure)) throw error;
    return !needsDeviceRules(spec);
  }
}
