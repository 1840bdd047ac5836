/** The machine's own device nodes, which a container sees: it may use them and nothing else. */
import { statSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { run } from "../../lib/api/run.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const DEVICES = ["null", "zero", "full", "random", "urandom", "tty"];

describe.runIf(requireUserNamespaces())("a container's device nodes", () => {
  expectNothingLeft();

  let engine: Engine;

  beforeAll(async () => {
    engine = await busyboxEngine();
  });

  it.each(DEVICES)("/dev/%s of the machine cannot be changed", async (name) => {
    const path = `/dev/${name}`;
    const before = statSync(path);
    const mode = (before.mode & 0o7777).toString(8);

    const { stdout } = await sh(
      `chmod ${mode} ${path} || echo mode; chown 0:0 ${path} || echo owner; touch -d 2001-01-01 ${path} || echo time; rm ${path} || echo gone`,
    );

    expect(stdout).toBe("mode\nowner\ntime\ngone\n");
    expect(statSync(path).mtimeMs).toBe(before.mtimeMs);
  });

  it("/dev/null of the machine cannot be changed where it masks a file", async () => {
    const before = statSync("/dev/null");

    const { stdout } = await sh("for path in /proc/[a-z]*; do test -c $path && touch $path; done");

    expect(stdout).toBe("");
    expect(statSync("/dev/null").mtimeMs).toBe(before.mtimeMs);
  });

  it("can be written to and read from", async () => {
    const { stdout, exitCode } = await sh(
      "echo x > /dev/null && head -c 4 /dev/zero | wc -c && head -c 4 /dev/urandom | wc -c && echo x > /dev/full || echo full",
    );

    expect({ stdout, exitCode }).toEqual({ stdout: "4\n4\nfull\n", exitCode: 0 });
  });

  it("are all there are: none can be made, from an image neither", async () => {
    const { stdout } = await sh(
      "mknod /m b 8 0 || echo none; mknod /c c 1 1 || echo none; ls /dev | tr '\\n' ' '",
    );

    expect(stdout).toBe(
      "none\nnone\ncore fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero ",
    );
  });

  function sh(script: string) {
    return run("busybox", ["sh", "-c", script], { engine, remove: true });
  }
});
