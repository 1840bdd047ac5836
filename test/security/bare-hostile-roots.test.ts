/**
 * Root file systems of bundles that lead out: links at mount points, at /proc, at what is masked
 * and at devices (CVE-2019-19921, CVE-2023-27561, CVE-2025-31133, CVE-2025-52565). Paths of a
 * container are looked up once, below its root.
 *
 * Red when native/core/inside.c opens without RESOLVE_IN_ROOT; what hides is opened among the
 * machine's devices before the root is changed to: in the container's it would be red.
 */
import { mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { busyboxLayer } from "../../fixtures/busybox.mjs";
import { runtime } from "../../lib/api/runtime.ts";
import { isMarmitaError } from "../../lib/errors.ts";
import type { RuntimeSpec } from "../../lib/oci/runtime-spec.ts";
import { defaultSpec } from "../../lib/runtime-cli/default-spec.ts";
import { fillRootfs } from "../helpers/bundles.ts";
import { output } from "../helpers/command.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

describe.runIf(requireUserNamespaces())("a root file system that leads out of itself", () => {
  let folder: string;
  let rootfs: string;
  let victim: string;
  expectNothingLeft();

  beforeAll(async () => {
    folder = await temporaryFolder();
    rootfs = join(folder, "bundle/rootfs");
  });
  beforeEach(() => {
    rmSync(join(folder, "bundle"), { recursive: true, force: true });
    mkdirSync(rootfs, { recursive: true });
    fillRootfs(rootfs, busyboxLayer());
    victim = join(folder, "bundle/victim");
    mkdirSync(victim);
    writeFileSync(join(victim, "own"), "of the machine\n");
    // Where the links lead to within the root: so nothing has to be refused.
    mkdirSync(join(rootfs, victim), { recursive: true });
    mkdirSync(join(rootfs, "victim"));
  });

  /** What the container printed, or why it was refused. */
  async function run(args: readonly string[], change: (spec: RuntimeSpec) => RuntimeSpec) {
    const spec = defaultSpec();
    const process = { ...spec.process, terminal: false, args };
    const config = change({ ...spec, root: { path: "rootfs" }, process });
    writeFileSync(join(folder, "bundle/config.json"), JSON.stringify(config));
    const options = { root: join(folder, "states"), cgroupManager: "disabled" } as const;
    try {
      return (await runtime.run("box", join(folder, "bundle"), options)).stdout ?? "";
    } catch (error) {
      if (isMarmitaError(error, "START_FAILED")) return `refused: ${error.message}`;
      throw error;
    }
  }

  const unchanged = (spec: RuntimeSpec) => spec;

  function expectUntouched(): void {
    expect(readdirSync(victim)).toEqual(["own"]);
    expect(readFileSync(join(victim, "own"), "utf8")).toBe("of the machine\n");
  }

  it("has mounts within itself", async () => {
    symlinkSync(victim, join(rootfs, "out"));
    symlinkSync("../../victim", join(rootfs, "up"));
    const printed = await run(["sh", "-c", "ls -d /out/new /up/newer"], (spec) => ({
      ...spec,
      mounts: [
        ...(spec.mounts ?? []),
        { destination: "/out/new", type: "tmpfs", source: "tmpfs" },
        { destination: "/up/../up/newer", type: "tmpfs", source: "tmpfs" },
      ],
    }));

    expectUntouched();
    expect(printed).toBe("/out/new\n/up/newer\n");
  });

  it.each(["proc", "sys"])("has no link for /%s", async (name) => {
    linkOut(name);

    expect(await run(["true"], unchanged)).toMatch(/^refused: mount .* a symbolic link/);
    expectUntouched();
  });

  it("has its devices within itself, by whatever link", async () => {
    linkOut("dev");

    const printed = await run(["ls", "/dev/"], unchanged);

    expectUntouched();
    expect(printed.split("\n")).toContain("null");
  });

  function linkOut(name: string): void {
    rmSync(join(rootfs, name), { recursive: true, force: true });
    symlinkSync(victim, join(rootfs, name));
  }

  it("hides with devices of this machine, whatever it has at their places", async () => {
    mkdirSync(join(rootfs, "dev"), { recursive: true });
    rmSync(join(rootfs, "dev/null"), { force: true });
    symlinkSync("/proc/sys/kernel/core_pattern", join(rootfs, "dev/null"));
    const script = "echo x > /proc/kcore; cat /proc/kcore; ls -lL /dev/null";

    const printed = await run(["sh", "-c", script], (spec) => ({
      ...spec,
      // No tmpfs at /dev: what is there is the bundle's.
      mounts: (spec.mounts ?? []).filter(({ destination }) => !destination.startsWith("/dev")),
      linux: { ...spec.linux, maskedPaths: ["/proc/kcore"] },
    }));

    expect(printed).not.toContain("core");
    expect(readFileSync("/proc/sys/kernel/core_pattern", "utf8")).not.toBe("x\n");
  });

  it("is no pipe that is waited for, and none that its configuration is read from", async () => {
    const config = join(folder, "bundle/config.json");
    output(["mkfifo", config]);

    const running = runtime.run("box", join(folder, "bundle"), { root: join(folder, "states") });

    await expect(running).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  it("is not all of this machine's memory", async () => {
    symlinkSync("/dev/zero", join(folder, "bundle/config.json"));

    const running = runtime.run("box", join(folder, "bundle"), { root: join(folder, "states") });

    await expect(running).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });
});
