import { describe, expect, it } from "vitest";
import { chainIds, digestOf, hexOf, isDigest, parseDigest } from "../../../lib/oci/digest.ts";

const EMPTY = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

describe("digests", () => {
  it("are computed as sha256sum does", () => {
    expect(digestOf("")).toBe(EMPTY);
    expect(hexOf(digestOf("")).length).toBe(64);
  });

  it.each([
    ["upper case", EMPTY.toUpperCase()],
    ["one digit less", EMPTY.slice(0, -1)],
    ["no algorithm", EMPTY.slice(7)],
    ["a path", "sha256:../../etc/passwd"],
    ["a line break at the end", `${EMPTY}\n`],
    ["a number", 7],
  ])("are refused: %s", (_, value) => {
    expect(isDigest(value)).toBe(false);
    expect(() => parseDigest(value)).toThrow(expect.objectContaining({ code: "CORRUPT" }));
  });

  it("of other algorithms are refused by name", () => {
    expect(() => parseDigest(`sha512:${"a".repeat(128)}`)).toThrow(
      expect.objectContaining({ code: "UNSUPPORTED", message: expect.stringContaining("sha512") }),
    );
  });
});

describe("chain ids", () => {
  it("of a single layer is its diff id", () => {
    expect(chainIds([EMPTY])).toEqual([EMPTY]);
  });

  it("depend on every layer below", () => {
    const [one, two] = [digestOf("1"), digestOf("2")];

    const chain = chainIds([one, two, one]);

    expect(chain).toEqual([one, digestOf(`${one} ${two}`), digestOf(`${chain[1]} ${one}`)]);
  });

  it("of no layers are none", () => {
    expect(chainIds([])).toEqual([]);
  });
});
