/** Commands that take off the signal which ends them when their keeper dies. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { run } from "../../lib/api/run.ts";
import { openEngine } from "../../lib/engine/engine.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { eventually } from "../helpers/eventually.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { script } from "../helpers/script.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

/** The kernel forgets the signal when a process changes its user. */
const CHANGES_USER = ["su", "-s", "/bin/sh", "cook", "-c", "exec sleep 1000"];

describe.runIf(requireUserNamespaces())("a container that its keeper's death does not end", () => {
  expectNothingLeft();

  it("is ended by its owner", async ({ skip }) => {
    const engine = await busyboxEngine();
    skip((await engine.info()).ids === "single", "there is one user only");
    const ending = run("busybox", CHANGES_USER, { engine, remove: true });
    const { keeper, pid } = await sleeping(engine.root);

    process.kill(keeper, "SIGKILL");

    expect(await ending).toMatchObject({ exitCode: 137, signal: "SIGKILL" });
    expect(commandOf(pid)).toBe("");
    expect(readdirSync(join(engine.root, "containers"))).toEqual([]);
  });

  it("is ended by the next engine when its owner has died too", async ({ skip }) => {
    const engine = await busyboxEngine();
    skip((await engine.info()).ids === "single", "there is one user only");
    await using owner = script(
      engine.root,
      `await marmita.run("busybox", ${JSON.stringify(CHANGES_USER)}, { root, remove: true });`,
    );
    const { keeper, pid } = await sleeping(engine.root);
    process.kill(keeper, "SIGSTOP"); // so that it cannot clean up
    owner.child.kill("SIGKILL");
    await owner.ended;
    process.kill(keeper, "SIGKILL");
    await eventually("the keeper's end", () => hasEnded(keeper) || undefined); // and of its lock

    await using _next = await openEngine({ root: engine.root });

    await eventually("the end of the container", () => (commandOf(pid) === "" ? true : undefined));
    expect(readdirSync(join(engine.root, "containers"))).toEqual([]);
  });

  function sleeping(root: string): Promise<{ keeper: number; pid: number }> {
    return eventually(
      "a container that has changed its user",
      () => {
        const [id = ""] = readdirSync(join(root, "live"));
        try {
          const live = JSON.parse(readFileSync(join(root, "live", id), "utf8")) as {
            keeper: number;
            pid: number;
          };
          return commandOf(live.pid).startsWith("sleep") ? live : undefined;
        } catch {
          return undefined;
        }
      },
      5_000,
    );
  }

  function hasEnded(pid: number): boolean {
    try {
      return /^State:\t[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
    } catch {
      return true;
    }
  }

  /** Empty once it has ended, also where nobody has reaped it yet. */
  function commandOf(pid: number): string {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8");
    } catch {
      return "";
    }
  }
});
