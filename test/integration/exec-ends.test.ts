import { readFileSync, readdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Container } from "../../lib/engine/container.ts";
import type { CreateOptions } from "../../lib/engine/container-options.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import { startSleeping } from "../helpers/containers.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { eventually, lineOf } from "../helpers/eventually.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { script } from "../helpers/script.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const canRun = requireUserNamespaces();
expectNothingLeft();

describe.runIf(canRun)("a further command in a container", () => {
  let engine: Engine;
  let box: Container;

  const start = (options: Partial<CreateOptions> = {}) => startSleeping(engine, options);

  beforeAll(async () => {
    engine = await busyboxEngine();
    box = await start({ env: { FROM: "the container" }, workdir: "/tmp", hostname: "box" });
  });
  afterAll(async () => box[Symbol.asyncDispose]());

  const sh = (line: string, options = {}) => box.exec(["sh", "-c", line], options);

  /** Ends what has that command line. */
  const end = (args: string) => {
    return sh(`ps -o pid,args | while read p a; do [ "$a" = "${args}" ] && kill $p; done; true`);
  };

  /** The command lines that processes of the container have, but for the one that looks. */
  async function commandLines(container: Container = box): Promise<string> {
    const { stdout } = await container.exec(["ps", "-o", "args"]);
    return stdout;
  }

  describe("whose command leaves something behind", () => {
    it("resolves when the command has ended, and lets what is left go on", async () => {
      const { stdout } = await sh("sleep 987 & echo begun");

      expect(stdout).toBe("begun\n");
      expect(await commandLines()).toContain("sleep 987");
      await end("sleep 987");
    });

    it("does not wait for one that writes for ever", async () => {
      const { stdout } = await sh("echo begun; yes & sleep 0.1");

      expect(stdout.startsWith("begun\n")).toBe(true);
      await end("yes");
    });

    it("leaves it to the container's first process to reap", async () => {
      await sh("sh -c 'sleep 0.05 &'");

      const states = await eventually("no zombie", async () => {
        const { stdout } = await box.exec(["ps", "-o", "stat"]);
        return stdout.includes("Z") ? undefined : stdout;
      });
      expect(states).toContain("S");
    });
  });

  /** One in a session of its own, one whose parent has gone, and one that ignores signals. */
  const TREE =
    "trap '' TERM HUP; setsid sleep 876 & sh -c 'sleep 876 & exit'; sleep 876 & echo ready; wait";

  /** The command lines when nothing of the tree is left. */
  const withoutTree = () => {
    return eventually("the tree gone", async () => {
      const lines = await commandLines();
      return lines.includes("sleep 876") ? undefined : lines;
    });
  };

  it("kills the whole tree at a time-out", async () => {
    const result = await sh(TREE, { timeoutMs: 500 });

    expect(result).toMatchObject({
      timedOut: true,
      exitCode: 137,
      signal: "SIGKILL",
      stdout: "ready\n",
    });
    expect(await commandLines()).not.toContain("sleep 876");
  });

  it("kills the whole tree when aborted, and rejects when it is gone", async () => {
    const abort = new AbortController();
    const process = await box.startExec(["sh", "-c", TREE], { signal: abort.signal });
    if (process.stdout !== undefined) await lineOf(process.stdout, /ready/);

    abort.abort();

    expect(await process.wait()).toEqual({ exitCode: 137, signal: "SIGKILL" });
    expect(await commandLines()).not.toContain("sleep 876");
    await expect(sh("true", { signal: abort.signal })).rejects.toMatchObject({
      name: "AbortError",
    });
    const later = sh("sleep 600", { signal: AbortSignal.timeout(50) });
    await expect(later).rejects.toMatchObject({ name: "AbortError" });
  });

  it("ends a command that does nothing but start more of itself", async () => {
    const container = await start();
    await using _gone = container;
    const bomb =
      "f() { f & f & }; n=0; while [ $n -lt 40 ]; do (sleep 1 & sleep 1) & n=$((n+1)); done; while :; do sleep 0.01 & done";

    const { timedOut } = await container.exec(["sh", "-c", bomb], { timeoutMs: 300 });

    expect(timedOut).toBe(true);
    expect(await commandLines(container)).not.toContain("sleep 0.01");
  });

  it("is killed with its tree by a dispose, and by the engine's end", async () => {
    {
      await using process = await box.startExec(["sh", "-c", TREE]);
      if (process.stdout !== undefined) await lineOf(process.stdout, /ready/);
    }

    expect(await commandLines()).not.toContain("sleep 876");
  });

  it("sends signals to the command alone", async () => {
    const waits = "trap 'echo got; exit 5' USR1; echo ready; while :; do sleep 0.05; done";
    const process = await box.startExec(["sh", "-c", waits]);
    const lines = process.stdout?.iterator({ destroyOnReturn: false });
    expect(String((await lines?.next())?.value)).toBe("ready\n");

    process.kill("SIGUSR1");

    expect(String((await lines?.next())?.value)).toBe("got\n");
    expect(await process.wait()).toEqual({ exitCode: 5, signal: null });
    process.kill(); // nothing happens
    expect(process.pid).toBeGreaterThan(1);
  });

  it("tells of the signal that ended it", async () => {
    expect(await sh("kill -TERM $$")).toMatchObject({ exitCode: 143, signal: "SIGTERM" });
  });

  it("ends when the container does", async () => {
    const container = await start();
    const process = await container.startExec(["sleep", "600"]);

    await container[Symbol.asyncDispose]();

    expect(await process.wait()).toEqual({ exitCode: 137, signal: "SIGKILL" });
    await process[Symbol.asyncDispose]();
  });

  it("is refused while the container is paused, and one that is there can be ended", async () => {
    const container = await start();
    await using _gone = container;
    const process = await container.startExec(["sh", "-c", "sleep 600 & sleep 600"]);
    await container.pause();

    await expect(container.exec(["true"])).rejects.toMatchObject({
      code: "CONFLICT",
      message: `container ${container.name} is paused, unpause the container before exec`,
    });
    await process[Symbol.asyncDispose]();

    expect(await process.wait()).toMatchObject({ signal: "SIGKILL" });
    await container.unpause();
  });

  it("is over when its watcher is killed, with all of its tree", async () => {
    const process = await box.startExec(["sh", "-c", TREE]);
    if (process.stdout !== undefined) await lineOf(process.stdout, /ready/);

    globalThis.process.kill(watcherOf(box), "SIGKILL");

    expect(await process.wait()).toEqual({ exitCode: 137, signal: "SIGKILL" });
    expect(await withoutTree()).toContain("sleep 600");
    await process[Symbol.asyncDispose]();
  });

  it("dies with the Node process that asked for it, with all of its tree", async () => {
    const { child, stdout } = script(
      engine.root,
      `const engine = await marmita.openEngine({ root });
       const box = await engine.containers.get(${JSON.stringify(box.id)});
       const { stdout } = await box.startExec(["sh", "-c", ${JSON.stringify(TREE)}]);
       for await (const chunk of stdout) process.stdout.write(chunk);`,
    );
    await lineOf(stdout, /ready/);

    child.kill("SIGKILL");

    expect(await withoutTree()).toContain("sleep 600");
  });

  it("outlives the Node process where it is detached", async () => {
    await box.execDetached(["sh", "-c", "echo $0 > /tmp/made; exec sleep 765", "done"]);

    await eventually("the file", async () => {
      const { stdout } = await sh("cat /tmp/made 2>/dev/null");
      return stdout === "done\n" || undefined;
    });
    expect(await commandLines()).toContain("sleep 765");
    await end("sleep 765");
    await expect(box.execDetached(["/no/such"])).rejects.toMatchObject({
      details: { exitCode: 127 },
    });
  });

  it("races with the container's end without a crash", async () => {
    const container = await start({ command: ["sleep", "0.2"], init: false });
    const outcomes = new Set<string>();

    for (let isOver = false; !isOver;) {
      const outcome = await container.exec(["true"]).then(
        ({ exitCode }) => `exited ${exitCode}`,
        ({ code }: { code: string }) => code,
      );
      outcomes.add(outcome);
      isOver = outcome === "NOT_FOUND" || outcome === "CONFLICT";
    }

    outcomes.delete("exited 137"); // it ended with the container
    outcomes.delete("NOT_FOUND");
    outcomes.delete("CONFLICT");
    expect([...outcomes]).toEqual(["exited 0"]);
    await container.remove({ force: true }).catch(() => undefined);
  });

  /** The process that watches the only command in a container. */
  function watcherOf({ name }: Container): number {
    const title = `marmita: exec ${name}\0`;
    const found = readdirSync("/proc").find((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "latin1").startsWith(title);
      } catch {
        return false;
      }
    });
    return Number(found);
  }
});
