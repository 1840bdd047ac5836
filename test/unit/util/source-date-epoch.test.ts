import { describe, expect, it } from "vitest";
import { sourceDateEpoch, timestamp } from "../../../lib/util/source-date-epoch.ts";

describe("SOURCE_DATE_EPOCH", () => {
  it.each([
    [{}, undefined],
    [{ SOURCE_DATE_EPOCH: "" }, undefined],
    [{ SOURCE_DATE_EPOCH: "0" }, 0],
    [{ SOURCE_DATE_EPOCH: "1700000000" }, 1_700_000_000],
  ])("of %j is %s", (env, expected) => {
    expect(sourceDateEpoch(env)).toBe(expected);
  });

  it.each(["now", "-1", "1.5", "1e9", " 1", "999999999999"])("%j is refused", (text) => {
    expect(() => sourceDateEpoch({ SOURCE_DATE_EPOCH: text })).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT" }),
    );
  });

  it("is written without a fraction of a second", () => {
    expect(timestamp(1_700_000_000)).toBe("2023-11-14T22:13:20Z");
    expect(Math.abs(Date.parse(timestamp(undefined)) - Date.now())).toBeLessThan(60_000);
  });
});
