import { describe, expect, it } from "vitest";
import { LogSplitter, logTime, parseLogLine } from "../../../lib/engine/log-lines.ts";

const TIME = "2026-11-22T09:00:00.123456789Z";

function shown(lines: readonly ReturnType<typeof parseLogLine>[]) {
  return lines.map((line) => line && { ...line, bytes: line.bytes.toString() });
}

describe("parseLogLine", () => {
  it.each([
    ["stdout F text", { stream: "stdout", isWhole: true, bytes: "text" }],
    ["stderr P part of it ", { stream: "stderr", isWhole: false, bytes: "part of it " }],
    ["stdout F ", { stream: "stdout", isWhole: true, bytes: "" }],
    ["stdout F  two  blanks\r", { stream: "stdout", isWhole: true, bytes: " two  blanks\r" }],
  ])("reads %j", (line, expected) => {
    const parsed = parseLogLine(Buffer.from(`${TIME} ${line}`));

    expect(shown([parsed])).toEqual([{ time: TIME, ...expected }]);
  });

  it.each([
    "",
    TIME,
    `${TIME} stdout`,
    `${TIME} stdout F`,
    `${TIME} stdin F text`,
    "stdout F text",
  ])("finds no line in %j", (text) => {
    expect(parseLogLine(Buffer.from(text))).toBeUndefined();
  });
});

describe("LogSplitter", () => {
  const text = `${TIME} stdout F one\n${TIME} stderr P two\ntorn${TIME}\n${TIME} stderr F three\n`;

  it("finds the same lines whatever they come in", () => {
    for (const size of [1, 5, 30, 47, 1_000]) {
      const splitter = new LogSplitter();
      const lines = [];
      for (let at = 0; at < text.length; at += size) {
        lines.push(...splitter.push(Buffer.from(text.slice(at, at + size))));
      }
      expect(lines.map(({ bytes }) => bytes.toString())).toEqual(["one", "two", "three"]);
      expect(splitter.end()).toEqual([]);
    }
  });

  it("gives what there is of a last line as a part of one", () => {
    const splitter = new LogSplitter();

    expect(splitter.push(Buffer.from(`${TIME} stdout F half`))).toEqual([]);
    expect(shown(splitter.end())).toEqual([
      { stream: "stdout", time: TIME, isWhole: false, bytes: "half" },
    ]);
  });
});

describe("logTime", () => {
  it.each([
    [1_769_860_800_000_000_001n, "2026-01-31T12:00:00.000000001Z"],
    [1_769_860_800_900_000_000n, "2026-01-31T12:00:00.900000000Z"],
    [-1n, "1970-01-01T00:00:00.000000000Z"],
  ])("has nine digits: %s", (nano, text) => {
    expect(logTime(nano)).toBe(text);
  });
});
