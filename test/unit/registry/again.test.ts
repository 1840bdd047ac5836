import { describe, expect, it } from "vitest";
import { MarmitaError } from "../../../lib/errors.ts";
import { again } from "../../../lib/registry/again.ts";

describe("again", () => {
  it.each([
    { name: "five times where each takes a moment", tookMs: 1_000, count: 5 },
    { name: "no more after half a minute", tookMs: 20_000, count: 2 },
    { name: "once where that takes a minute", tookMs: 60_000, count: 1 },
  ])("asks $name", async ({ tookMs, count }) => {
    let clock = 0;
    let asked = 0;
    const work = async () => {
      asked++;
      clock += tookMs;
      throw new MarmitaError("UNAVAILABLE", "it was not here whole", { step: "body" });
    };

    const trying = again({ rest: async () => {} }, work, { now: () => clock });

    await expect(trying).rejects.toMatchObject({ code: "UNAVAILABLE" });
    expect(asked).toBe(count);
  });
});
