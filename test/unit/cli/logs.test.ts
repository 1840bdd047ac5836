import { describe, expect, it } from "vitest";
import type { LogLine } from "../../../lib/engine/log-lines.ts";
import { LogPrinter } from "../../../lib/cli/logs.ts";

function printed(lines: readonly LogLine[], timestamps = false): [number, string][] {
  const written: [number, string][] = [];
  new LogPrinter({ timestamps }, (fd, bytes) => written.push([fd, bytes.toString()])).print(lines);
  return written;
}

function line(text: string, { stream = "stdout", isWhole = true, time = "t" } = {}): LogLine {
  return {
    stream: stream === "stdout" ? "stdout" : "stderr",
    isWhole,
    time,
    bytes: Buffer.from(text),
  };
}

describe("LogPrinter", () => {
  it("writes each stream to its descriptor, in the order of the lines", () => {
    const lines = [line("1"), line("2"), line("3", { stream: "stderr" }), line("4\r")];

    expect(printed(lines)).toEqual([
      [1, "1\n2\n"],
      [2, "3\n"],
      [1, "4\r\n"],
    ]);
  });

  it("ends no line that was not ended", () => {
    expect(
      printed([line("a", { isWhole: false }), line("b"), line("$ ", { isWhole: false })]),
    ).toEqual([[1, "ab\n$ "]]);
  });

  it("puts the time before each line, once", () => {
    const lines = [
      line("a", { isWhole: false, time: "1" }),
      line("x", { stream: "stderr", time: "2" }),
      line("b", { time: "3" }),
      line("c", { time: "4" }),
    ];

    expect(printed(lines, true)).toEqual([
      [1, "1 a"],
      [2, "2 x\n"],
      [1, "b\n4 c\n"],
    ]);
  });
});
