import {
  appendFileSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  statSync,
  writeSync,
} from "node:fs";
import { describe, expect, it } from "vitest";
import type { Engine } from "../../lib/engine/engine.ts";
import {
  type EngineEvent,
  OLD_FILES,
  ROTATE_BYTES,
  appendEvent,
  eventFiles,
  parseEventLine,
} from "../../lib/engine/event-log.ts";
import { Paths } from "../../lib/store/paths.ts";
import { busyboxEngine, testEngine } from "../helpers/engine.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const EVENT = {
  Type: "container",
  Action: "create",
  Actor: { ID: "ab12", Attributes: { image: "busybox", name: "web" } },
  timeNano: 1n,
};

const linesOf = (path: string) => readFileSync(path, "utf8").split("\n").slice(0, -1);

async function somewhere(): Promise<Paths> {
  const paths = new Paths(await temporaryFolder());
  mkdirSync(paths.locks);
  return paths;
}

describe("the file of events", () => {
  it("is put aside when it is large, and so often only", async () => {
    const paths = await somewhere();
    const files = eventFiles(paths);
    const padding = `${"x".repeat(ROTATE_BYTES)}\n`;

    for (let round = 0; round < OLD_FILES + 2; round++) {
      appendFileSync(paths.events, padding);
      appendEvent(paths, { ...EVENT, Action: `round ${round}` });
    }

    const last = files.slice(1).map((path) => parseEventLine(linesOf(path).at(-1) ?? "")?.Action);
    expect(last).toEqual([`round ${OLD_FILES + 1}`, `round ${OLD_FILES}`]);
    expect(() => statSync(paths.events)).toThrow("ENOENT");
    expect(() => statSync(`${paths.events}.${OLD_FILES + 1}`)).toThrow("ENOENT");
  });
});

describe("events as they happen", () => {
  const named = (Action: string, timeNano = BigInt(Date.now()) * 1_000_000n) => {
    return { ...EVENT, Action, timeNano };
  };

  async function engineSomewhere() {
    const engine = await testEngine();
    return { engine, paths: new Paths(engine.root) };
  }

  /** As many as are asked for, and no more. */
  async function take(events: AsyncIterable<EngineEvent>, count: number): Promise<string[]> {
    const taken: string[] = [];
    for await (const { action } of events) {
      taken.push(action);
      if (taken.length === count) break;
    }
    return taken;
  }

  it("are heard of from the call on, whenever they are read", async () => {
    const { engine, paths } = await engineSomewhere();
    appendEvent(paths, named("before"));

    const events = engine.events();
    appendEvent(paths, named("after"));
    const taking = take(events, 3);
    appendEvent(paths, named("later"));
    setImmediate(() => appendEvent(paths, named("last")));

    expect(await taking).toEqual(["after", "later", "last"]);
  });

  it("are all there and in their order while the file is put aside", async () => {
    const { engine, paths } = await engineSomewhere();
    const count = 40;
    const padding = "x".repeat(ROTATE_BYTES / 8);

    const taking = take(engine.events(), count);
    for (let at = 0; at < count; at++) {
      appendEvent(paths, { ...named(String(at)), Actor: { ID: "a", Attributes: { padding } } });
      await new Promise((resolve) => setTimeout(resolve, 5));
    }

    expect(await taking).toEqual(Array.from({ length: count }, (_, at) => String(at)));
  });

  it("come also out of a file that was put aside before they were written", async () => {
    const { engine, paths } = await engineSomewhere();
    appendEvent(paths, named("first"));
    const late = openSync(paths.events, "a");

    const events = engine.events()[Symbol.asyncIterator]();
    const next = events.next();
    renameSync(paths.events, `${paths.events}.1`);
    appendEvent(paths, named("second"));
    const second = await next;
    const third = events.next();
    writeSync(late, readFileSync(paths.events, "utf8").replace("second", "third"));
    closeSync(late);

    expect(second.value).toMatchObject({ action: "second" });
    expect((await third).value).toMatchObject({ action: "third" });
    await events.return?.();
  });

  it("are those of a time that is over", async () => {
    const { engine, paths } = await engineSomewhere();
    for (const second of [1n, 2n, 3n, 4n]) {
      appendEvent(paths, named(`at ${second}`, second * 1_000_000_000n));
    }
    renameSync(paths.events, `${paths.events}.1`);
    appendEvent(paths, named("at 5", 5_000_000_000n));

    const events = engine.events({ since: new Date(2_000), until: "5" });

    expect(await take(events, 9)).toEqual(["at 2", "at 3", "at 4", "at 5"]);
  });

  it("end when the time is over", async () => {
    const { engine, paths } = await engineSomewhere();

    const taking = take(engine.events({ until: new Date(Date.now() + 300) }), 9);
    appendEvent(paths, named("one"));

    expect(await taking).toEqual(["one"]);
  });

  it("end with an abort, also before anything happened", async () => {
    const { engine } = await engineSomewhere();
    const abort = new AbortController();

    const taking = take(engine.events({ signal: abort.signal }), 1);
    abort.abort();

    await expect(taking).rejects.toMatchObject({ name: "AbortError" });
    await expect(take(engine.events({ signal: abort.signal }), 1)).rejects.toMatchObject({
      name: "AbortError",
    });
  });

  it("are those that were asked for", async () => {
    const { engine, paths } = await engineSomewhere();

    const taking = take(engine.events({ actions: ["b"] }), 1);
    appendEvent(paths, named("a"));
    appendEvent(paths, named("b"));

    expect(await taking).toEqual(["b"]);
    expect(() => engine.events({ since: "yesterday" })).toThrow("expected a time");
    expect(() => engine.events({ type: "image" } as object)).toThrow('unknown option "type"');
  });

  it("do not keep descriptors when nobody reads them any more", async () => {
    const { engine, paths } = await engineSomewhere();
    appendEvent(paths, named("a"));
    const open = () => readdirSync("/proc/self/fd").length;
    await take(engine.events({ since: new Date(0) }), 1);
    const before = open();

    for (let round = 0; round < 5; round++) await take(engine.events({ since: new Date(0) }), 1);

    expect(open()).toBe(before);
  });
});

