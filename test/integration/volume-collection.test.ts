/** Volumes as objects of their own: made, listed, removed, beside the containers that have them. */
import { existsSync, readdirSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import {
  createVolume,
  inspectVolume,
  pruneVolumes,
  removeVolume,
  volumes,
} from "../../lib/api/volumes.ts";
import { type Engine, openEngine } from "../../lib/engine/engine.ts";
import { isMarmitaError } from "../../lib/errors.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const NOWHERE = "0123456789abcdef".repeat(4);

describe.runIf(requireUserNamespaces())("volumes", () => {
  expectNothingLeft();

  let engine: Engine;
  const trash = () => readdirSync(join(engine.root, "trash"));
  const names = async () => (await engine.volumes.list()).map(({ name }) => name);
  const use = async (source: string, command: readonly string[] = ["true"]) => {
    return engine.containers.create({
      image: "busybox",
      command,
      network: "none",
      mounts: [{ type: "volume", source, target: "/data" }],
    });
  };

  beforeAll(async () => {
    engine = await busyboxEngine();
  });

  it("are made once, and stay as they were made", async () => {
    const made = await createVolume("web", { engine, labels: { a: "1" } });
    const again = await createVolume("web", { engine, labels: { a: "2" } });

    expect(made).toEqual({
      name: "web",
      driver: "local",
      createdAt: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      labels: { a: "1" },
      anonymous: false,
      mountpoint: join(engine.root, "volumes/web/_data"),
      containers: [],
    });
    expect(again).toEqual(made);
    expect(existsSync(made.mountpoint)).toBe(true);
    await expect(inspectVolume("web", { engine })).resolves.toEqual({
      CreatedAt: made.createdAt,
      Driver: "local",
      Labels: { a: "1" },
      Mountpoint: made.mountpoint,
      Name: "web",
      Options: null,
      Scope: "local",
    });
    await removeVolume("web", { engine });
  });

  it("get a name where nobody chooses one, and go with a prune", async () => {
    const kept = await engine.volumes.create("kept");
    const made = await engine.volumes.create();
    await writeFile(join(made.mountpoint, "file"), "12345");

    const found = await volumes({ engine, labels: ["com.docker.volume.anonymous"] });
    const pruned = await pruneVolumes({ engine });
    const all = await pruneVolumes({ engine, all: true });

    expect(made.name).toMatch(/^[0-9a-f]{64}$/);
    expect(found).toEqual([made]);
    expect(pruned).toEqual({ volumes: [made.name], reclaimedBytes: 5 });
    expect(all).toEqual({ volumes: [kept.name], reclaimedBytes: 0 });
    expect(trash()).toEqual([]);
  });

  it("are sorted, and numbers in names count as such", async () => {
    for (const name of ["v10", "v9", "a0"]) await engine.volumes.create(name);

    expect(await names()).toEqual(["a0", "v9", "v10"]);
    await engine.volumes.prune({ all: true });
  });

  it("stay while a container has them, whether it runs or not", async () => {
    const container = await use("held");

    const listed = await engine.volumes.list({ dangling: false });
    const removing = removeVolume("held", { engine, force: true });

    expect(listed).toMatchObject([{ name: "held", containers: [container.id] }]);
    await expect(removing).rejects.toMatchObject({
      code: "CONFLICT",
      message: `volume held is in use by ${container.id.slice(0, 12)}`,
      details: { volume: "held", containers: [container.id] },
    });
    await expect(pruneVolumes({ engine, all: true })).resolves.toMatchObject({ volumes: [] });
    await container.remove();
    await removeVolume("held", { engine });
    expect(existsSync(join(engine.root, "volumes/held"))).toBe(false);
  });

  it("are removed with files that belong to others", async () => {
    const container = await use("owned", ["sh", "-c", "mkdir -m 0 /data/x; chown 7:7 /data/x"]);
    await (await container.start()).wait();
    await container.remove();

    await removeVolume("owned", { engine });

    expect(existsSync(join(engine.root, "volumes/owned"))).toBe(false);
    expect(trash()).toEqual([]);
  });

  it("that are not there cannot be removed, unless by force", async () => {
    for (const name of ["none", "../containers", "", "a/b"]) {
      await expect(removeVolume(name, { engine })).rejects.toMatchObject({ code: "NOT_FOUND" });
      await expect(removeVolume(name, { engine, force: true })).resolves.toBeUndefined();
      await expect(inspectVolume(name, { engine })).rejects.toMatchObject({ code: "NOT_FOUND" });
    }
  });

  it.each(["x", "../x", "a/b", "-a", "", "a".repeat(241)])(
    "are not made under the name %j",
    async (name) => {
      await expect(createVolume(name, { engine })).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
      });
    },
  );

  it("are free of containers that are nowhere", async () => {
    const { mountpoint } = await engine.volumes.create("stale");
    await writeFile(join(mountpoint, "../users", NOWHERE), "");

    expect(await engine.volumes.list({ dangling: true })).toMatchObject([{ containers: [] }]);
    await removeVolume("stale", { engine });
    expect(await names()).toEqual([]);
  });

  it("that somebody who was killed had begun to remove are not there, and made anew", async () => {
    const { mountpoint } = await engine.volumes.create("half");
    await writeFile(join(mountpoint, "old"), "");
    await rm(join(mountpoint, "../users"), { recursive: true });
    await mkdir(join(engine.root, "volumes/.draft-x"));

    const before = await names();
    await expect(engine.volumes.get("half")).rejects.toMatchObject({ code: "NOT_FOUND" });
    await engine.volumes.create("half");

    expect(before).toEqual([]);
    expect(readdirSync(mountpoint)).toEqual([]);
    expect(readdirSync(join(engine.root, "volumes"))).toEqual(["half"]);
    await removeVolume("half", { engine });
  });

  it("are made and removed by many at once: each is there whole, or not at all", async () => {
    const engines = await Promise.all([1, 2, 3].map(() => openEngine({ root: engine.root })));
    const rounds = engines.flatMap((one, at) =>
      Array.from({ length: 20 }, async (_, round) => {
        if (at > 0) return one.volumes.create("race", { labels: { round: String(round) } });
        await one.volumes.remove("race", { force: true });
        return undefined;
      }),
    );

    const made = await Promise.all(rounds);

    expect(made.filter((volume) => volume !== undefined)).toHaveLength(40);
    await engine.volumes.remove("race", { force: true });
    for (const one of engines) await one.close();
    expect(readdirSync(join(engine.root, "volumes"))).toEqual([]);
  });

  it("are never taken away from a container that is being made", async () => {
    const removals = Array.from({ length: 30 }, () =>
      engine.volumes.remove("taken", { force: true }).catch((error: unknown) => {
        if (!isMarmitaError(error, "CONFLICT")) throw error;
      }),
    );
    const [container] = await Promise.all([use("taken", ["ls", "-d", "/data"]), ...removals]);

    const { exitCode } = await (await container.start()).wait();

    expect(exitCode).toBe(0);
    await container.remove();
    await engine.volumes.remove("taken");
  });

  it("are noted when they are made and removed, and not when nothing came of it", async () => {
    const since = new Date();
    const container = await use("noted");
    await engine.volumes.create("noted");
    await engine.volumes.remove("noted").catch(() => undefined);
    await container.remove();
    await engine.volumes.remove("noted");
    await engine.volumes.remove("noted", { force: true });
    await engine.volumes.create();
    await engine.volumes.prune();

    const seen: string[] = [];
    for await (const event of engine.events({ since, until: new Date() })) {
      if (event.type === "volume") seen.push(`${event.action} ${event.id.slice(0, 5)}`);
    }

    expect(seen).toEqual([
      "create noted",
      "destroy noted",
      expect.stringMatching(/^create [0-9a-f]{5}$/),
      expect.stringMatching(/^destroy [0-9a-f]{5}$/),
      "prune ",
    ]);
  });

  it("refuses options it does not have", async () => {
    const options = { driver: "nfs" };

    await expect(engine.volumes.create("x1", options as object)).rejects.toThrow(
      'unknown option "driver"',
    );
    await expect(engine.volumes.list({ names: [1] } as object)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
  });
});
