import { readFileSync, readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type Engine, openEngine } from "../../lib/engine/engine.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { lineOf } from "../helpers/eventually.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { script } from "../helpers/script.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

/** Makes, runs and removes containers until it is killed. */
const BUSY = `
  const engine = await marmita.openEngine({ root });
  const command = ["sh", "-c", "echo x > /y"];
  const work = async (options) => {
    for (;;) {
      const { id } = await engine.containers.run("busybox", command, options);
      if (!options.remove && Math.random() < 0.8) await engine.containers.remove(id);
      console.log("round");
    }
  };
  const mounts = [{ type: "volume", target: "/etc" }, { type: "volume", source: "shared", target: "/bin" }];
  await Promise.all([work({ remove: true }), work({ remove: true, mounts }), work({})]);`;

const ROUNDS = 12;
/** Longer than a round of the above takes: the kills fall on all of its parts. */
const SPREAD_MS = 60;

describe.runIf(requireUserNamespaces())("a data root whose users are killed at any moment", () => {
  expectNothingLeft();

  let engine: Engine;

  beforeAll(async () => {
    engine = await busyboxEngine();
  });

  const list = (kind: string) => readdirSync(join(engine.root, kind));

  it("has whole containers only, each with its name, once the next one looks", async () => {
    for (let round = 0; round < ROUNDS; round++) {
      await using owner = script(engine.root, BUSY);
      await lineOf(owner.stdout, /round/);
      await new Promise((resolve) => setTimeout(resolve, (SPREAD_MS * round) / ROUNDS));
      if (round % 2 === 0) killKeeper();
      owner.child.kill("SIGKILL");
      await owner.ended;

      await expect.poll(() => sweptTraces(), { timeout: 10_000 }).toEqual({ live: [], trash: [] });

      const containers = list("containers").toSorted();
      const named = list("names").map((name) => readlinkSync(join(engine.root, "names", name)));
      expect(named.toSorted()).toEqual(containers);
      for (const { state } of await engine.containers.list()) {
        expect(["created", "exited"]).toContain(state.status);
      }
    }

    for (const { id } of await engine.containers.list()) await engine.containers.remove(id);
    expect(["containers", "names", "live", "trash"].flatMap(list)).toEqual([]);
    // Anonymous volumes have gone with their containers; the named one is whole.
    expect(list("volumes")).toEqual(["shared"]);
    expect(list("volumes/shared").toSorted()).toEqual(["_data", "users", "volume.json"]);
    expect(list("volumes/shared/users")).toEqual([]);
    expect(list("volumes/shared/_data")).toContain("busybox");
  });

  /** Keepers that still tidy up hold what they do it with. */
  async function sweptTraces(): Promise<object> {
    await using _next = await openEngine({ root: engine.root });
    return { live: list("live"), trash: list("trash") };
  }

  function killKeeper(): void {
    const [id] = list("live");
    if (id === undefined) return;
    try {
      const { keeper } = JSON.parse(readFileSync(join(engine.root, "live", id), "utf8")) as {
        keeper?: number;
      };
      if (keeper !== undefined) process.kill(keeper, "SIGKILL");
    } catch {
      // it ended meanwhile
    }
  }
});
