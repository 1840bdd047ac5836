import { describe, expect, it } from "vitest";
import { parseMoment } from "../../../lib/util/moment.ts";

const NOW = new Date("2026-01-31T12:00:00Z");

describe("parseMoment", () => {
  it.each([
    ["90s", "2026-01-31T11:58:30.000Z"],
    ["1h30m", "2026-01-31T10:30:00.000Z"],
    ["1.5h", "2026-01-31T10:30:00.000Z"],
    ["24h", "2026-01-30T12:00:00.000Z"],
    ["1500ms", "2026-01-31T11:59:58.500Z"],
    ["0", "1970-01-01T00:00:00.000Z"],
    ["1769860800.5", "2026-01-31T12:00:00.500Z"],
    ["2026-01-31T10:00:00Z", "2026-01-31T10:00:00.000Z"],
    ["2026-01-31T10:00:00.123456789+02:00", "2026-01-31T08:00:00.123Z"],
    ["2026-01-31T10Z", "2026-01-31T10:00:00.000Z"],
  ])("reads %s", (text, moment) => {
    expect(parseMoment(text, NOW).toISOString()).toBe(moment);
  });

  it.each([
    ["2026-01-31", new Date(2026, 0, 31)],
    ["2026-01-31T10:05", new Date(2026, 0, 31, 10, 5)],
  ])("takes %s for this machine's time", (text, moment) => {
    expect(parseMoment(text, NOW)).toEqual(moment);
  });

  it.each(["", "yesterday", "1d", "-1h", "2026-13-01", "2026-1-1", "1h ", "12:00"])(
    "refuses %j",
    (text) => {
      expect(() => parseMoment(text, NOW)).toThrow(
        expect.objectContaining({ code: "INVALID_ARGUMENT" }),
      );
    },
  );
});
