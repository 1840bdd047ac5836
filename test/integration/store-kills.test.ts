/**
 * Processes that load, unpack, commit, remove and prune images over one data root, up to four at
 * once, killed at random moments. `MARMITA_KILLS=500` for as many kills; the seed is printed, and
 * taken from `MARMITA_KILLS_SEED`.
 */
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { beforeAll, describe, expect, it } from "vitest";
import { type Engine, openEngine } from "../../lib/engine/engine.ts";
import { childrenOf } from "../../lib/images/parent.ts";
import { testEngine } from "../helpers/engine.ts";
import { busyboxWith } from "../helpers/images.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { randomNumbers } from "../helpers/random.ts";
import { type Script, script } from "../helpers/script.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const KILLS = Number(process.env["MARMITA_KILLS"] ?? 16);
const SEED = Number(process.env["MARMITA_KILLS_SEED"] ?? Date.now() % 1_000_000);
const AT_ONCE = 4;
/** Of one process, from its first word on: longer than any of its works takes. */
const LONGEST_LIFE_MS = 400;

/** Layers that images share, and one of each's own. */
const ARCHIVES = Array.from({ length: AT_ONCE }, (_, at) => {
  const shared = Array.from({ length: 40 }, (__, file) => ({
    path: `shared/${file}`,
    content: "x".repeat(10_000),
  }));
  const own = [{ path: "marker", content: `archive ${at}` }];
  return busyboxWith({ name: `kills:${at}`, layers: [shared, own] });
});

/**
 * Says what it is about to do, and that it is done: `begin {"name":…,"content":…}`, where no content
 * is no image, then `done` or `undone`. Each has names of its own, the rest in common with the others.
 */
const WORKER = `
  const [archives, own, startAt] = JSON.parse(process.env.WORK);
  const say = (word, what) => process.stdout.write(word + " " + JSON.stringify(what) + "\\n");
  const engine = await marmita.openEngine({ root });
  const single = await marmita.openEngine({ root, ids: "single" });
  const pick = (list) => list[Math.floor(Math.random() * list.length)];
  const ignore = (code) => (error) => {
    if (error.code !== code) throw error;
  };
  const change = async (what, work) => {
    say("begin", what);
    const done = await work().then(() => "done", (error) => {
      ignore("NOT_FOUND")(error);
      return "undone";
    });
    say(done, what);
  };
  const work = {
    async load(name) {
      const at = Math.floor(Math.random() * archives.length);
      const content = "archive " + at;
      await change({ name, content }, () => engine.images.load(archives[at], { name }));
    },
    async remove(name) {
      await change({ name }, () => engine.images.remove(name, { force: true }));
    },
    async commit(name) {
      const content = "commit " + Math.random();
      const source = pick(own);
      if ((await engine.images.find(source)) === undefined) return;
      const command = ["sh", "-c", "echo -n '" + content + "' > /marker"];
      const { id } = await engine.containers.run(source, command, { network: "none" });
      // Whoever prunes may take the container before.
      await change({ name, content }, async () => (await engine.containers.get(id)).commit(name));
      await engine.containers.remove(id).catch(ignore("NOT_FOUND"));
    },
    async unpack(name) {
      const options = { remove: true, network: "none" };
      await single.containers.run(name, ["true"], options).catch(ignore("NOT_FOUND"));
    },
    async prune() {
      await pick([engine, single]).images.prune();
    },
    async pruneAll() {
      await engine.prune();
    },
  };
  const kinds = Object.keys(work);
  say("ready", {});
  for (let at = startAt; ; at++) await work[kinds[at % kinds.length]](pick(own));`;

/** What is known of a name: the content of /marker, none, or several of these after a kill. */
type Expected = ReadonlySet<string | undefined>;

