import { describe, expect, it } from "vitest";
import { visible } from "../../../lib/cli/visible.ts";

describe("visible", () => {
  it.each([
    ["the escape of a color", "\u001b[31m", "\\u001b[31m"],
    ["C1's control sequence introducer", "\u009b2J", "\\u009b2J"],
    ["DEL and a carriage return", "a\u007f\rb", "a\\u007f\\u000db"],
  ])("shows %s", (_, text, shown) => {
    expect(visible(text)).toBe(shown);
  });

  it("leaves newlines, tabs and other alphabets alone", () => {
    expect(visible("a\n\tžś漢")).toBe("a\n\tžś漢");
  });

  it("leaves JSON what it says", () => {
    const value = { "\u009b": "\u007f\u001b\u0085" };

    expect(JSON.parse(visible(JSON.stringify(value, null, 2)))).toEqual(value);
  });
});
