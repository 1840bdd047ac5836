import { existsSync, readdirSync } from "node:fs";
import { mkdir, rename, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { beforeAll, describe, expect, it } from "vitest";
import { type Engine, openEngine } from "../../lib/engine/engine.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { busyboxWith } from "../helpers/images.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";
import { Cli } from "./cli-command.ts";

const canRun = requireUserNamespaces();
expectNothingLeft();

const list = (engine: Engine, kind: string) => readdirSync(join(engine.root, kind));
const NOWHERE = "0123456789abcdef".repeat(4);

describe.runIf(canRun)("pruning containers", () => {
  it("takes those that do not run, with what they wrote, and leaves volumes", async () => {
    const engine = await busyboxEngine();
    const mounts = [{ type: "volume", source: "kept", target: "/data" }] as const;
    await engine.containers.run("busybox", ["sh", "-c", "echo 12345 > /x"], { mounts });
    const created = await engine.containers.create({ image: "busybox", labels: { keep: "" } });
    const running = await engine.containers.create({ image: "busybox", command: ["sleep", "60"] });
    await using _process = await running.start();

    const before = await engine.diskUsage();
    const pruned = await engine.containers.prune({ exceptLabels: ["keep"] });

    expect(before.containers).toMatchObject({ active: 1, bytes: 6, reclaimableBytes: 6 });
    expect(before.volumes.items).toEqual([{ name: "kept", containers: 1, bytes: 0 }]);
    expect(pruned).toMatchObject({ containers: [expect.any(String)], reclaimedBytes: 6 });
    expect(list(engine, "containers").toSorted()).toEqual([created.id, running.id].toSorted());
    expect(list(engine, "volumes")).toEqual(["kept"]);
    expect((await engine.diskUsage()).volumes).toMatchObject({ active: 0 });
    await expect(
      engine.containers.prune({ until: new Date(Date.now() - 60_000) }),
    ).resolves.toMatchObject({ containers: [] });
  });
});

describe.runIf(canRun)("pruning everything", () => {
  let engine: Engine;

  beforeAll(async () => {
    engine = await busyboxEngine();
  });

  it("takes what a kill or a power cut may leave, and nothing that is in use", async () => {
    const mounts = [
      { type: "volume", source: "named", target: "/named" },
      { type: "volume", target: "/anonymous" },
    ] as const;
    const seccomp = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [] };
    await engine.containers.run("busybox", ["true"], { mounts, seccomp });
    const running = await engine.containers.create({ image: "busybox", command: ["sleep", "60"] });
    await using _process = await running.start();
    const { root } = engine;
    await symlink(NOWHERE, join(root, "names/lost"));
    await writeFile(join(root, `volumes/named/users/${NOWHERE}`), "");
    await mkdir(join(root, "volumes/.draft-lost"));
    await mkdir(join(root, `layers/.draft-${NOWHERE}-1/diff`), { recursive: true });
    await mkdir(join(root, `layers/${NOWHERE}/diff`), { recursive: true });
    await writeFile(join(root, `images/blobs/sha256/${NOWHERE}`), "lost");
    await writeFile(join(root, "images/.draft-lost"), "lost");
    await writeFile(join(root, ".draft-young"), "");
    expect((await engine.diskUsage()).garbage).toEqual({ count: 2, bytes: 4 });

    const pruned = await engine.prune({ volumes: true });

    expect(pruned).toMatchObject({ containers: [expect.any(String)], images: [] });
    expect(pruned.volumes).toHaveLength(1);
    expect(pruned.reclaimedBytes).toBeGreaterThanOrEqual(4);
    expect(list(engine, "names")).toEqual([running.name]);
    expect(list(engine, "volumes")).toEqual(["named"]);
    expect(list(engine, "volumes/named/users")).toEqual([]);
    expect(list(engine, "seccomp")).toHaveLength(1);
    expect(list(engine, "images/blobs/sha256")).toHaveLength(3);
    expect([...list(engine, "images"), ...list(engine, "layers")].filter(isHidden)).toEqual([]);
    expect(list(engine, "layers")).toHaveLength(1);
    expect(list(engine, "trash")).toEqual([]);
    expect(existsSync(join(root, ".draft-young"))).toBe(true);
    const { stdout } = await engine.containers.run("busybox", ["echo", "oi"], { remove: true });
    expect(stdout).toBe("oi\n");
  });

  it("takes images with names where asked for, unless a container needs them", async () => {
    await engine.images.load(busyboxWith({ name: "other:1", layers: [[{ path: "other" }]] }));
    await using _box = await engine.containers.create({ image: "busybox", remove: true });

    const { images } = await engine.images.prune({ all: true });

    expect(images).toMatchObject([{ untagged: ["other:1"] }]);
    expect((await engine.images.list()).map(({ names }) => names)).toEqual([["busybox:latest"]]);
  });

  it("leaves a layer under a container in whatever form, and takes it when that is gone", async () => {
    const [name = ""] = list(engine, "layers");
    const command = ["sh", "-c", "read _; cat /bin/busybox | wc -c"];
    const box = await engine.containers.create({ image: "busybox", command });
    await using process = await box.start({ stdin: "pipe" });
    // As another version of us might have left it.
    await writeFile(join(engine.root, "layers", name, "layer.json"), '{"format":0}');
    await using next = await openEngine({ root: engine.root });
    await next.containers.run("busybox", ["true"], { remove: true });
    expect(list(engine, "layers")).toHaveLength(2);

    await next.prune();

    expect(list(engine, "layers")).toHaveLength(2);
    process.stdin?.end("go\n");
    expect(Number(await text(process.stdout as Readable))).toBeGreaterThan(100_000);
    await process.wait();
    await next.prune();
    expect(list(engine, "layers")).not.toContain(name);
    const { stdout } = await next.containers.run("busybox", ["echo", "oi"], { remove: true });
    expect(stdout).toBe("oi\n");
  });

  it("stops where index.json cannot be read: what it names might be anything", async () => {
    const index = join(engine.root, "images/index.json");
    await rename(index, `${index}.kept`);
    await writeFile(index, "{");

    await expect(engine.prune()).rejects.toMatchObject({ code: "CORRUPT" });

    await rename(`${index}.kept`, index);
    expect((await engine.images.list()).length).toBeGreaterThan(0);
  });

  it("says what goes with what, and what is no option", async () => {
    await expect(engine.prune({ volumes: true, until: new Date() })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
    await expect(engine.images.prune({ until: "soon" })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining('got "soon"'),
    });
  });
});

