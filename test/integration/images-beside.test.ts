/** Images removed while others are at work over the same data root: nobody waits for long. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { openEngine } from "../../lib/engine/engine.ts";
import { busyboxEngine, testEngine } from "../helpers/engine.ts";
import { busyboxArchive, busyboxWith } from "../helpers/images.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { script } from "../helpers/script.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";
import { lineOf } from "../helpers/eventually.ts";

expectNothingLeft();

describe.runIf(requireUserNamespaces())("an image is removed", () => {
  it("while an archive of it is read slowly, which is whole all the same", async () => {
    const engine = await busyboxEngine();
    const target = new PassThrough({ highWaterMark: 1 });
    const saving = engine.images.save("busybox", target);
    await new Promise((resolve) => target.once("readable", resolve));

    const { deleted } = await engine.images.remove("busybox");

    expect(deleted).toHaveLength(2);
    const [bytes] = await Promise.all([buffer(target), saving]);
    const other = await testEngine();
    await other.images.load(Readable.from([bytes]));
    expect((await other.images.list()).map(({ names }) => names)).toEqual([["busybox:latest"]]);
    expect(readdirSync(join(engine.root, "images")).filter((name) => name[0] === ".")).toEqual([]);
  });

  it("while another comes slowly, which is there in the end", async () => {
    const engine = await busyboxEngine();
    const archive = readFileSync(busyboxWith({ name: "slow:1", layers: [[{ path: "slow" }]] }));
    const source = new PassThrough();
    const loading = engine.images.load(source);
    source.write(archive.subarray(0, 1_000_000));

    await engine.images.remove("busybox");
    await engine.prune({ all: true });
    await engine.images.load(busyboxArchive());

    source.end(archive.subarray(1_000_000));
    expect(await loading).toMatchObject([{ names: ["slow:1"] }]);
    const { stdout } = await engine.containers.run("slow:1", ["ls", "/slow"], { remove: true });
    expect(stdout).toBe("/slow\n");
  });

  it("while there is always somebody who makes a container", async () => {
    const engine = await busyboxEngine();
    const busy = `
      const engine = await marmita.openEngine({ root });
      const make = async () => {
        for (;;) {
          const { id } = await engine.containers.create({ image: "busybox" });
          console.log("made");
          await engine.containers.remove(id);
        }
      };
      await Promise.all(Array.from({ length: 4 }, make));`;
    await using one = script(engine.root, busy);
    await using other = script(engine.root, busy);
    await Promise.all([lineOf(one.stdout, /made/), lineOf(other.stdout, /made/)]);
    await using next = await openEngine({ root: engine.root });

    for (let round = 0; round < 3; round++) {
      await engine.images.tag("busybox", "name:1");
      const signal = AbortSignal.timeout(20_000);
      expect((await next.images.remove("name:1", { signal })).untagged).toEqual(["name:1"]);
      await lineOf(one.stdout, /made/);
    }
  });
});
