import { existsSync, statSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { run } from "../../lib/api/run.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import { testEngine } from "../helpers/engine.ts";
import { eventually } from "../helpers/eventually.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { fuseFault } from "../helpers/fuse.ts";
import { busyboxArchive, manyLayersArchive } from "../helpers/images.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import {
  hostCan,
  hostCannot,
  requireProgram,
  requireUserNamespaces,
} from "../helpers/user-namespaces.ts";

const able =
  requireUserNamespaces() && requireProgram("fuse-overlayfs") && hostCan("use FUSE", fuseFault());

describe("fuse-overlayfs, where the kernel's overlay is not to be had", () => {
  expectNothingLeft();

  let engine: Engine;

  afterEach(() => {
    vi.unstubAllEnvs();
  });

  beforeAll(async () => {
    if (!able) return;
    engine = await testEngine({ storageDriver: "fuse-overlayfs" });
    await engine.images.load(busyboxArchive());
  });

  it("carries a container, and the result says so", async () => {
    const result = await run("busybox", ["sh", "-c", "echo oi > /file && cat /file"], removed());

    expect(result).toMatchObject({ exitCode: 0, stdout: "oi\n", stderr: "" });
    expect(result.isolation.rootfs).toBe("fuse-overlayfs");
  });

  it("carries one whose caller keeps its own ids", async (context) => {
    const { ids } = await engine.info();
    if (ids === "root") context.skip(hostCannot("keep ids", "to root each id is itself already"));
    const script = "touch /tmp/mine && stat -c %u /tmp/mine";

    const result = await run("busybox", ["sh", "-c", script], { ...removed(), userns: "keep-id" });

    expect(result).toMatchObject({ stdout: `${process.getuid?.()}\n`, stderr: "" });
  });

  it("has files copied into it and out of it, whether it runs or not", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "file"), "x".repeat(300_000));
    const container = await engine.containers.create({
      image: "busybox",
      command: ["sleep", "1000"],
      network: "none",
    });
    for (const state of ["stopped", "running"]) {
      if (state === "running") await container.start();
      await container.copyInto(`/${state}`, join(folder, "file"));
      await container.copyOut(`/${state}`, join(folder, state));
    }
    await container.copyOut("/stopped", join(folder, "once-more"));
    await container.remove({ force: true });

    for (const name of ["stopped", "running", "once-more"]) {
      expect(statSync(join(folder, name)).size).toBe(300_000);
    }
  });

  it("mounts images beside the root, and fills volumes from it", async () => {
    const script = "ls -d /a/bin /b/bin; touch /a/x 2>&1; touch /b/x && ls /b/x; ls /etc/passwd";
    const mounts = [
      { type: "image", source: "busybox", target: "/a" },
      { type: "image", source: "busybox", target: "/b", readOnly: false },
      { type: "volume", target: "/etc" },
    ] as const;

    const { stdout } = await run("busybox", ["sh", "-c", script], { ...removed(), mounts });

    expect(stdout).toBe("/a/bin\n/b/bin\ntouch: /a/x: Read-only file system\n/b/x\n/etc/passwd\n");
  });

  it("shows no container what another one wrote, nor what the image has lost", async () => {
    await run("busybox", ["rm", "/etc/os-release"], removed());

    const { stdout } = await run("busybox", ["ls", "/etc/os-release", "/file"], removed());

    expect(stdout).toBe("/etc/os-release\n");
  });

  it("shows a container that is started again what it wrote before", async () => {
    const command = ["sh", "-c", "echo once more >> /count; wc -l < /count"];
    const box = await engine.containers.create({ image: "busybox", command });

    const printed = [await outputOf(box), await outputOf(box)];

    await box.remove();
    expect(printed).toEqual(["1\n", "2\n"]);
  });

  it("takes 127 layers", async () => {
    await engine.images.load(manyLayersArchive(127));

    const { stdout } = await run("layers:127", ["cat", "/top", "/1", "/126"], removed());

    expect(stdout).toBe("1261126");
  });

  it("reports a command that is not there, and leaves no mount", async () => {
    await expect(run("busybox", ["/no/such"], removed())).rejects.toMatchObject({
      code: "START_FAILED",
      details: { exitCode: 127 },
    });
  });

  it("can be given up while it does not come up", async () => {
    const folder = await temporaryFolder();
    const never = `#!/bin/sh\ntouch ${folder}/begun\nexec sleep 60\n`;
    await writeFile(join(folder, "fuse-overlayfs"), never, { mode: 0o755 });
    vi.stubEnv("PATH", `${folder}:${process.env["PATH"] ?? ""}`);
    const waiting = await testEngine({ storageDriver: "fuse-overlayfs" });
    await waiting.images.load(busyboxArchive());
    const abort = new AbortController();
    const { signal } = abort;

    const running = run("busybox", ["true"], { engine: waiting, remove: true, signal });
    const refused = expect(running).rejects.toMatchObject({ name: "AbortError" });
    await eventually("its start", () => existsSync(join(folder, "begun")) || undefined, 5_000);
    abort.abort();
    const aborted = performance.now();
    await refused;

    expect(performance.now() - aborted).toBeLessThan(5_000);
    expect(await waiting.containers.list()).toEqual([]);
  });

  function removed(): { engine: Engine; remove: true } {
    return { engine, remove: true };
  }
});

async function outputOf(box: Awaited<ReturnType<Engine["containers"]["create"]>>): Promise<string> {
  const process = await box.start();
  let text = "";
  for await (const chunk of process.stdout ?? []) text += String(chunk);
  await process.wait();
  return text;
}