describe.runIf(canRun)("the commands of pruning", () => {
  let cli: Cli;

  beforeAll(async () => {
    cli = new Cli((await busyboxEngine()).root);
    await cli.call(["run", "--name", "done", "busybox", "sh", "-c", "echo 12345 > /x"]);
  });

  it("ask first, and do nothing unless the answer is yes", async () => {
    const asked = await cli.call(["system", "prune", "--volumes"], { input: "n\n" });

    expect(asked.stdout).toMatch(/^WARNING! This will remove:\n {2}- all stopped containers\n/);
    expect(asked.stdout).toMatch(/\nAre you sure you want to continue\? \[y\/N\] $/);
    expect(asked).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("system prune has been cancelled"),
    });
    expect((await cli.call(["ps", "-aq"])).stdout).not.toBe("");
  });

  it("tell how much room there is to be had", async () => {
    const { stdout } = await cli.call(["system", "df"]);
    const verbose = await cli.call(["system", "df", "-v"]);
    const json = await cli.call(["system", "df", "--format", "{{.Type}}={{.TotalCount}}"]);

    expect(stdout).toMatch(
      /^TYPE +TOTAL +ACTIVE +SIZE +RECLAIMABLE\nImages +1 +1 +4\.\d+MB +0B \(0%\)/,
    );
    expect(stdout).toMatch(/\nContainers +1 +0 +6B +6B \(100%\)\n/);
    expect(verbose.stdout).toMatch(/\nCONTAINER ID .* NAMES\n[0-9a-f]{12} +busybox .* done\n/);
    expect(json.stdout).toBe("Images=1\nContainers=1\nLocal Volumes=0\nGarbage=0\n");
  });

  it("tell what is gone, in Docker's words", async () => {
    const kept = await cli.call(["container", "prune", "-f", "--filter", "label=x"]);
    const containers = await cli.call(["container", "prune"], { input: "y\n" });
    const dangling = await cli.call(["image", "prune", "-f"]);
    const images = await cli.call(["image", "prune", "-af", "--filter", "until=1s"]);

    expect(kept.stdout).toBe("Total reclaimed space: 0B\n");
    expect(containers.stdout).toMatch(
      /\[y\/N\] Deleted Containers:\n[0-9a-f]{64}\n\nTotal reclaimed space: 6B\n$/,
    );
    expect(dangling.stdout).toBe("Total reclaimed space: 0B\n");
    expect(images.stdout).toMatch(
      /^Deleted Images:\nuntagged: busybox:latest\ndeleted: sha256:\w+\ndeleted: sha256:\w+\n\nTotal reclaimed space: 4\.\d+MB\n$/,
    );
  });

  it.each([
    [
      ["system", "prune", "-f", "--volumes", "--filter", "until=24h"],
      /not supported with "--volumes"/,
    ],
    [["image", "prune", "-f", "--filter", "x=y"], /invalid filter 'x'/],
    [["system", "df", "-v", "--format", "json"], /exclude each other/],
    [["system", "migrate"], /not there yet/],
  ])("refuse what makes no sense: %j", async (args, message) => {
    const { exitCode, stderr } = await cli.call(args);

    expect(exitCode).toBe(1);
    expect(stderr).toMatch(message);
  });
});

const isHidden = (name: string) => name.startsWith(".");
