/** Pulls that break off, are aborted, or meet a full disk: what has arrived is not fetched again. */
import { existsSync, readFileSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Engine } from "../../lib/engine/engine.ts";
import type { TransferProgress } from "../../lib/images/progress.ts";
import { testEngine } from "../helpers/engine.ts";
import { lineOf } from "../helpers/eventually.ts";
import { type FaultProxy, startFaultProxy } from "../helpers/fault-proxy.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { type PutBusybox, putBusybox } from "../helpers/pulling.ts";
import { type TestRegistry, requireRegistry, startRegistry } from "../helpers/registry.ts";
import { script } from "../helpers/script.ts";
import { FULL, onSmallDisk, requireSmallDisk } from "../helpers/small-disk.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const MIB = 1024 * 1024;
const SIZE = 8 * MIB;
const RUN = { remove: true, network: "none" } as const;

describe.runIf(requireUserNamespaces() && requireRegistry())("a pull", () => {
  expectNothingLeft();

  let registry: TestRegistry;
  let proxy: FaultProxy;
  let box: PutBusybox;
  let name: string;

  beforeAll(async () => {
    registry = await startRegistry();
    proxy = await startFaultProxy(registry.url);
    box = await putBusybox(registry, { layers: [SIZE] });
    name = `${proxy.host}/box:1`;
  });

  beforeEach(() => proxy.clear());

  const large = () => box.layers[1] ?? box.layers[0];
  const ofLarge = () => proxy.seen.filter(({ path }) => path.endsWith(large()?.digest ?? "?"));
  const left = ({ root }: Engine) => {
    const directory = `${root}/images/downloads`;
    return existsSync(directory) ? readdirSync(directory) : [];
  };

  async function expectRight(engine: Engine): Promise<void> {
    const { stdout } = await engine.containers.run(name, ["wc", "-c", "/0"], RUN);
    expect(stdout).toMatch(/^\s*8388608 \/0/);
    for (const { digest } of box.layers) {
      const bytes = readFileSync(`${engine.root}/images/blobs/sha256/${digest.slice(7)}`);
      expect(`sha256:${createHash("sha256").update(bytes).digest("hex")}`).toBe(digest);
    }
  }

  it("that breaks at 90 % goes on from there by itself", async () => {
    const engine = await testEngine();
    const told: TransferProgress[] = [];
    proxy.misbehave({ at: "blob", times: 2, does: { kind: "break", at: 0.9 } });
    await engine.images.pull(name, { onProgress: (progress) => told.push(progress) });

    const asked = ofLarge();
    expect(asked).toHaveLength(2);
    expect(asked[1]).toMatchObject({ status: 206, range: expect.stringMatching(/^bytes=\d+-$/) });
    expect((asked[0]?.bytes ?? 0) + (asked[1]?.bytes ?? 0)).toBeLessThan(SIZE * 1.05);
    expect(asked[1]?.bytes).toBeLessThan(SIZE * 0.2);
    expect(told).toContainEqual(
      expect.objectContaining({
        phase: "retrying",
        layer: large()?.digest,
        retry: {
          attempt: 2,
          delayMs: expect.any(Number) as number,
          reason: expect.any(String) as string,
        },
      }),
    );
    await expectRight(engine);
  });

  it("that was aborted at 90 % is gone on with by the next, which fetches the rest", async () => {
    const engine = await testEngine();
    const abort = new AbortController();
    proxy.misbehave({ at: "blob", times: 2, does: { kind: "stall", at: 0.9 } });
    const onProgress = ({ layer, currentBytes = 0 }: TransferProgress) => {
      if (layer === large()?.digest && currentBytes > SIZE * 0.85) abort.abort();
    };
    const pulling = engine.images.pull(name, { onProgress, signal: abort.signal });
    await expect(pulling).rejects.toMatchObject({ name: "AbortError" });
    expect(await engine.images.list()).toEqual([]);
    expect(left(engine)).toContain(`${large()?.digest.slice(7)}.part`);

    proxy.clear();
    await engine.images.pull(name);
    expect(ofLarge()).toMatchObject([{ status: 206 }]);
    expect(ofLarge()[0]?.bytes).toBeLessThan(SIZE * 0.2);
    await expectRight(engine);
    expect(left(engine)).toEqual([]);
  });

  it("begins anew what was gone on with from wrong bytes", async () => {
    const engine = await testEngine();
    proxy.misbehave({ at: "blob", times: 2, does: { kind: "stall", at: 0.5 } });
    const abort = new AbortController();
    const onProgress = ({ layer, currentBytes = 0 }: TransferProgress) => {
      if (layer === large()?.digest && currentBytes > SIZE * 0.4) abort.abort();
    };
    const pulling = engine.images.pull(name, { onProgress, signal: abort.signal });
    await expect(pulling).rejects.toMatchObject({ name: "AbortError" });
    const part = `${engine.root}/images/downloads/${large()?.digest.slice(7)}.part`;
    const bytes = readFileSync(part);
    bytes[100] = (bytes[100] ?? 0) ^ 1;
    writeFileSync(part, bytes);

    proxy.clear();
    await engine.images.pull(name);
    expect(ofLarge()).toMatchObject([{ status: 206 }, { status: 200, range: undefined }]);
    await expectRight(engine);
  });

  it("of other bytes is tried twice, is CORRUPT then, and leaves nothing", async () => {
    const engine = await testEngine();
    proxy.misbehave({ at: "blob", times: 100, does: { kind: "flip", at: 0.5 } });
    await expect(engine.images.pull(name)).rejects.toMatchObject({
      code: "CORRUPT",
      details: { expected: expect.stringMatching(/^sha256:/), actual: expect.any(String) },
    });
    expect(await engine.images.list()).toEqual([]);
    expect(left(engine)).toEqual([]);
    expect(readdirSync(`${engine.root}/layers`)).toEqual([]);

    proxy.clear();
    await engine.images.pull(name);
    await expectRight(engine);
  });

  it("leaves its rest to prune, and to the next pull when it is older than a week", async () => {
    const engine = await testEngine();
    const broken = async () => {
      proxy.clear();
      proxy.misbehave({ at: "blob", times: 100, does: { kind: "stall", at: 0.5 } });
      const abort = new AbortController();
      const onProgress = ({ currentBytes = 0 }: TransferProgress) => {
        if (currentBytes > MIB) abort.abort();
      };
      await expect(
        engine.images.pull(name, { onProgress, signal: abort.signal }),
      ).rejects.toMatchObject({ name: "AbortError" });
      proxy.clear();
    };
    await broken();
    const before = left(engine);
    expect(before).not.toEqual([]);
    const { garbage } = await engine.diskUsage();
    expect(garbage.count).toBeGreaterThanOrEqual(before.length);
    const { reclaimedBytes } = await engine.images.prune();
    expect(reclaimedBytes).toBeGreaterThan(MIB);
    expect(existsSync(`${engine.root}/images/downloads`)).toBe(false);

    await broken();
    const week = Date.now() / 1_000 - 8 * 24 * 60 * 60;
    for (const one of left(engine))
      utimesSync(`${engine.root}/images/downloads/${one}`, week, week);
    const other = await putBusybox(registry, { repository: "other" });
    await engine.images.pull(other.name);
    expect(left(engine)).toEqual([]);
  });

  it("of two processes at once fetches each blob once", async () => {
    const both = await putBusybox(registry, { repository: "both", layers: [MIB, SIZE] });
    const engine = await testEngine();
    const text = `const engine = await marmita.openEngine({ root });
      process.stdout.write("ready\\n");
      const { digest } = await engine.images.pull(${JSON.stringify(both.name)});
      process.stdout.write(digest + "\\n");
      await engine.close();`;
    await using one = script(engine.root, text);
    await using other = script(engine.root, text);
    const pulled = await Promise.all([
      lineOf(one.stdout, /sha256/),
      lineOf(other.stdout, /sha256/),
    ]);
    expect(pulled).toEqual([both.digest, both.digest]);
    expect(await Promise.all([one.ended, other.ended])).toEqual([0, 0]);

    const fetches = await registry.blobFetches();
    for (const { digest } of both.layers.slice(1)) expect(fetches.get(digest)).toBe(1);
  });

  it.runIf(requireSmallDisk())(
    "on a full disk says so, leaves nothing, and works with room",
    async () => {
      const result = await onSmallDisk(
        "40m",
        `fill();
       rmSync(root + "/filler");
       writeFileSync(root + "/filler", Buffer.alloc(34 * 1024 * 1024));
       const before = room();
       const full = await failure(engine.images.pull(${JSON.stringify(box.name)}));
       const left = readdirSync(root + "/images/downloads");
       const after = room();
       free();
       const { names } = await engine.images.pull(${JSON.stringify(box.name)});
       console.log(JSON.stringify({ full, left, lost: before - after < 200_000, names,
         layers: list("layers").length }));`,
      );

      expect(result).toEqual({ full: FULL, left: [], lost: true, names: [box.name], layers: 2 });
    },
  );
});
