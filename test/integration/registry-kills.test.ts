/**
 * Processes that pull, push, remove and prune images over one data root, four at once, killed at
 * random moments; and one that pulls, killed at each of its changes of the disk. `MARMITA_KILLS=500`
 * for as many kills; the seed is printed, and taken from `MARMITA_KILLS_SEED`.
 */
import { createHash, randomBytes } from "node:crypto";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { beforeAll, describe, expect, it } from "vitest";
import { busyboxLayer } from "../../fixtures/busybox.mjs";
import { image } from "../../fixtures/layout-writer.mjs";
import { tarArchive } from "../../fixtures/tar-writer.mjs";
import { type Engine, openEngine } from "../../lib/engine/engine.ts";
import { testEngine } from "../helpers/engine.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { randomNumbers } from "../helpers/random.ts";
import { putImage } from "../helpers/registry-images.ts";
import { type TestRegistry, requireRegistry, startRegistry } from "../helpers/registry.ts";
import { type Script, script } from "../helpers/script.ts";
import { requireProgram, requireUserNamespaces } from "../helpers/user-namespaces.ts";

const KILLS = Number(process.env["MARMITA_KILLS"] ?? 12);
const SEED = Number(process.env["MARMITA_KILLS_SEED"] ?? Date.now() % 1_000_000);
const AT_ONCE = 4;
/** Of one process, from its first word on: longer than any of its works takes. */
const LONGEST_LIFE_MS = 1_500;
const FILES = 40;
/** So many make each change of a pull the last one, about. */
const ALL_KILLS = 36;

/** Says what it is about to do with a name of its own, and that it is done. */
const WORKER = `
  const [own, pushed, startAt] = JSON.parse(process.env.WORK);
  const say = (word, what) => process.stdout.write(word + " " + JSON.stringify(what) + "\\n");
  const engine = await marmita.openEngine({ root });
  const ignore = (...codes) => (error) => {
    if (!codes.includes(error.code)) throw error;
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
    pull: (name) => change({ name, is: true }, () => engine.images.pull(name)),
    remove: (name) => change({ name, is: false }, () => engine.images.remove(name, { force: true })),
    async run(name) {
      const options = { remove: true, network: "none" };
      await change({ name, is: true }, () => engine.containers.run(name, ["true"], options));
    },
    async push(name) {
      const target = pushed + name.slice(name.lastIndexOf(":"));
      await change({ name: target, is: true }, async () => {
        await engine.images.tag(name, target);
        await engine.images.push(target);
      });
    },
    prune: () => engine.images.prune().catch(ignore("NOT_FOUND")),
  };
  const kinds = Object.keys(work);
  say("ready", {});
  for (let at = startAt; ; at++) {
    await work[kinds[at % kinds.length]](own[Math.floor(Math.random() * own.length)]);
  }`;