describe.runIf(requireUserNamespaces())("a store whose users are killed at any moment", () => {
  expectNothingLeft();

  let engine: Engine;
  const expected = new Map<string, Expected>();
  const random = randomNumbers(SEED);

  beforeAll(async () => {
    engine = await testEngine();
    await engine.images.load(ARCHIVES[0] ?? "", { name: "kept:1" });
    expected.set("kept:1", new Set(["archive 0"]));
  });

  it(
    `has whole images, all that was acknowledged, and only garbage besides (seed ${SEED})`,
    async () => {
      for (let kills = 0; kills < KILLS; kills += AT_ONCE) {
        await Promise.all(Array.from({ length: Math.min(AT_ONCE, KILLS - kills) }, killOne));
        await expectWhole();
        if (random() < 0.3 || kills + AT_ONCE >= KILLS) await expectCollectable();
      }
    },
    60_000 + KILLS * 5_000,
  );

  async function killOne(_: unknown, at: number): Promise<void> {
    const own = [`worker${at}:a`, `worker${at}:b`];
    process.env["WORK"] = JSON.stringify([ARCHIVES, own, Math.floor(random() * 6)]);
    await using worker = script(engine.root, WORKER);
    const said = listen(worker);
    const ended = await Promise.race([
      said.ready.then(() => undefined),
      worker.ended.then((how) => `a worker ended by itself: ${how}`),
    ]);
    const early = ended ?? (await during(random() * LONGEST_LIFE_MS, worker));
    worker.child.kill("SIGKILL");
    await worker.ended;
    await said.all;
    expect(early).toBeUndefined();
  }

  /** Rejected by nothing: what it says is taken note of until its last line. */
  function listen(worker: Script): { readonly ready: Promise<void>; readonly all: Promise<void> } {
    const lines = createInterface({ input: worker.stdout });
    const begun = new Map<string, Expected>();
    const ready = new Promise<void>((resolve) => {
      lines.on("line", (line) => {
        const [word = "", ...rest] = line.split(" ");
        if (word === "ready") return resolve();
        const { name, content } = JSON.parse(rest.join(" ")) as { name: string; content?: string };
        const before = expected.get(name) ?? new Set([undefined]);
        if (word === "begin") begun.set(name, before);
        const after = { begin: new Set([...before, content]), done: new Set([content]) };
        expected.set(name, after[word as "begin"] ?? begun.get(name) ?? before);
      });
    });
    const all = new Promise<void>((resolve) => {
      lines.once("close", () => resolve());
    });
    return { ready, all };
  }

  async function expectWhole(): Promise<void> {
    await using next = await openEngine({ root: engine.root });
    expectWholeBlobs();
    const images = await next.images.list();
    const named = new Map(images.flatMap(({ id, names }) => names.map((name) => [name, id])));
    for (const [name, allowed] of expected) {
      const content = named.has(name) ? await markerOf(next, name) : undefined;
      expect([name, ...allowed], `what ${name} is`).toContain(content);
      expected.set(name, new Set([content]));
    }
    for (const { id, names } of images) if (names.length === 0) await markerOf(next, id);
    expect([...named.keys()].filter((name) => !expected.has(name))).toEqual([]);
  }

  async function markerOf(next: Engine, image: string): Promise<string> {
    const options = { remove: true, network: "none" } as const;
    const { stdout, exitCode } = await next.containers.run(
      image,
      ["sh", "-c", "ls /shared | wc -l; cat /marker"],
      options,
    );
    const [files, marker = ""] = stdout.split("\n");
    expect([exitCode, Number(files)]).toEqual([0, 40]);
    expect(marker).not.toBe("");
    return marker;
  }

  function expectWholeBlobs(): void {
    const directory = join(engine.root, "images/blobs/sha256");
    for (const name of readdirSync(directory)) {
      const bytes = readFileSync(join(directory, name));
      expect(createHash("sha256").update(bytes).digest("hex")).toBe(name);
    }
  }

  /** What nobody needs goes with one prune, and nothing else does. */
  async function expectCollectable(): Promise<void> {
    await using next = await openEngine({ root: engine.root });
    await next.prune({ volumes: true });
    const images = await next.images.list();
    const nameless = images.filter(({ names }) => names.length === 0);
    for (const one of nameless) expect(childrenOf(one, images)).not.toEqual([]);
    const needed = new Set<string>();
    const layers = new Set<string>();
    for (const { digest, id, manifest, layers: own } of images) {
      for (const one of [digest, id, ...manifest.layers.map((layer) => layer.digest)]) {
        needed.add(one.slice("sha256:".length));
      }
      for (const { chainId } of own) layers.add(chainId.slice("sha256:".length));
    }
    const list = (kind: string) => readdirSync(join(engine.root, kind)).toSorted();
    expect(list("images/blobs/sha256")).toEqual([...needed].toSorted());
    expect(list("images")).toEqual(["blobs", "index.json", "oci-layout"]);
    expect(list("images/blobs")).toEqual(["sha256"]);
    expect(list("layers").map((name) => name.replace(/\..*/, ""))).toEqual([...layers].toSorted());
    for (const kind of ["containers", "names", "live", "trash"]) expect(list(kind)).toEqual([]);
    await expectWhole();
  }
});

/** What it was that ended the worker before its time, if anything. */
async function during(milliseconds: number, worker: Script): Promise<string | undefined> {
  return Promise.race([
    new Promise<undefined>((resolve) => {
      setTimeout(() => resolve(undefined), milliseconds);
    }),
    worker.ended.then((how) => `a worker ended by itself: ${how}`),
  ]);
}
