import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import type { CreateOptions } from "../../lib/engine/container-options.ts";
import { type Engine, openEngine } from "../../lib/engine/engine.ts";
import { isMarmitaError } from "../../lib/errors.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { script } from "../helpers/script.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";
import { busyboxCli } from "./cli-command.ts";

expectNothingLeft();

const SLEEP = ["sleep", "1000"];

describe.runIf(requireUserNamespaces())("a container that is removed", () => {
  let engine: Engine;

  beforeAll(async () => {
    engine = await busyboxEngine();
  });

  afterEach(async () => {
    for (const { id } of await engine.containers.list()) {
      await engine.containers.remove(id, { force: true });
    }
    const kinds = ["containers", "names", "live", "trash"];
    const traces = kinds.flatMap((kind) => readdirSync(join(engine.root, kind)));
    if (traces.length > 0) throw new Error(`left behind: ${traces.join(" ")}`);
  });

  const create = (options: Omit<CreateOptions, "image"> = {}) =>
    engine.containers.create({ image: "busybox", network: "none", command: SLEEP, ...options });

  it("while it runs says what it does, and goes on", async () => {
    const box = await create({ name: "busy" });
    await box.start({ detach: true });

    await expect(box.remove()).rejects.toMatchObject({
      code: "CONFLICT",
      message: "container busy is running: it cannot be removed",
      details: { container: box.id, state: "running" },
    });

    expect(await box.state()).toMatchObject({ status: "running" });
  });

  it("by many at once, in many processes, is gone for all of them", async () => {
    const others = await Promise.all([1, 2, 3].map(() => openEngine({ root: engine.root })));
    for (let round = 0; round < 5; round++) {
      const box = await create();
      await box.start({ detach: true });
      const boxes = await Promise.all(others.map((one) => one.containers.get(box.id)));

      await Promise.all([...boxes, box].map((one) => one.remove({ force: true })));

      expect(await engine.containers.find(box.id)).toBeUndefined();
    }
    for (const one of others) await one.close();
  });

  it("while others start and stop it, is gone, and what they are told is true", async () => {
    const other = await openEngine({ root: engine.root });
    for (let round = 0; round < 8; round++) {
      const box = await create();
      const same = await other.containers.get(box.id);

      const outcomes = await Promise.allSettled([
        same.start({ detach: true }),
        same.stop({ timeoutMs: 0 }),
        same.restart({ timeoutMs: 0 }),
        same.wait(),
        box.remove({ force: true }),
      ]);

      for (const outcome of outcomes) {
        if (outcome.status === "fulfilled") continue;
        const { reason } = outcome as { reason: unknown };
        expect(isMarmitaError(reason) ? reason.code : reason).toMatch(
          /^(?:NOT_FOUND|CONFLICT|START_FAILED)$/,
        );
      }
      await box.remove({ force: true });
      expect(await engine.containers.find(box.id)).toBeUndefined();
    }
    await other.close();
  });

  it("is removed though somebody stopped its keeper", async () => {
    const box = await create();
    await box.start({ detach: true });
    const live = join(engine.root, "live", box.id);
    const { keeper } = JSON.parse(readFileSync(live, "utf8")) as { keeper: number };
    process.kill(keeper, "SIGSTOP");

    await box.remove({ force: true });

    expect(await engine.containers.find(box.id)).toBeUndefined();
  });

  it("by one that is killed, is removed by the next", async () => {
    for (let round = 0; round < 6; round++) {
      const box = await create();
      await box.start({ detach: true });
      await using remover = script(
        engine.root,
        `const engine = await marmita.openEngine({ root });
         const box = await engine.containers.get(${JSON.stringify(box.id)});
         setTimeout(() => process.kill(process.pid, "SIGKILL"), ${round});
         await box.remove({ force: true });`,
      );
      await remover.ended;

      await box.remove({ force: true });
      expect(await engine.containers.find(box.id)).toBeUndefined();
    }
  });
});

describe.runIf(requireUserNamespaces())("marmita rm", () => {
  it("takes anonymous volumes with it when asked to, and named ones never", async () => {
    const cli = await busyboxCli();
    const make = async (name: string) => {
      const args = ["create", "--name", name, "-v", "/anonymous", "-v", "data:/data", "busybox"];
      expect(await cli.call(args)).toMatchObject({ exitCode: 0 });
    };
    const volumes = async () => {
      const { stdout } = await cli.call(["volume", "ls", "-q"]);
      return stdout.split("\n").filter(Boolean).length;
    };

    await make("one");
    expect(await volumes()).toBe(2);
    expect(await cli.call(["rm", "one"])).toMatchObject({ exitCode: 0, stdout: "one\n" });
    expect(await volumes()).toBe(2);
    await make("two");
    expect(await volumes()).toBe(3);
    expect(await cli.call(["rm", "-v", "two"])).toMatchObject({ exitCode: 0, stdout: "two\n" });
    expect(await volumes()).toBe(2);

    expect(await cli.call(["rm", "-l", "one"])).toEqual({
      exitCode: 125,
      stdout: "",
      stderr: "marmita rm: -l (--link) is not supported yet\n",
    });
  });
});
