import { describe, expect, it } from "vitest";
import {
  LAYER_FORMAT,
  type LayerRecord,
  formatLayerRecord,
  idsKey,
  parseLayerRecord,
} from "../../../lib/layers/record.ts";
import { digestOf } from "../../../lib/oci/digest.ts";

const ids = {
  uids: [
    { inside: 0, outside: 1000, size: 1 },
    { inside: 1, outside: 100_000, size: 65_536 },
  ],
  gids: [{ inside: 0, outside: 1000, size: 1 }],
};

const record: LayerRecord = {
  format: LAYER_FORMAT,
  chainId: digestOf("chain"),
  diffId: digestOf("diff"),
  blob: digestOf("blob"),
  ids,
  size: 10_240,
  entries: 7,
  devices: 1,
  unmapped: 2,
  xattrs: 3,
};

describe("layer.json", () => {
  it("reads back what was written", () => {
    expect(parseLayerRecord(formatLayerRecord(record), "layer.json")).toEqual(record);
  });

  it.each([
    ["no JSON", "{", "layer.json is not JSON"],
    ["another format", JSON.stringify({ ...record, format: 1 }), "layer.json has format 1, not 3"],
    ["no diff id", JSON.stringify({ ...record, diffId: "sha256:x" }), "not a digest"],
    ["no ids", JSON.stringify({ ...record, ids: undefined }), '"ids"'],
    ["odd ids", JSON.stringify({ ...record, ids: { uids: [{}], gids: [] } }), '"inside"'],
    ["a negative size", JSON.stringify({ ...record, size: -1 }), '"size"'],
  ])("is refused with %s", (_name, text, message) => {
    expect(() => parseLayerRecord(text, "layer.json")).toThrow(message);
  });
});

describe("idsKey()", () => {
  it("is the same for the same ids, and another for others", () => {
    const copy = structuredClone(ids);
    const others = { ...ids, gids: [{ inside: 0, outside: 1001, size: 1 }] };

    expect(idsKey(copy)).toBe(idsKey(ids));
    expect(idsKey(others)).not.toBe(idsKey(ids));
    expect(idsKey({ uids: ids.gids, gids: ids.uids })).not.toBe(idsKey(ids));
  });
});
