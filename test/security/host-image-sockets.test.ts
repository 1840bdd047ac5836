/** Image `host`: sockets and pipes that programs of the machine listen at. */
import { spawnSync } from "node:child_process";
import { createServer } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { run } from "../../lib/api/run.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import { testEngine } from "../helpers/engine.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

describe.runIf(requireUserNamespaces())("a container of the machine itself", () => {
  expectNothingLeft();

  let engine: Engine;
  let folder: string;

  beforeEach(async () => {
    engine = await testEngine();
    folder = await temporaryFolder();
  });

  it("cannot connect to a socket in the file system", async () => {
    let reached = 0;
    const server = createServer(() => void reached++).listen(join(folder, "socket"));
    await once(server, "listening");
    const connect = `require("node:net").connect("socket").on("error", (e) => console.log(e.code))`;

    const { stdout } = await run("host", [process.execPath, "-e", connect], {
      engine,
      workdir: folder,
      remove: true,
    });

    server.close();
    expect({ stdout, reached }).toEqual({ stdout: "ECONNREFUSED\n", reached: 0 });
  });

  it("cannot write to a pipe in the file system", async () => {
    spawnSync("mkfifo", [join(folder, "pipe")]);
    const script = "exec 9<>pipe; echo inside >&9; head -n 1 <&9";

    const { stdout } = await run("host", ["sh", "-c", script], {
      engine,
      workdir: folder,
      remove: true,
    });
    const outside = spawnSync("sh", ["-c", "exec 9<>pipe; echo outside >&9; head -n 1 <&9"], {
      cwd: folder,
      encoding: "utf8",
    });

    expect([stdout, outside.stdout]).toEqual(["inside\n", "outside\n"]);
  });

  it("has nothing of what listens in /run", async () => {
    const { stdout } = await run("host", ["sh", "-c", "find /run -type s -o -type p"], {
      engine,
      workdir: "/",
      remove: true,
    });

    expect(stdout).toBe("");
  });
});
