import { describe, expect, it } from "vitest";
import { checkInputTerminal, sizeOfTerminal } from "../../../lib/cli/host-terminal.ts";
import { UsageError } from "../../../lib/cli/usage.ts";

type Size = [columns: number, rows: number];

const screen = (...size: Size) => ({ isTTY: true, getWindowSize: () => size });

describe("the size of the terminal", () => {
  it.each([
    ["the first's that is one", [{}, screen(90, 30), screen(1, 1)], { columns: 90, rows: 30 }],
    ["not that of one that does not know", [screen(0, 0), screen(9, 3)], { columns: 9, rows: 3 }],
    ["unknown without any", [{}, screen(0, 24)], undefined],
  ])("is %s", (_, streams, size) => {
    expect(sizeOfTerminal(streams)).toEqual(size);
  });
});

describe("the input of a terminal", () => {
  it("is a terminal, or Docker's words", () => {
    expect(() => checkInputTerminal({ isTTY: true })).not.toThrow();
    expect(() => checkInputTerminal({})).toThrow(UsageError);
    expect(() => checkInputTerminal({ isTTY: false })).toThrow("the input device is not a TTY");
  });
});
