import { describe, expect, it } from "vitest";
import type { CompileContext } from "../../../lib/runtime/compile-context.ts";
import { imageOperations } from "../../../lib/runtime/compile-rootfs.ts";
import {
  bindOperations,
  releaseOperations,
  volumeOperations,
} from "../../../lib/runtime/compile-volumes.ts";

const MAPPING = { mode: "single", uids: [], gids: [], setgroups: false } as const;

function context(given: Partial<CompileContext> = {}): CompileContext {
  return {
    id: "0123",
    title: "box",
    bundle: "/b",
    live: "/live",
    mapping: MAPPING,
    rootfs: { kind: "overlay", lowers: [] },
    filters: "/f",
    hasCgroup2: false,
    ...given,
  };
}

const named = { directory: "/v/data", target: "/data", copy: true, durable: true, done: "/b/done" };
const own = { directory: "/v/own", target: "/own", copy: false, durable: false, trash: "/t/own" };

describe("volumes in a plan", () => {
  it("are filled, once for a container that may start again", () => {
    expect(volumeOperations(context({ volumes: [named, own] }))).toEqual([
      ["copy-up", "/v/data", "/data", "/b/done", 3],
      ["copy-up", "/v/own", "/own", "", 0],
    ]);
  });

  it("are let go of by a keeper that removes the container, each once", () => {
    const volumes = [named, own, { ...named, target: "/again" }];

    expect(releaseOperations(context({ volumes, remove: { trash: "/t/0123" } }))).toEqual([
      ["volume", "/v/data", ""],
      ["volume", "/v/own", "/t/own"],
    ]);
    expect(releaseOperations(context({ volumes }))).toEqual([]);
  });

  it("are bound whole, or in part", () => {
    const parts = [{ target: "/data", base: "/v/data/_data", subpath: "a" }];
    const bind = { source: "/v/data/_data/a", target: "/data", flags: 1 };

    expect(bindOperations(bind, context())).toEqual([["bind", "/v/data/_data/a", "/data", 1]]);
    expect(bindOperations(bind, context({ parts }))).toEqual([
      ["bind-in", "/v/data/_data", "a", "/data", 1],
    ]);
  });
});

describe("images among the mounts", () => {
  const image = { merged: "/b/m/merged", empty: "/b/m/empty" };
  const written = { upper: "/b/m/upper", work: "/b/m/work" };

  it.each([
    ["two layers", { lowers: ["/2", "/1"] }, ["", "", ["/2", "/1"]]],
    ["one layer, over nothing", { lowers: ["/1"] }, ["", "", ["/1", "/b/m/empty"]]],
    [
      "one layer and what is written",
      { lowers: ["/1"], ...written },
      [...Object.values(written), ["/1"]],
    ],
    [
      "what is written alone",
      { lowers: [], ...written },
      [...Object.values(written), ["/b/m/empty"]],
    ],
  ])("are an overlay of %s", (_, layers, [upper, work, lowers]) => {
    expect(imageOperations(context({ images: [{ ...image, ...layers }] }))).toEqual([
      ["overlay", "/b/m/merged", upper, work, lowers, ["userxattr"]],
    ]);
  });

  it("are nothing at all where there are no layers", () => {
    expect(imageOperations(context({ images: [{ ...image, lowers: [] }] }))).toEqual([]);
  });

  it("are a fuse-overlayfs where the kernel's overlay will not do", () => {
    const images = [{ ...image, lowers: ["/2", "/1"] }];

    expect(imageOperations(context({ images, fuse: "/bin/fuse-overlayfs" }))).toEqual([
      [
        "fuse-overlayfs",
        "/b/m/merged",
        ["/bin/fuse-overlayfs", "-f", "-o", "lowerdir=/2:/1", "/b/m/merged"],
      ],
    ]);
  });
});
