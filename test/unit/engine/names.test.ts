import { describe, expect, it } from "vitest";
import { CONTAINER_NAME } from "../../../lib/engine/container-checks.ts";
import { madeUpName } from "../../../lib/engine/names.ts";
import { ADJECTIVES, SURNAMES } from "../../../lib/engine/words.ts";

describe("a made-up name", () => {
  it("is two words, which are a name", () => {
    const name = madeUpName();

    expect(name).toMatch(/^[a-z]+_[a-z]+$/);
    expect(name).toMatch(CONTAINER_NAME);
  });

  it("has a number behind when names run out", () => {
    expect(madeUpName(5)).toMatch(/^[a-z]+_[a-z]+\d+$/);
    expect(madeUpName(1_000)).toMatch(/^[a-z]+_[a-z]+\d+$/);
  });

  it("is of words that are there once", () => {
    for (const words of [ADJECTIVES, SURNAMES]) expect(new Set(words).size).toBe(words.length);
  });
});
