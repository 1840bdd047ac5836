import { describe, expect, it } from "vitest";
import { visible } from "../../../lib/cli/visible.ts";

describe("visible", () => {
  it.each([
    ["the escape of a color", "\u001b[31m", "\\u001b[31m"],
    ["C1's control sequence introducer", "\u009b2J", "\\u009b2J"],
    ["DEL and a carriage return", "a\u007f\rb", "a\\u007f\\u000db"],
    ["an override of the direction", "a\u202egpj.exe\u202c", "a\\u202egpj.exe\\u202c"],
    ["an isolate", "\u2066a\u2067b\u2068c\u2069", "\\u2066a\\u2067b\\u2068c\\u2069"],
    ["an embedding", "\u202aa\u202bb\u202d", "\\u202aa\\u202bb\\u202d"],
  ])("shows %s", (_, text, shown) => {
    expect(visible(text)).toBe(shown);
  });

  it("leaves newlines, tabs and other alphabets alone", () => {
    expect(visible("a\n\tžś漢 שלום \u200d")).toBe("a\n\tžś漢 שלום \u200d");
  });

  it("leaves JSON what it says", () => {
    const value = { "\u009b": "\u007f\u001b\u0085" };

    expect(JSON.parse(visible(JSON.stringify(value, null, 2)))).toEqual(value);
  });
});
