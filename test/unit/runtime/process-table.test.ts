import { describe, expect, it } from "vitest";
import {
  selectRows,
  startText,
  terminalName,
  timeText,
} from "../../../lib/runtime/process-table.ts";
import { parseProcessStat } from "../../../lib/runtime/processes.ts";

describe("what ps printed", () => {
  const text = [
    "UID          PID    PPID  C STIME TTY          TIME CMD",
    "root           1       0  0 08:00 ?        00:00:01 /sbin/init splash",
    "root          17       1  0 08:00 ?        00:00:01 sh -c  echo  two words",
    "root           -       -  0 08:00 ?        00:00:01 -",
    "",
  ].join("\n");

  it("is cut down to the container's processes, and their threads", () => {
    expect(selectRows(text, new Set([17]))).toEqual({
      titles: ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"],
      processes: [
        ["root", "17", "1", "0", "08:00", "?", "00:00:01", "sh -c echo two words"],
        ["root", "-", "-", "0", "08:00", "?", "00:00:01", "-"],
      ],
    });
  });

  it("is of no use without their numbers", () => {
    expect(() => selectRows("USER COMMAND\nroot sh\n", new Set([1]))).toThrow(
      "ps shows no column PID with these options",
    );
    expect(() => selectRows("", new Set([1]))).toThrow("no column PID");
  });
});

describe("a line of /proc/PID/stat", () => {
  const line = (name: string) =>
    `42 (${name}) S 7 42 42 34816 42 4194560 1 2 3 4 250 50 0 0 20 0 3 0 9000 1000 12 18446744073709551615`;

  it("is read whatever the program is called", () => {
    expect(parseProcessStat(line("a) R 1 (b"))).toEqual({
      pid: 42,
      name: "a) R 1 (b",
      state: "S",
      parent: 7,
      terminal: 34816,
      userTicks: 250,
      systemTicks: 50,
      threads: 3,
      startTicks: 9000,
      childrenTicks: 0,
    });
  });

  it.each(["", "42", "42 (sh"])("is none: %j", (text) => {
    expect(parseProcessStat(text)).toBeUndefined();
  });
});

describe("the columns of ps -ef", () => {
  it("say when a process started", () => {
    const now = new Date(2026, 10, 22, 12, 0);

    expect(startText(new Date(2026, 10, 22, 9, 5), now)).toBe("09:05");
    expect(startText(new Date(2026, 10, 1, 9, 5), now)).toBe("Nov01");
    expect(startText(new Date(2025, 10, 22, 9, 5), now)).toBe("2025");
  });

  it.each([
    [0, "00:00:00"],
    [61.9, "00:01:01"],
    [90_061, "1-01:01:01"],
  ])("say that %d seconds are %s", (seconds, text) => {
    expect(timeText(seconds)).toBe(text);
  });

  it.each([
    [0, "?"],
    [34_816, "pts/0"],
    [34_819, "pts/3"],
    [35_072, "pts/256"],
    [1_025, "tty1"],
  ])("call the terminal %d %s", (device, name) => {
    expect(terminalName(device)).toBe(name);
  });
});
