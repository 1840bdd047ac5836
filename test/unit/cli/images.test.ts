import { describe, expect, it } from "vitest";
import { imageLines } from "../../../lib/cli/images.ts";
import type { Digest } from "../../../lib/oci/digest.ts";

const digest = (digit: string): Digest => `sha256:${digit.repeat(64)}`;

function image(names: readonly string[], created?: string) {
  return { id: digest("a"), digest: digest("b"), size: 1, created, names };
}

const names = (list: Parameters<typeof imageLines>[0], pattern?: string) =>
  imageLines(list, pattern).map(({ repository, tag }) => [repository, tag]);

describe("images", () => {
  it("have a line for each name", () => {
    expect(names([image(["busybox:latest", "localhost:5000/box:1"])])).toEqual([
      ["busybox", "latest"],
      ["localhost:5000/box", "1"],
    ]);
  });

  it("without a name are shown too, unless one is asked for", () => {
    expect(names([image([])])).toEqual([["<none>", "<none>"]]);
    expect(names([image([])], "busybox")).toEqual([]);
  });

  it("come newest first", () => {
    const list = [
      image(["old:1"], "2020-01-01T00:00:00Z"),
      image(["undated:1"]),
      image(["new:1"], "2024-01-01T00:00:00Z"),
    ];

    expect(names(list).map(([name]) => name)).toEqual(["new", "old", "undated"]);
  });

  it.each([
    ["busybox", ["busybox:1", "busybox:2"]],
    ["busybox:1", ["busybox:1"]],
    ["busybox:*", ["busybox:1", "busybox:2"]],
    ["busy*", ["busybox:1", "busybox:2"]],
    ["jpetazzo/*", ["jpetazzo/clock:latest"]],
    ["*", ["busybox:1", "busybox:2"]],
    ["busybo.", []],
    ["localhost:5000/box", ["localhost:5000/box:1"]],
  ])("are chosen by %s", (pattern, chosen) => {
    const list = [
      image(["busybox:1", "busybox:2", "jpetazzo/clock:latest", "localhost:5000/box:1"]),
    ];

    expect(names(list, pattern).map(([name, tag]) => `${name}:${tag}`)).toEqual(chosen);
  });
});
