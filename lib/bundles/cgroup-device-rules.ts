/** The rules of which devices a container may use, where it could make nodes of any. */
import { statSync } from "node:fs";
import { posix } from "node:path";
import { HelperFailure, runVerb } from "../native/helper.ts";
import type { RuntimeSpec } from "../oci/runtime-spec.ts";
import { isBind } from "../runtime/compile-bundle-mounts.ts";
import { deviceProgram } from "./cgroup-devices.ts";
import { isMachineRoot } from "./cgroup-host.ts";

/** The one makes nodes of any device, the other takes `nodev` away. */
const OPENING = ["CAP_MKNOD", "CAP_SYS_ADMIN"];

/** Whether a container could use devices that its rules deny if nobody held it to them. */
export function needsDeviceRules(spec: RuntimeSpec, isRoot: boolean = isMachineRoot()): boolean {
  if (!isRoot || !deniesDevices(spec)) return false;
  const bounding = spec.process?.capabilities?.bounding ?? [];
  return OPENING.some((name) => bounding.includes(name)) || !hasNodesOfItsOwn(spec);
}

/**
 * Whether the nodes that its root file system came with are to be made useless, which is what can
 * be done without rules: whoever made the image may have put nodes of any disk there.
 */
export function makesNodesUseless(spec: RuntimeSpec, isRoot: boolean = isMachineRoot()): boolean {
  return isRoot && deniesDevices(spec) && hasNodesOfItsOwn(spec);
}

/** In a user namespace that is not the machine's no node can be opened but what is bound there. */
function deniesDevices({ linux }: RuntimeSpec): boolean {
  if (deviceProgram(linux.resources?.devices ?? []) === undefined) return false;
  return !linux.namespaces.some(({ type, path }) => type === "user" && !isOurs(path));
}

function isOurs(namespace: string | undefined): boolean {
  if (namespace === undefined || namespace === "") return false;
  const found = statSync(namespace, { throwIfNoEntry: false });
  return found !== undefined && found.ino === statSync("/proc/self/ns/user").ino;
}

/** All that config.json names are on a file system that is mounted at /dev, made for the container. */
function hasNodesOfItsOwn({ mounts = [], linux }: RuntimeSpec): boolean {
  const dev = mounts.findLast(({ destination }) => posix.resolve("/", destination) === "/dev");
  if (dev === undefined || isBind(dev)) return false;
  return (linux.devices ?? []).every(
    ({ type, path }) => type === "p" || posix.resolve("/", path).startsWith("/dev/"),
  );
}

/** A word of a command line may have 128 KiB. */
const WORD_BYTES = 32 << 10;

/** Returns whether the kernel holds the processes of this group to the rules; false where there are none. */
export async function applyDevices(directory: string, spec: RuntimeSpec): Promise<boolean> {
  const program = deviceProgram(spec.linux.resources?.devices ?? []);
  if (program === undefined || !isMachineRoot()) return false;
  const words: string[] = [];
  for (let at = 0; at < program.length; at += WORD_BYTES) {
    words.push(program.subarray(at, at + WORD_BYTES).toString("hex"));
  }
  try {
    await runVerb("device-rules", { args: [directory, ...words] });
    return true;
  } catch (error) {
    if (!(error instanceof HelperFailure)) throw error;
    return false;
  }
}
