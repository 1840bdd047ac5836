import { describe, expect, it } from "vitest";
import { keptIds, mirroredIds, nestedExtents } from "../../../lib/runtime/container-ids.ts";
import type { IdMapping } from "../../../lib/runtime/id-maps.ts";

function mapping(given: Partial<IdMapping> = {}): IdMapping {
  const ids = [
    { inside: 0, outside: 1500, size: 1 },
    { inside: 1, outside: 100_000, size: 65_536 },
  ];
  return { mode: "subids", uids: ids, gids: ids, setgroups: true, ...given };
}

const single = mapping({
  mode: "single",
  uids: [{ inside: 0, outside: 1500, size: 1 }],
  gids: [{ inside: 0, outside: 1500, size: 1 }],
});

describe("the ids of a container", () => {
  it("are those of the mapped namespace", () => {
    const { uids } = mirroredIds(mapping());

    expect(uids).toEqual([
      { containerID: 0, hostID: 1500, size: 1 },
      { containerID: 1, hostID: 100_000, size: 65_536 },
    ]);
    expect(nestedExtents(uids, mapping().uids)).toEqual([
      { inside: 0, outside: 0, size: 1 },
      { inside: 1, outside: 1, size: 65_536 },
    ]);
  });

  it("keep the caller's id for image host", () => {
    const { uids } = keptIds(mapping(), { uid: 1500, gid: 1500 });

    expect(nestedExtents(uids, mapping().uids)).toEqual([
      { inside: 0, outside: 1, size: 1500 },
      { inside: 1500, outside: 0, size: 1 },
      { inside: 1501, outside: 1501, size: 64_036 },
    ]);
  });

  it("keep an id beyond the subordinate ones", () => {
    const { uids } = keptIds(mapping(), { uid: 5_000_000, gid: 1500 });

    expect(nestedExtents(uids, mapping().uids)).toEqual([
      { inside: 0, outside: 1, size: 65_536 },
      { inside: 5_000_000, outside: 0, size: 1 },
    ]);
  });

  it("never span two lines of the mapped namespace", () => {
    const split = mapping({
      uids: [
        { inside: 0, outside: 1500, size: 1 },
        { inside: 1, outside: 100_000, size: 1000 },
        { inside: 1001, outside: 300_000, size: 1000 },
      ],
    });

    const { uids } = keptIds(split, { uid: 1500, gid: 1500 });

    expect(nestedExtents(uids, split.uids)).toEqual([
      { inside: 0, outside: 1, size: 1000 },
      { inside: 1000, outside: 1001, size: 500 },
      { inside: 1500, outside: 0, size: 1 },
      { inside: 1501, outside: 1501, size: 500 },
    ]);
  });

  it("are the caller's one alone where only that is mapped", () => {
    const { uids } = keptIds(single, { uid: 1500, gid: 1500 });

    expect(nestedExtents(uids, single.uids)).toEqual([{ inside: 1500, outside: 0, size: 1 }]);
  });

  it("refuse an id that is not ours to give", () => {
    const ids = [{ containerID: 0, hostID: 0, size: 1 }];

    expect(() => nestedExtents(ids, mapping().uids)).toThrow("id 0 is not mapped here");
  });
});
