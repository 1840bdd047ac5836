/** Signals from inside a container to its keeper, which has the same user outside. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { run } from "../../lib/api/run.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

describe.runIf(requireUserNamespaces())("a container that signals its own process group", () => {
  expectNothingLeft();

  let engine: Engine;

  beforeAll(async () => {
    engine = await busyboxEngine();
  });

  it("cannot stop its keeper, and with it time-outs and the end with its owner", async () => {
    const script = "kill -STOP 0; exec sleep 30";

    const { timedOut } = await run("busybox", ["sh", "-c", script], {
      engine,
      timeoutMs: 500,
      remove: true,
    });

    expect(timedOut).toBe(true);
  });

  it("cannot kill its keeper, which puts everything away", async () => {
    const script = "sh -c 'kill -KILL 0'; sleep 0.1; exit 7";

    const { exitCode } = await run("busybox", ["sh", "-c", script], { engine, remove: true });

    expect(exitCode).toBe(7);
    expect(readdirSync(join(engine.root, "live"))).toEqual([]);
    expect(readdirSync(join(engine.root, "containers"))).toEqual([]);
  });
});
