import { describe, expect, it } from "vitest";
import { type ErrorCode, MarmitaError } from "../../../lib/errors.ts";
import { candidatesOf, firstThere, parsePullName } from "../../../lib/images/short-names.ts";
import { type Reference, canonical } from "../../../lib/oci/reference.ts";

const ID = "a".repeat(64);

describe("what is pulled", () => {
  it.each([
    ["busybox", ["docker.io/library/busybox:latest", "quay.io/busybox:latest"]],
    ["org/box:1", ["docker.io/org/box:1", "quay.io/org/box:1"]],
    ["docker.io/busybox", ["docker.io/library/busybox:latest"]],
    ["localhost/box", ["localhost/box:latest"]],
    ["example.com:5000/box", ["example.com:5000/box:latest"]],
  ])("%s may mean %s", (text, names) => {
    expect(candidatesOf(text, ["docker.io", "quay.io"]).map(canonical)).toEqual(names);
  });

  it.each(["host", "scratch:1", ID, `sha256:${ID}`, "Box", ""])("%j is no name", (text) => {
    expect(() => parsePullName(text)).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT" }) as Error,
    );
  });

  const references = candidatesOf("box", ["one.io", "two.io"]);
  const pulling = (...codes: (ErrorCode | undefined)[]) => {
    return async ({ domain }: Reference) => {
      const code = codes.shift();
      if (code === undefined) return domain;
      throw new MarmitaError(code, "no");
    };
  };

  it.each(["NOT_FOUND", "UNAUTHORIZED", "DENIED"] as const)(
    "is the next one after %s",
    async (code) => {
      expect(await firstThere(references, pulling(code))).toBe("two.io");
    },
  );

  it.each(["UNAVAILABLE", "RATE_LIMITED", "CORRUPT"] as const)(
    "is not another one after %s",
    async (code) => {
      await expect(firstThere(references, pulling(code))).rejects.toMatchObject({ code });
    },
  );

  it("is nowhere when all say so", async () => {
    await expect(firstThere(references, pulling("NOT_FOUND", "DENIED"))).rejects.toMatchObject({
      code: "NOT_FOUND",
      details: { tried: ["one.io/box:latest", "two.io/box:latest"] },
    });
    const [only = references[0]] = references;
    const one = firstThere(only === undefined ? [] : [only], pulling("DENIED"));
    await expect(one).rejects.toMatchObject({ code: "DENIED" });
  });
});
