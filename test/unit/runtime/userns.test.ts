import { describe, expect, it } from "vitest";
import type { IdMapping } from "../../../lib/runtime/id-maps.ts";
import { keptMapping, parseUserns } from "../../../lib/runtime/userns.ts";

const caller = { uid: 1500, gid: 1600 };
const extents = (own: number) => [
  { inside: 0, outside: own, size: 1 },
  { inside: 1, outside: 100_000, size: 65_536 },
];
const mapping: IdMapping = {
  mode: "subids",
  uids: extents(1500),
  gids: extents(1600),
  setgroups: true,
};

describe("userns", () => {
  it.each([
    ["auto", undefined],
    ["host", undefined],
    ["private", undefined],
    ["", undefined],
    ["keep-id", caller],
    ["keep-id:uid=5", { uid: 5, gid: 1600 }],
    ["keep-id:gid=6,uid=5", { uid: 5, gid: 6 }],
  ])("%j keeps %j", (text, kept) => {
    expect(parseUserns(text, caller)).toEqual(kept);
  });

  it.each(["nomap", "auto:size=5", "ns:/proc/1/ns/user", "container:web", "keep-id:size=5"])(
    "%s is refused by name, with the reason",
    (text) => {
      expect(() => parseUserns(text, caller)).toThrow(
        expect.objectContaining({ code: "UNSUPPORTED", hint: expect.stringMatching(/\.$/) }),
      );
    },
  );

  it.each(["keep", "keep-id:uid=x", "keep-id:5", "Host", "keep-idx"])("%s is none", (text) => {
    expect(() => parseUserns(text, caller)).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT" }),
    );
  });

  it("gives the caller its place among the ids, and every other id to others", () => {
    const kept = keptMapping(mapping, { uid: 1000, gid: 0 });

    expect(kept.uids).toEqual([
      { inside: 0, outside: 100_000, size: 1_000 },
      { inside: 1_000, outside: 1500, size: 1 },
      { inside: 1_001, outside: 101_000, size: 64_536 },
    ]);
    expect(kept.gids).toEqual([
      { inside: 0, outside: 1600, size: 1 },
      { inside: 1, outside: 100_000, size: 65_536 },
    ]);
  });

  it("has nothing to give to root of this machine", () => {
    expect(() => keptMapping({ ...mapping, mode: "root" }, caller)).toThrow("is not supported");
  });
});
