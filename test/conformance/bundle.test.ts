import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { busyboxLayer } from "../../fixtures/busybox.mjs";
import type { Engine } from "../../lib/engine/engine.ts";
import { finished, output } from "../helpers/command.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { hostCannot, requireProgram, requireUserNamespaces } from "../helpers/user-namespaces.ts";

/** What of a configuration the tests change: everything else goes to the runtime as it is. */
interface Spec {
  process: { args: readonly string[]; terminal?: boolean };
  mounts: { destination: string; options?: readonly string[] }[];
  linux: { uidMappings: unknown; gidMappings: unknown };
}

/** Where the host has cgroup trees of the old kind: a namespace with one of the new kind. */
const MOUNT_CGROUP2 = 'mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec "$@"';
const UNSHARE = ["unshare", "--user", "--map-root-user", "--mount", "--cgroup"];
const IN_CGROUP2 = [...UNSHARE, "sh", "-c", MOUNT_CGROUP2, "sh"];

const COMMAND = [
  "sh",
  "-c",
  "echo $(hostname) $(id -u) $PPID; ls -d /proc/self /dev/null /dev/shm",
];

const PRINTED = /^[0-9a-f]{12} 0 0\n\/dev\/null\n\/dev\/shm\n\/proc\/self\n$/;

const able = requireUserNamespaces() && requireProgram("crun") && requireProgram("runc");

describe("the bundle of a container", () => {
  expectNothingLeft();

  let engine: Engine;

  beforeAll(async () => {
    if (!able) return;
    engine = await busyboxEngine();
  });

  it("holds a config.json of the runtime specification", async () => {
    const spec = readSpec(await bundleOf(engine));

    expect(spec).toMatchObject({
      ociVersion: expect.stringMatching(/^1\./) as string,
      root: { path: "rootfs" },
      process: { args: COMMAND, cwd: "/" },
      linux: {
        namespaces: expect.arrayContaining([{ type: "user" }, { type: "mount" }]) as unknown,
      },
    });
  });

  it.for(["crun", "runc"])("is run by %s", async (runtime, context) => {
    const faults = await Promise.all([[], IN_CGROUP2].map((within) => fault(runtime, within)));
    if (!faults.includes(undefined)) {
      context.skip(hostCannot(`run containers with ${runtime}`, faults.join("; ")));
    }
    const bundle = await bundleOf(engine);
    const isNested = faults[0] !== undefined;

    const printed = isNested
      ? output(runArgv(runtime, IN_CGROUP2, await withOneId(bundle)))
      : output(runArgv(runtime, [], bundle));

    expect(printed).toMatch(PRINTED);
  });
});

/** Why the runtime does not even run what it writes itself; undefined when it does. */
async function fault(runtime: string, within: readonly string[]): Promise<string | undefined> {
  const bundle = await temporaryFolder();
  fillRootfs(join(bundle, "rootfs"));
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

/** A container that is created and never started, its rootfs filled by hand: only we overlay. */
async function bundleOf(engine: Engine): Promise<string> {
  const box = await engine.containers.create({ image: "busybox", command: COMMAND });
  const bundle = join(engine.root, "containers", box.id);
  fillRootfs(join(bundle, "rootfs"));
  return bundle;
}

function fillRootfs(rootfs: string): void {
  mkdirSync(rootfs, { recursive: true });
  output(["tar", "-xf", "-", "-C", rootfs], { input: busyboxLayer() });
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
  writeSpec(copy, spec);
  return copy;
}

function readSpec(bundle: string): Spec {
  return JSON.parse(readFileSync(join(bundle, "config.json"), "utf8")) as Spec;
}

function writeSpec(bundle: string, spec: Spec): void {
  writeFileSync(join(bundle, "config.json"), JSON.stringify(spec));
}

function runArgv(runtime: string, within: readonly string[], bundle: string): readonly string[] {
  const state = join(bundle, "state");
  return [...within, runtime, `--root=${state}`, "run", `--bundle=${bundle}`, "conformance"];
}
