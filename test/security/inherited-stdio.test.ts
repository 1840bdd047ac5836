/** Files of the machine that a caller hands to a container as its standard input. */
import { closeSync, constants, openSync, statSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { busyboxEngine } from "../helpers/engine.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const INDEX = new URL("../../dist/index.js", import.meta.url).href;

describe.runIf(requireUserNamespaces())("a caller whose standard input", () => {
  expectNothingLeft();

  it("is a directory cannot hand it to a container, which would climb from it", async () => {
    const { root } = await busyboxEngine();
    const directory = openSync("/usr", "r");

    const stdout = handOver(directory, root, "undefined");

    closeSync(directory);
    expect(stdout).toMatch(/^START_FAILED hand over descriptor 0: .*directory$/m);
  });

  it("is a pipe with a name keeps its owner", async () => {
    const { root } = await busyboxEngine();
    const path = join(await temporaryFolder(), "pipe");
    spawnSync("mkfifo", [path]);
    const pipe = openSync(path, constants.O_RDWR);

    const stdout = handOver(pipe, root, "1");

    closeSync(pipe);
    expect(stdout).toContain("/proc/self/fd/0");
    expect(statSync(path).uid).toBe(process.geteuid?.());
  });

  it("is a pipe without a name hands it over", async () => {
    const { root } = await busyboxEngine();

    expect(handOver("pipe", root, "1")).toMatch(/^reached .*\/proc\/self\/fd\/0/);
  });

  /** What a process says whose container looks at its standard input, as root or as user 1. */
  function handOver(stdin: number | "pipe", root: string, user: string): string {
    const script = `
      import { openEngine, run } from ${JSON.stringify(INDEX)};
      const engine = await openEngine({ root: process.argv[1] });
      const user = (await engine.info()).ids === "single" ? undefined : ${user};
      const options = { engine, stdin: "inherit", remove: true, ...(user && { user: String(user) }) };
      await run("busybox", ["ls", "-d", "/proc/self/fd/0"], options).then(
        ({ stdout }) => console.log("reached", stdout),
        ({ code, message }) => console.log(code, message),
      );
      await engine.close();`;
    const words = ["--input-type=module", "-e", script, root];
    return spawnSync(process.execPath, words, {
      stdio: [stdin, "pipe", "inherit"],
      encoding: "utf8",
      timeout: 30_000,
    }).stdout;
  }
});
