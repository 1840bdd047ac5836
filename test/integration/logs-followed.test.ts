import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Container } from "../../lib/engine/container.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import type { CreateOptions } from "../../lib/engine/container-options.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

describe.runIf(requireUserNamespaces())("the log of a container that runs", () => {
  expectNothingLeft();

  let engine: Engine;
  let container: Container;

  beforeAll(async () => {
    engine = await busyboxEngine();
  });
  afterEach(async () => container.remove({ force: true }));

  async function start(script: string, options: Partial<CreateOptions> = {}): Promise<void> {
    const command = ["sh", "-c", script];
    container = await engine.containers.create({ image: "busybox", command, ...options });
    await container.start({ detach: true });
  }

  async function followed(options = {}): Promise<string[]> {
    const texts = [];
    for await (const { text } of container.logs({ follow: true, ...options })) texts.push(text);
    return texts;
  }

  it("is followed from the first line to the last, over rotations and starts by its policy", async () => {
    const lines = 4_000;
    // Slow enough for a reader, whose files are not to be gone before it comes.
    const script = `echo begin; n=0; while [ $n -lt ${lines} ]; do
      n=$((n+1)); echo "line $n of many that fill a file of the log after a while"
      [ $((n % 500)) = 0 ] && sleep 0.2
    done; exit 1`;
    await start(script, { restart: "on-failure:2", log: { maxSize: 64 * 1024, maxFiles: 10 } });

    const texts = await followed();

    const one = ["begin", ...Array.from({ length: lines }, (_, at) => `line ${at + 1}`)];
    const seen = texts.map((text) => text.replace(/ of many.*/, ""));
    expect(seen.length).toBe(3 * one.length);
    expect(seen).toEqual([...one, ...one, ...one]);
    const files = await readdir(join(engine.root, "containers", container.id));
    expect(files.filter((name) => name.startsWith("log")).length).toBe(10);
    expect((await container.state()).status).toBe("exited");
  });

  it("is followed over a restart by hand, until it is stopped", async () => {
    await start("trap 'echo down; exit' TERM; echo up; while :; do sleep 0.1; done");
    const texts: string[] = [];

    for await (const { text } of container.logs({ follow: true })) {
      texts.push(text);
      const starts = texts.filter((one) => one === "up").length;
      // The next look at the log is when this has happened.
      if (text === "up") await (starts < 3 ? container.restart() : container.stop());
    }

    expect(texts).toEqual(["up", "down", "up", "down", "up", "down"]);
  });

  it("is followed by several, each from where it wants to", async () => {
    await start("for n in 1 2 3; do echo $n; done; read line; echo $line", { openStdin: true });
    const two = (async () => {
      for await (const { text } of container.logs({ follow: true })) if (text === "3") return text;
      return "none";
    })();
    await two; // so far it has come

    const all = followed();
    const last = followed({ tail: 1 });
    await using attached = await container.attach();
    attached.stdin?.write("feijoada\n");

    expect(await all).toEqual(["1", "2", "3", "feijoada"]);
    expect((await last).at(-1)).toBe("feijoada");
  });

  it("has what a foreground container wrote, too, as its reader had it", async () => {
    const result = await engine.containers.run("busybox", ["sh", "-c", "echo out; echo err >&2"]);
    container = await engine.containers.get(result.id);

    const entries = [];
    for await (const { stream, text } of container.logs()) entries.push(`${stream} ${text}`);

    expect(result).toMatchObject({ stdout: "out\n", stderr: "err\n" });
    expect(entries.sort()).toEqual(["stderr err", "stdout out"]);
  });

  it("has the bytes of a terminal in lines", async () => {
    await start("printf 'one\\ntwo'", { tty: true });

    const entries = [];
    for await (const entry of container.logs({ follow: true })) entries.push(entry);

    expect(entries).toMatchObject([
      { stream: "stdout", text: "one" },
      { stream: "stdout", text: "two", isPartial: true },
    ]);
  });
});