describe.runIf(requireUserNamespaces())("what happens to a container", () => {
  expectNothingLeft();

  const actionsOf = async (engine: Engine) => {
    const actions: string[] = [];
    const since = new Date(0);
    for await (const { action } of engine.events({
      since,
      until: new Date(),
      types: ["container"],
    })) {
      actions.push(action);
    }
    return actions;
  };

  it("is told from its making to its end", async () => {
    const engine = await busyboxEngine();
    const box = await engine.containers.create({
      image: "busybox",
      command: ["sh", "-c", "exit 3"],
      labels: { tier: "front" },
      name: "told",
      network: "none",
    });
    const process = await box.start();
    process.stdout?.resume();
    process.stderr?.resume();
    await process.wait();
    await box.remove();

    const heard: EngineEvent[] = [];
    const all = { since: new Date(0), until: new Date(), containers: ["told"] };
    for await (const event of engine.events(all)) heard.push(event);
    expect(heard.map(({ action }) => action)).toEqual(["create", "start", "die", "destroy"]);
    for (const { attributes, id } of heard) {
      expect(id).toBe(box.id);
      expect(attributes).toMatchObject({ name: "told", tier: "front", image: "busybox" });
    }
    expect(heard[2]?.attributes).toMatchObject({ exitCode: "3", execDuration: "0" });
  });

  it("is told of one that goes with its process, too", async () => {
    const engine = await busyboxEngine();

    await engine.containers.run("busybox", ["true"], { remove: true, network: "none" });

    expect(await actionsOf(engine)).toEqual(["create", "start", "die", "destroy"]);
  });

  it("is told of one that cannot start", async () => {
    const engine = await busyboxEngine();

    await engine.containers
      .run("busybox", ["/no/such"], { remove: true, network: "none" })
      .catch(() => undefined);

    expect(await actionsOf(engine)).toEqual(["create", "destroy"]);
  });

  it("is told of images", async () => {
    const engine = await busyboxEngine();
    await engine.images.tag("busybox", "other");
    await engine.images.remove("other");

    const heard: EngineEvent[] = [];
    const all = { since: new Date(0), until: new Date(), types: ["image"] };
    for await (const event of engine.events(all)) heard.push(event);

    expect(heard.map(({ action, attributes }) => [action, attributes["name"]])).toEqual([
      ["load", "busybox:latest"],
      ["tag", "other"],
      ["untag", "other:latest"],
    ]);
  });
});
