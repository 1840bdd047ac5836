/** Images pulled from Debian's docker-registry. */
import { existsSync, readdirSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../../lib/engine/engine.ts";
import type { TransferProgress } from "../../lib/images/progress.ts";
import { testEngine } from "../helpers/engine.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { type PutBusybox, putBusybox } from "../helpers/pulling.ts";
import { type TestRegistry, requireRegistry, startRegistry } from "../helpers/registry.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const MIB = 1024 * 1024;
const QUIET = { remove: true, network: "none" } as const;

describe.runIf(requireUserNamespaces() && requireRegistry())("pull", () => {
  expectNothingLeft();

  let registry: TestRegistry;
  let box: PutBusybox;

  beforeAll(async () => {
    registry = await startRegistry();
    box = await putBusybox(registry, { layers: [MIB, 3 * MIB, 100] });
  });

  it("brings an image that runs", async () => {
    const engine = await testEngine();
    const pulled = await engine.images.pull(box.name);

    const { names, digest, reference, remoteDigest, isNew, repoDigests } = pulled;
    expect({ names, digest, reference, remoteDigest, isNew, repoDigests }).toEqual({
      names: [box.name],
      digest: box.digest,
      reference: box.name,
      remoteDigest: box.digest,
      isNew: true,
      repoDigests: [`${registry.host}/box@${box.digest}`],
    });
    const { stdout } = await engine.containers.run(box.name, ["wc", "-c", "/0", "/1", "/2"], QUIET);
    expect(stdout).toMatch(/^\s*1048576 \/0\n\s*3145728 \/1\n\s*100 \/2\n/);
    expect(readdirSync(`${engine.root}/images/downloads`)).toEqual([]);
  });

  it("asks one HEAD for what is here", async () => {
    const engine = await testEngine();
    await engine.images.pull(box.name);
    const before = (await registry.requests()).length;
    const again = await engine.images.pull(box.name);
    const requests = (await registry.requests()).slice(before);

    expect(again.isNew).toBe(false);
    expect(requests.filter(({ path }) => path !== "/v2/").map(({ method }) => method)).toEqual([
      "HEAD",
    ]);
  });

  it("tells how far it is", async () => {
    const engine = await testEngine();
    const told: TransferProgress[] = [];
    await engine.images.pull(box.name, { onProgress: (progress) => told.push(progress) });

    expect(told[0]).toEqual({ reference: box.name, phase: "resolving" });
    expect(told[1]).toEqual({ reference: box.name, phase: "resolved", digest: box.digest });
    expect(told.at(-1)).toMatchObject({ phase: "done", digest: box.digest, isNew: true });
    for (const { digest: layer, size } of box.layers) {
      const phases = told.filter((one) => one.layer === layer).map(({ phase }) => phase);
      expect(phases[0]).toBe("waiting");
      expect(phases).toEqual(expect.arrayContaining(["downloading", "downloaded", "unpacking"]));
      expect(phases.at(-1)).toBe("done");
      expect(told).toContainEqual({
        layer,
        phase: "downloading",
        currentBytes: size,
        totalBytes: size,
      });
    }
  });

  it("leaves everything as it was when what is told of it throws", async () => {
    const engine = await testEngine();
    for (const at of ["resolving", "waiting", "downloading", "unpacking"]) {
      const failure = new Error("enough");
      const onProgress = ({ phase }: TransferProgress) => {
        if (phase === at) throw failure;
      };
      await expect(engine.images.pull(box.name, { onProgress })).rejects.toBe(failure);
      expect(await engine.images.list()).toEqual([]);
    }
    expect(layersOf(engine)).toEqual([]);
  });

  it("of several at once fetches each blob once", async () => {
    const many = await putBusybox(registry, { repository: "many", layers: [MIB, 2 * MIB] });
    const before = await registry.blobFetches();
    const engine = await testEngine();
    await Promise.all(Array.from({ length: 5 }, () => engine.images.pull(many.name)));

    const fetches = await registry.blobFetches();
    for (const { digest } of [many.config, ...many.layers]) {
      expect((fetches.get(digest) ?? 0) - (before.get(digest) ?? 0)).toBe(1);
    }
    expect(await engine.images.list()).toHaveLength(1);
  });
});

function layersOf({ root }: Engine): readonly string[] {
  const directory = `${root}/layers`;
  return existsSync(directory) ? readdirSync(directory) : [];
}
