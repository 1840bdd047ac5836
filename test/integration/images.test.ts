import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { readdir, symlink, writeFile } from "node:fs/promises";
import { once } from "node:events";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { run } from "../../lib/api/run.ts";
import { openEngine } from "../../lib/engine/engine.ts";
import { output } from "../helpers/command.ts";
import { busyboxEngine, testEngine } from "../helpers/engine.ts";
import { eventually } from "../helpers/eventually.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { busyboxLayout } from "../helpers/image-layouts.ts";
import { busyboxArchive, busyboxWith } from "../helpers/images.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { needProgram, requireUserNamespaces } from "../helpers/user-namespaces.ts";
import { PROGRAM } from "./cli-command.ts";

const canRun = requireUserNamespaces();
expectNothingLeft();

describe.runIf(canRun)("images", () => {
  it("are listed with names, age and what their layers take", async () => {
    const engine = await busyboxEngine();
    await engine.images.tag("busybox", "registry.example.com:5000/private/image:tag");

    const [image, ...others] = await engine.images.list();

    expect(others).toEqual([]);
    expect(image).toMatchObject({
      names: ["busybox:latest", "registry.example.com:5000/private/image:tag"],
      created: "2024-01-01T00:00:00Z",
    });
    expect(image?.size).toBeGreaterThan(1_000_000);
  });

  it("in use by a container are not removed, unless forced, and then go on working", async () => {
    const engine = await busyboxEngine();
    const box = await engine.containers.create({ image: "busybox", command: ["echo", "oi"] });

    await expect(engine.images.remove("busybox")).rejects.toMatchObject({
      code: "CONFLICT",
      message: expect.stringContaining(box.name),
      details: { containers: [box.id] },
    });
    const forced = await engine.images.remove("busybox", { force: true });

    expect(forced).toEqual({ untagged: ["busybox:latest"], deleted: [] });
    const [image] = await engine.images.list();
    expect(image?.names).toEqual([]);
    const started = await box.start();
    expect((await started.wait()).exitCode).toBe(0);
    await box.remove();
    expect((await engine.images.remove(image?.id ?? "")).deleted).toHaveLength(2);
  });

  it("may be brought by another tool", async (context) => {
    needProgram(context, "skopeo");

    const engine = await testEngine();
    await engine.images.load(busyboxWith({ name: "first:1", layers: [[{ path: "a" }]] }));
    const layout = join(engine.root, "images");
    const from = `oci:${await busyboxLayout()}:busybox:latest`;

    output(["skopeo", "copy", "-q", from, `oci:${layout}:docker.io/library/foreign:1`]);

    expect((await engine.images.list()).map(({ names }) => names[0])).toContain("foreign:1");
    const { stdout } = await run("foreign:1", ["echo", "oi"], { engine, remove: true });
    expect(stdout).toBe("oi\n");
    expect((await engine.images.get("first:1")).names).toEqual(["first:1"]);
    await engine.images.remove("foreign:1");
    expect(await engine.images.find("foreign:1")).toBeUndefined();
  });

  it("survive a load that is killed, and the next load takes its draft away", async () => {
    const engine = await busyboxEngine();
    const env = { ...process.env, MARMITA_ROOT: engine.root };
    const loading = spawn(process.execPath, [PROGRAM, "load"], {
      env,
      stdio: ["pipe", "ignore", "ignore"],
    });
    loading.stdin.on("error", () => undefined); // it is killed before it has read all
    loading.stdin.write(readFileSync(busyboxArchive()).subarray(0, 1_000_000));
    const drafts = async () =>
      (await readdir(join(engine.root, "images"))).filter((name) => name.startsWith(".draft-"));
    await eventually(
      "a draft",
      async () => ((await drafts()).length > 0 ? true : undefined),
      20_000,
    );

    loading.kill("SIGKILL");
    await once(loading, "close");

    expect(await drafts()).toHaveLength(1);
    await engine.images.load(busyboxArchive());
    expect(await drafts()).toEqual([]);
    expect(await engine.images.list()).toHaveLength(1);
  });

  it("whose blob is damaged say so, and can be removed and loaded anew", async () => {
    const engine = await busyboxEngine();
    const { digest } = await engine.images.get("busybox");
    const blob = join(engine.root, "images/blobs/sha256", digest.slice(7));
    await writeFile(blob, "{}");
    const other = await openEngine({ root: engine.root });

    await expect(other.images.get("busybox")).rejects.toMatchObject({ code: "CORRUPT" });
    await other.images.remove("busybox");
    await other.images.load(busyboxArchive());

    expect((await other.images.get("busybox")).digest).toBe(digest);
    await other.close();
  });

  it("may lie under a data root that is reached through a link", async () => {
    const engine = await busyboxEngine();
    const link = join(await temporaryFolder(), "link");
    await symlink(engine.root, link);
    const other = await openEngine({ root: link });

    expect(await other.images.list()).toHaveLength(1);
    await other.close();
  });
});
