import { afterEach, describe, expect, it } from "vitest";
import { parseKeyValue, parseKeyValueFile, environment } from "../../../lib/cli/key-values.ts";
import { formatTable, truncate } from "../../../lib/cli/table.ts";
import {
  formatAgo,
  formatDuration,
  formatSize,
  formatTime,
  parseMemorySize,
} from "../../../lib/cli/units.ts";

const [second, minute, hour, day] = [1_000, 60_000, 3_600_000, 86_400_000];

describe("durations", () => {
  it.each([
    [-5 * second, "Less than a second"],
    [0.9 * second, "Less than a second"],
    [second, "1 second"],
    [59 * second, "59 seconds"],
    [minute, "About a minute"],
    [119 * second, "About a minute"],
    [2 * minute, "2 minutes"],
    [59 * minute, "59 minutes"],
    [hour, "About an hour"],
    [89 * minute, "About an hour"],
    [90 * minute, "2 hours"],
    [47 * hour, "47 hours"],
    [2 * day, "2 days"],
    [13 * day, "13 days"],
    [14 * day, "2 weeks"],
    [59 * day, "8 weeks"],
    [60 * day, "2 months"],
    [729 * day, "24 months"],
    [730 * day, "2 years"],
  ])("%d ms are %s", (milliseconds, text) => {
    expect(formatDuration(milliseconds)).toBe(text);
  });

  it("are told from now", () => {
    expect(formatAgo("2024-01-01T00:00:00Z", new Date("2024-01-01T00:05:00Z"))).toBe(
      "5 minutes ago",
    );
  });
});

describe("times", () => {
  const { TZ } = process.env;
  afterEach(() => {
    if (TZ === undefined) delete process.env["TZ"];
    else process.env["TZ"] = TZ;
  });

  it.each([
    ["UTC", "2026-11-13 05:45:02 +0000 UTC"],
    ["America/Sao_Paulo", "2026-11-13 02:45:02 -0300 -03"],
    ["America/New_York", "2026-11-13 00:45:02 -0500 EST"],
    ["Asia/Kathmandu", "2026-11-13 11:30:02 +0545 +0545"],
    ["Europe/London", "2026-11-13 05:45:02 +0000 GMT"],
  ])("are written as Go does in %s", (zone, text) => {
    process.env["TZ"] = zone;

    expect(formatTime(new Date("2026-11-13T05:45:02Z"))).toBe(text);
  });
});

describe("sizes", () => {
  it.each([
    [0, "0B"],
    [999, "999B"],
    [1_000, "1kB"],
    [4_269_678, "4.27MB"],
    [117_000_000, "117MB"],
    [1_240_000_000, "1.24GB"],
    [28_604_000, "28.6MB"],
  ])("%d is %s", (bytes, text) => {
    expect(formatSize(bytes)).toBe(text);
  });

  it.each([
    ["4096", 4_096],
    ["1b", 1],
    ["64k", 65_536],
    ["64kb", 65_536],
    ["1.5GiB", 1_610_612_736],
    ["32 m", 33_554_432],
    ["much", undefined],
    ["-1", undefined],
    ["", undefined],
    ["9999999p", undefined],
  ])("%j is read as %s", (text, bytes) => {
    expect(parseMemorySize(text)).toBe(bytes);
  });
});

describe("a table", () => {
  it("is aligned as Docker's", () => {
    const headings = ["REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"];

    const table = formatTable(headings, [
      ["busybox", "latest", "a416a98b71e2", "9 months ago", "4.26MB"],
    ]);

    expect(table).toBe(
      "REPOSITORY   TAG       IMAGE ID       CREATED        SIZE\n" +
        "busybox      latest    a416a98b71e2   9 months ago   4.26MB\n",
    );
  });

  it("counts characters, not bytes", () => {
    expect(formatTable(["A", "B"], [["feijão", "x"]])).toBe("A         B\nfeijão    x\n");
  });

  it.each([
    ["short", 20, "short"],
    ["exactly twenty chars", 20, "exactly twenty chars"],
    ["sh -c 'while true; do date; done'", 20, "sh -c 'while true; …"],
    ["😀😀😀", 2, "😀…"],
  ])("cuts %j at %d", (text, limit, cut) => {
    expect(truncate(text, limit)).toBe(cut);
  });
});

describe("keys and values", () => {
  it.each([
    ["A=B", ["A", "B"]],
    ["A=", ["A", ""]],
    ["A=B=C", ["A", "B=C"]],
    ["A", ["A", undefined]],
  ])("are split in %j", (text, pair) => {
    expect(parseKeyValue(text)).toEqual(pair);
  });

  it("need a key", () => {
    expect(() => parseKeyValue("=x")).toThrow("expected KEY=VALUE, got '=x'");
  });

  it("come from files without comments and empty lines", () => {
    expect(parseKeyValueFile(Buffer.from("\uFEFF# mine\n\nA=1\n  B=2 \r\nHOME\n"))).toEqual([
      ["A", "1"],
      ["B", "2 "],
      ["HOME", undefined],
    ]);
  });

  it("come from files with the line that is wrong", () => {
    expect(() => parseKeyValueFile(Buffer.from("A=1\nexport B=2\n"))).toThrow(
      "line 2: 'export B' contains whitespace",
    );
  });

  it("take what has no value from our own environment", () => {
    const pairs = [parseKeyValue("A=1"), parseKeyValue("HOME"), parseKeyValue("ABSENT")];

    expect(environment(pairs, { HOME: "/root" })).toEqual({ A: "1", HOME: "/root" });
    const some = [parseKeyValue("LC_*"), parseKeyValue("*=x"), parseKeyValue("N*")];
    expect(environment(some, { LC_ALL: "C", LC_X: "y", L: "z" })).toEqual({
      LC_ALL: "C",
      LC_X: "y",
      "*": "x",
    });
  });

  it("come from files in UTF-8 only", () => {
    expect(() => parseKeyValueFile(Buffer.from([0x41, 0x3d, 0xff]))).toThrow("expected UTF-8");
  });
});
