import { describe, expect, it } from "vitest";
import { FULL, onSmallDisk, requireSmallDisk } from "../helpers/small-disk.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

describe.runIf(requireUserNamespaces() && requireSmallDisk())("images on a full disk", () => {
  it("can be removed, and make room", async () => {
    const result = await onSmallDisk(
      "32m",
      `await engine.images.load(archive);
       fill();
       const before = room();
       const { untagged, deleted } = await engine.images.remove("busybox");
       console.log(JSON.stringify({ before, untagged, deleted: deleted.length,
         after: room() > 4_000_000, blobs: list("images/blobs/sha256"), layers: list("layers") }));`,
    );

    expect(result).toEqual({
      before: 0,
      untagged: ["busybox:latest"],
      deleted: 2,
      after: true,
      blobs: [],
      layers: [],
    });
  });

  it("can be pruned, and so can what killed processes left", async () => {
    const result = await onSmallDisk(
      "32m",
      `await engine.images.load(archive);
       writeFileSync(root + "/images/blobs/sha256/" + "0".repeat(64), Buffer.alloc(1_000_000));
       writeFileSync(root + "/images/.draft-killed", Buffer.alloc(1_000_000));
       fill();
       await engine.prune();
       const garbage = room() >= 2_000_000;
       fill();
       const { images } = await engine.images.prune({ all: true });
       console.log(JSON.stringify({ garbage, images: images.length, after: room() > 4_000_000 }));`,
    );

    expect(result).toEqual({ garbage: true, images: 1, after: true });
  });

  it("stay what they are when there is no room for another name, or for their layers", async () => {
    const result = await onSmallDisk(
      "32m",
      `await engine.images.load(archive);
       fill();
       const tag = await failure(engine.images.tag("busybox", "other"));
       free();
       const single = await openEngine({ root, ids: "single" });
       rmSync(root + "/" + "layers/" + list("layers")[0] + "/layer.json");
       fill();
       const unpack = await failure(single.containers.create({ image: "busybox" }));
       const layers = list("layers").length;
       const names = (await engine.images.list()).map(({ names }) => names);
       free();
       const { stdout } = await single.containers.run("busybox", ["echo", "oi"], { remove: true });
       await engine.images.tag("busybox", "other");
       await single.close();
       console.log(JSON.stringify({ tag, unpack, layers, names, stdout, after: traces() }));`,
    );

    expect(result).toEqual({
      tag: FULL,
      unpack: FULL,
      layers: 1,
      names: [["busybox:latest"]],
      stdout: "oi\n",
      after: [],
    });
  });

  it("are neither committed nor saved, leave nothing of it, and are when there is room", async () => {
    const result = await onSmallDisk(
      "32m",
      `await engine.images.load(archive);
       const { id } = await engine.containers.run("busybox", ["sh", "-c", "echo oi > /marker"]);
       const box = await engine.containers.get(id);
       fill();
       const commit = await failure(box.commit("mine"));
       const save = await failure(engine.images.save("busybox", root + "/saved.tar"));
       const left = [...list("images"), ...list("."), ...list("layers")].filter((name) =>
         name.startsWith(".") || name.includes("saved"));
       const names = (await engine.images.list()).map(({ names }) => names);
       free();
       await box.commit("mine");
       await engine.images.save("mine", root + "/saved.tar");
       const { stdout } = await engine.containers.run("mine", ["cat", "/marker"], { remove: true });
       const saved = list(".").includes("saved.tar");
       console.log(JSON.stringify({ commit, save, left, names, stdout, saved }));`,
    );

    expect(result).toEqual({
      commit: FULL,
      save: { ...FULL, hint: "There is no room left where the archive is written to." },
      left: [],
      names: [["busybox:latest"]],
      stdout: "oi\n",
      saved: true,
    });
  });
});
