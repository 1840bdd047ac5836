import { describe, expect, it } from "vitest";
import { parseMoment, parseMomentNano } from "../../../lib/util/moment.ts";

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

describe("parseMomentNano", () => {
  it.each([
    ["90s", 1_769_860_710_000_000_000n],
    ["1.5h", 1_769_855_400_000_000_000n],
    ["1769860800.000000001", 1_769_860_800_000_000_001n],
    ["1769860800.999999999", 1_769_860_800_999_999_999n],
    ["2026-01-31T12:00:00.999999999Z", 1_769_860_800_999_999_999n],
    ["2026-01-31T14:00:00.5+02:00", 1_769_860_800_500_000_000n],
  ])("reads %s to the last digit", (text, nano) => {
    expect(parseMomentNano(text, NOW)).toBe(nano);
  });

  it("reads a date", () => {
    expect(parseMomentNano(NOW)).toBe(1_769_860_800_000_000_000n);
  });

  it.each(["", "1.5d", "2026-01-31T10:00.5Z"])("refuses %j", (text) => {
    expect(() => parseMomentNano(text)).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT" }),
    );
  });
});
