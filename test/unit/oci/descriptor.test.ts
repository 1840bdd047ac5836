import { describe, expect, it } from "vitest";
import { descriptorJson, parseDescriptor } from "../../../lib/oci/descriptor.ts";
import { digestOf } from "../../../lib/oci/digest.ts";
import { MANIFEST } from "../../../lib/oci/media-types.ts";

const plain = { mediaType: MANIFEST, digest: digestOf("x"), size: 1 };

describe("descriptors", () => {
  it("come back from JSON as they went", () => {
    const full = {
      ...plain,
      platform: { os: "linux", architecture: "amd64" },
      annotations: { a: "1" },
      artifactType: "text/x",
    };

    expect(parseDescriptor(JSON.parse(JSON.stringify(descriptorJson(full))))).toEqual(full);
  });

  it("are written without empty annotations", () => {
    expect(descriptorJson({ ...plain, annotations: {} })).toEqual(plain);
  });

  it.each([
    ["no size", { ...plain, size: undefined }],
    ["a negative size", { ...plain, size: -1 }],
    ["no type", { ...plain, mediaType: undefined }],
    ["an annotation that is a number", { ...plain, annotations: { a: 1 } }],
  ])("are refused: %s", (_, json) => {
    expect(() => parseDescriptor(json)).toThrow(expect.objectContaining({ code: "CORRUPT" }));
  });
});