describe.runIf(requireUserNamespaces() && requireRegistry())("pulls and pushes", () => {
  expectNothingLeft();

  let registry: TestRegistry;
  let engine: Engine;
  /** By name: whether there is such an image; both after a kill. */
  const expected = new Map<string, ReadonlySet<boolean>>();
  const random = randomNumbers(SEED);

  beforeAll(async () => {
    registry = await startRegistry();
    engine = await testEngine();
    const shared = tarArchive(
      Array.from({ length: FILES }, (_, file) => {
        return { path: `shared/${file}`, content: randomBytes(50_000) };
      }),
    );
    for (let at = 0; at < AT_ONCE; at++) {
      const own = tarArchive([{ path: "marker", content: `w${at}` }]);
      const made = image([busyboxLayer(), shared, own]);
      for (const tag of ["a", "b"]) await putImage(registry.url, "box", `w${at}${tag}`, made);
      if (at === 0) await putImage(registry.url, "box", "kept", made);
    }
    const { names } = await engine.images.pull(`${registry.host}/box:kept`);
    for (const name of names) expected.set(name, new Set([true]));
  });

  it(
    `that are killed leave whole images and only garbage besides (seed ${SEED})`,
    async () => {
      for (let kills = 0; kills < KILLS; kills += AT_ONCE) {
        await Promise.all(Array.from({ length: Math.min(AT_ONCE, KILLS - kills) }, killOne));
        await expectWhole();
        if (random() < 0.3 || kills + AT_ONCE >= KILLS) await expectCollectable();
      }
      await expectPushed();
    },
    60_000 + KILLS * 5_000,
  );

  async function killOne(_: unknown, at: number): Promise<void> {
    const own = ["a", "b"].map((tag) => `${registry.host}/box:w${at}${tag}`);
    const pushed = `${registry.host}/pushed`;
    process.env["WORK"] = JSON.stringify([own, pushed, Math.floor(random() * 5)]);
    await using worker = script(engine.root, WORKER);
    const said = listen(worker);
    const byItself = worker.ended.then((how) => `a worker ended by itself: ${how}`);
    const early =
      (await Promise.race([said.ready, byItself])) ??
      (await Promise.race([passing(random() * LONGEST_LIFE_MS), byItself]));
    worker.child.kill("SIGKILL");
    await worker.ended;
    await said.all;
    expect(early).toBeUndefined();
  }

  function listen(worker: Script): { readonly ready: Promise<undefined>; readonly all: unknown } {
    const lines = createInterface({ input: worker.stdout });
    const before = new Map<string, ReadonlySet<boolean>>();
    const ready = new Promise<undefined>((resolve) => {
      lines.on("line", (line) => {
        const [word = "", ...rest] = line.split(" ");
        if (word === "ready") return resolve(undefined);
        const { name, is } = JSON.parse(rest.join(" ")) as { name: string; is: boolean };
        const known = expected.get(name) ?? new Set([false]);
        if (word === "begin") before.set(name, known);
        const after = { begin: new Set([...known, is]), done: new Set([is]) };
        expected.set(name, after[word as "begin"] ?? before.get(name) ?? known);
      });
    });
    return { ready, all: once(lines, "close") };
  }

  async function expectWhole(): Promise<void> {
    await using next = await openEngine({ root: engine.root });
    expectWholeBlobs();
    const images = await next.images.list();
    const named = new Set(images.flatMap(({ names }) => names));
    for (const [name, allowed] of expected) {
      // What was pushed may go before that is told.
      if (name.includes("/pushed:")) continue;
      expect([name, ...allowed], `whether ${name} is there`).toContain(named.has(name));
      expected.set(name, new Set([named.has(name)]));
    }
    for (const name of named) await expectMarked(next, name);
    for (const { id, names } of images) if (names.length === 0) await expectMarked(next, id);
  }

  async function expectMarked(next: Engine, name: string): Promise<void> {
    const script_ = "ls /shared | wc -l; cat /marker";
    const options = { remove: true, network: "none", pull: "never" } as const;
    const { stdout } = await next.containers.run(name, ["sh", "-c", script_], options);
    const [files, marker = ""] = stdout.split("\n");
    expect([name, Number(files)]).toEqual([name, FILES]);
    expect(marker).toBe(/:(w\d)[ab]$/.exec(name)?.[1] ?? marker);
    expect(marker).toMatch(/^w\d$/);
  }

  function expectWholeBlobs(): void {
    const directory = join(engine.root, "images/blobs/sha256");
    if (!existsSync(directory)) return;
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
    const needed = images.flatMap(({ digest, id, manifest }) => {
      return [digest, id, ...manifest.layers.map((layer) => layer.digest)];
    });
    const layers = images.flatMap((one) => one.layers.map(({ chainId }) => chainId));
    const hex = (digests: readonly string[]) => {
      return [...new Set(digests.map((digest) => digest.slice("sha256:".length)))].sort();
    };
    const list = (kind: string) => readdirSync(join(engine.root, kind)).toSorted();
    expect(list("images/blobs/sha256")).toEqual(hex(needed));
    expect(list("images")).toEqual(["blobs", "index.json", "oci-layout"]);
    expect(list("images/blobs")).toEqual(["sha256"]);
    expect(list("layers")).toEqual(hex(layers));
    await expectWhole();
  }

  /** Whatever the registry has under a name is whole, and what was acknowledged is there. */
  async function expectPushed(): Promise<void> {
    await using other = await openEngine({ root: await temporaryFolder() });
    for (const [name, is] of expected) {
      if (!name.includes("/pushed:")) continue;
      const pulled = await other.images.pull(name).catch((error: unknown) => {
        if (is.has(false)) return undefined;
        throw error;
      });
      if (pulled !== undefined) await expectMarked(other, name);
    }
  }

  it.runIf(requireProgram("strace"))(
    "that are killed at any of their changes are whole or absent, and begin again",
    async () => {
      const name = `${registry.host}/box:w0a`;
      const root = await temporaryFolder();
      const step = Math.max(1, Math.floor(ALL_KILLS / Math.max(KILLS, 1)));
      let kills = 0;
      for (const call of CHANGES) {
        for (let at = 1; await isKilledAt({ call, at }, root, name); at += step) {
          kills++;
          expect(at, "no pull has so many changes").toBeLessThan(1_000);
          await expectRecovered(root, name);
        }
        await expectRecovered(root, name); // the last one came to its end
      }
      expect(kills).toBeGreaterThan(5);
    },
    60_000 + KILLS * 10_000,
  );

  async function expectRecovered(root: string, name: string): Promise<void> {
    await using next = await openEngine({ root });
    if ((await next.images.list()).length > 0) await expectMarked(next, name);
    await next.images.pull(name);
    await expectMarked(next, name);
    await next.images.remove(name);
    await next.prune();
    expect(readdirSync(join(root, "layers"))).toEqual([]);
    expect(readdirSync(join(root, "images/blobs/sha256"))).toEqual([]);
    expect(readdirSync(join(root, "images"))).toEqual(["blobs", "index.json", "oci-layout"]);
  }
});

/** What changes names or lengths of files. */
const CHANGES = ["rename", "link", "unlink", "mkdir", "rmdir", "ftruncate", "fsync", "pwrite64"];

interface Change {
  readonly call: string;
  /** Which of these calls: 1 is the first. */
  readonly at: number;
}

/** Pulls, and is killed at that call; false when it came to its end before. */
async function isKilledAt({ call, at }: Change, root: string, name: string): Promise<boolean> {
  const dist = new URL("../../dist/index.js", import.meta.url).href;
  // Programs that are set-uid have no rights under strace: one id must do.
  const text = `const { openEngine } = await import(${JSON.stringify(dist)});
    const engine = await openEngine({ root: ${JSON.stringify(root)}, ids: "single" });
    await engine.images.pull(${JSON.stringify(name)});
    await engine.close();`;
  const traced = ["-f", "--seccomp-bpf", "-qqq", "-o", "/dev/null", "-e", `trace=${call}`];
  const killed = ["-e", `inject=${call}:signal=SIGKILL:when=${at}`];
  const node = [process.execPath, "--input-type=module", "--eval", text];
  // They are counted by thread: with one, they come in one order.
  const env = { ...process.env, UV_THREADPOOL_SIZE: "1" };
  const child = spawn("strace", [...traced, ...killed, ...node], { stdio: "ignore", env });
  const [code] = (await once(child, "exit")) as [number | null];
  return code !== 0;
}

async function passing(milliseconds: number): Promise<undefined> {
  await new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}
