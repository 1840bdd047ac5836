/** The bundles of our containers, run by other runtimes. */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "vitest";
import { busyboxLayer } from "../../fixtures/busybox.mjs";
import { finished, output } from "./command.ts";
import { temporaryFolder } from "./folder.ts";
import { hostCannot } from "./user-namespaces.ts";

/** What of a configuration the tests change: everything else goes to the runtime as it is. */
export interface Spec {
  process: { args: readonly string[]; terminal?: boolean };
  mounts: { destination: string; options?: readonly string[] }[];
  linux: { uidMappings: unknown; gidMappings: unknown; sysctl?: Record<string, string> };
}

/** Where the host has cgroup trees of the old kind: a namespace with one of the new kind. */
const MOUNT_CGROUP2 = 'mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec "$@"';
const UNSHARE = ["unshare", "--user", "--map-root-user", "--mount", "--cgroup"];
const IN_CGROUP2 = [...UNSHARE, "sh", "-c", MOUNT_CGROUP2, "sh"];

/**
 * What a bundle's command printed under `runtime`, as this user or, where that one is refused, in
 * a namespace with one id; skips the test where the runtime does not even run its own bundles.
 */
export async function runBundle(
  runtime: string,
  bundle: string,
  context: TestContext,
): Promise<string> {
  const faults = await Promise.all([[], IN_CGROUP2].map((within) => fault(runtime, within)));
  if (!faults.includes(undefined)) {
    context.skip(hostCannot(`run containers with ${runtime}`, faults.join("; ")));
  }
  return faults[0] === undefined
    ? output(runArgv(runtime, [], bundle))
    : output(runArgv(runtime, IN_CGROUP2, await withOneId(bundle)));
}

/** Why the runtime does not even run what it writes itself; undefined when it does. */
async function fault(runtime: string, within: readonly string[]): Promise<string | undefined> {
  const bundle = await temporaryFolder();
  fillRootfs(join(bundle, "rootfs"), busyboxLayer());
  const rootless = within.length > 0 || process.getuid?.() !== 0 ? ["--rootless"] : [];
  const written = finished([...within, runtime, "spec", ...rootless], { cwd: bundle });
  if (written.status !== 0) return written.stderr.trim();
  const spec = readSpec(bundle);
  spec.process.terminal = false;
  spec.process.args = ["true"];
  writeSpec(bundle, spec);
  const { status, stderr } = finished(runArgv(runtime, within, bundle));
  return status === 0 ? undefined : (stderr.trim().split("\n").at(-1) ?? `exited with ${status}`);
}

/** By hand: only we overlay. */
export function fillRootfs(rootfs: string, layer: Uint8Array): void {
  mkdirSync(rootfs, { recursive: true });
  output(["tar", "-xf", "-", "-C", rootfs], { input: layer });
}

/** The same bundle for a namespace that has one id: no other owner, and no group tty. */
async function withOneId(bundle: string): Promise<string> {
  const copy = join(await temporaryFolder(), "bundle");
  mkdirSync(copy);
  cpSync(join(bundle, "rootfs"), join(copy, "rootfs"), { recursive: true, verbatimSymlinks: true });
  const spec = readSpec(bundle);
  const one = [{ containerID: 0, hostID: 0, size: 1 }];
  spec.linux.uidMappings = one;
  spec.linux.gidMappings = one;
  for (const mount of spec.mounts) {
    mount.options = (mount.options ?? []).filter((option) => option !== "gid=5");
  }
  // It names groups that are not mapped there.
  delete spec.linux.sysctl?.["net.ipv4.ping_group_range"];
  writeSpec(copy, spec);
  return copy;
}

export function readSpec(bundle: string): Spec {
  return JSON.parse(readFileSync(join(bundle, "config.json"), "utf8")) as Spec;
}

function writeSpec(bundle: string, spec: Spec): void {
  writeFileSync(join(bundle, "config.json"), JSON.stringify(spec));
}

function runArgv(runtime: string, within: readonly string[], bundle: string): readonly string[] {
  const state = join(bundle, "state");
  return [...within, runtime, `--root=${state}`, "run", `--bundle=${bundle}`, "conformance"];
}
