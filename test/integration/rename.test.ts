import { readFileSync, readdirSync, readlinkSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { type Engine, openEngine } from "../../lib/engine/engine.ts";
import { parseEventLine } from "../../lib/engine/event-log.ts";
import { Paths } from "../../lib/store/paths.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { lineOf } from "../helpers/eventually.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { script } from "../helpers/script.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";
import { busyboxCli } from "./cli-command.ts";

expectNothingLeft();

describe.runIf(requireUserNamespaces())("a container that is renamed", () => {
  let engine: Engine;

  beforeEach(async () => {
    engine = await busyboxEngine();
  });

  const names = () => readdirSync(join(engine.root, "names")).sort();
  const create = (name: string, remove = false) =>
    engine.containers.create({ image: "busybox", command: ["sleep", "60"], name, remove });

  it("has its new name, and its old one is free", async () => {
    const web = await create("web");

    await web.rename("shop");

    expect(web.name).toBe("shop");
    expect(names()).toEqual(["shop"]);
    expect((await engine.containers.get("shop")).id).toBe(web.id);
    expect(await engine.containers.find("web")).toBeUndefined();
    expect((await create("web")).id).not.toBe(web.id);
  });

  it("keeps all else that its record says", async () => {
    const made = await engine.containers.create({
      image: "busybox",
      name: "web",
      labels: { a: "1" },
      mounts: [{ type: "volume", target: "/srv" }],
      network: "none",
      openStdin: true,
      restart: "always",
    });
    const before = { ...made.record };

    await made.rename("shop");

    const { record } = await engine.containers.get("shop");
    expect(record).toEqual({ ...before, name: "shop" });
  });

  it.each([
    ["its own name", "web", "INVALID_ARGUMENT"],
    ["another's name", "db", "ALREADY_EXISTS"],
    ["what is no name", "a/b", "INVALID_ARGUMENT"],
    ["one letter", "a", "INVALID_ARGUMENT"],
  ])("to %s is refused, and keeps its own", async (_, name, code) => {
    const web = await create("web");
    await create("db");

    await expect(web.rename(name)).rejects.toMatchObject({ code });

    expect(web.name).toBe("web");
    expect(names()).toEqual(["db", "web"]);
  });

  it("after it was removed is refused", async () => {
    const web = await create("web");
    await engine.containers.remove("web");

    await expect(web.rename("shop")).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(names()).toEqual([]);
  });

  it("while it runs is removed at its end, with its new name", async () => {
    const web = await create("web", true);
    const process = await web.start();

    await web.rename("shop");
    const other = await create("web");
    process.kill("SIGKILL");
    await process.wait();

    expect(names()).toEqual(["web"]);
    expect(readlinkSync(join(engine.root, "names", "web"))).toBe(other.id);
    expect((await engine.containers.get("web")).id).toBe(other.id);
  });

  it("is told of by its new name", async () => {
    const web = await create("web", true);
    const process = await web.start();
    await web.rename("shop");
    process.kill("SIGKILL");
    await process.wait();

    const told = readFileSync(new Paths(engine.root).events, "utf8")
      .split("\n")
      .flatMap((line) => parseEventLine(line) ?? [])
      .filter(({ Type }) => Type === "container")
      .map(({ Action, Actor }) => `${Action} ${Actor.Attributes["name"]}`);
    expect(told).toEqual(["create web", "start web", "rename shop", "die shop", "destroy shop"]);
  });

  it("half, by one that was killed, has the name of its record, and the other is free", async () => {
    const web = await create("web");
    symlinkSync(web.id, join(engine.root, "names", "shop"));

    expect(await engine.containers.find("shop")).toBeUndefined();
    expect((await engine.containers.get("web")).id).toBe(web.id);
    const shop = await create("shop");

    expect((await engine.containers.get("shop")).id).toBe(shop.id);
    await web.rename("market");
    symlinkSync(web.id, join(engine.root, "names", "web"));
    await engine.prune();
    expect(names()).toEqual([]);
  });

  it("by many at once has one name, and everybody else hears of it", async () => {
    const web = await create("web");
    const others = await Promise.all([1, 2, 3].map(() => openEngine({ root: engine.root })));
    const tries = [engine, ...others].map(async (one, at) => {
      const container = await one.containers.get(web.id);
      for (let round = 0; round < 10; round++) await container.rename(`name-${at}-${round}`);
    });

    await Promise.all(tries);
    for (const other of others) await other.close();

    const [only, ...more] = names();
    expect(more).toEqual([]);
    expect((await engine.containers.get(web.id)).name).toBe(only);
  });

  it("to the same name as others is one of them", async () => {
    const made = await Promise.all(["one", "two", "three", "four"].map((name) => create(name)));

    const outcomes = await Promise.allSettled(made.map((one) => one.rename("winner")));

    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(names()).toHaveLength(4);
    const winner = await engine.containers.get("winner");
    expect(made.filter(({ name }) => name === "winner").map(({ id }) => id)).toEqual([winner.id]);
  });

  it("while others remove it leaves no name behind", async () => {
    for (let round = 0; round < 20; round++) {
      const web = await create("web");
      const renaming = web.rename("shop").catch((error: unknown) => error);
      await engine.containers.remove(web.id);
      await renaming;

      expect(names().filter((name) => readlink(name) === web.id)).toEqual([]);
    }
  });

  const readlink = (name: string) => readlinkSync(join(engine.root, "names", name));

  it("while it is forked has its new name and the snapshot", async () => {
    let box = await engine.containers.create({ image: "busybox", command: ["touch", "/new"] });
    for (let round = 0; round < 6; round++) {
      await (await box.start()).wait();
      const [fork] = await Promise.all([box.fork(), box.rename(`box-${round}`)]);

      box = await engine.containers.get(`box-${round}`);
      expect(box.record.snapshots).toHaveLength(round + 1);
      expect(await fork.diff()).toEqual(await box.diff());
    }
    expect(names()).toHaveLength(7);
  });

  it("by processes that are killed has one name that counts", async () => {
    const web = await create("web");
    for (let round = 0; round < 8; round++) {
      await using renamer = script(
        engine.root,
        `const engine = await marmita.openEngine({ root });
         const box = await engine.containers.get(${JSON.stringify(web.id)});
         console.log("begun");
         for (let i = 0; ; i++) await box.rename("name-" + process.pid + "-" + i);`,
      );
      await lineOf(renamer.stdout, /begun/);
      await new Promise((resolve) => setTimeout(resolve, round * 3));
      renamer.child.kill("SIGKILL");
      await renamer.ended;

      const { name } = await engine.containers.get(web.id);
      expect((await engine.containers.get(name)).id).toBe(web.id);
    }
    await engine.containers.remove(web.id);
    await engine.prune();
    expect(names()).toEqual([]);
  });
});

describe.runIf(requireUserNamespaces())("marmita rename", () => {
  it("prints nothing, and takes two names", async () => {
    const cli = await busyboxCli();
    await cli.call(["run", "--name", "web", "busybox", "true"]);

    expect(await cli.call(["rename", "web", "shop"])).toEqual({
      exitCode: 0,
      stdout: "",
      stderr: "",
    });
    expect((await cli.call(["ps", "-a", "--format", "{{.Names}}"])).stdout).toBe("shop\n");
    expect(await cli.call(["container", "rename", "web", "shop"])).toMatchObject({
      exitCode: 1,
      stderr: "marmita: no such container: web\n",
    });
    expect(await cli.call(["rename", "shop"])).toMatchObject({ exitCode: 1 });
  });
});
