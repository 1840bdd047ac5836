import { describe, expect, it } from "vitest";
import { JsonReader, parseJson } from "../../../lib/util/json.ts";

const reader = (value: unknown) => new JsonReader(value, "menu");

describe("parseJson", () => {
  it("says what the text was meant to be", () => {
    expect(() => parseJson("{", "index.json")).toThrow("index.json is not JSON");
  });

  it("reads bytes", () => {
    expect(parseJson(Buffer.from('"oi"'), "greeting")).toBe("oi");
  });
});

describe("JsonReader", () => {
  it.each([
    ["a list", []],
    ["a text", "x"],
    ["nothing", null],
    ["a number", 1],
  ])("refuses %s in place of an object", (_, value) => {
    expect(() => reader(value)).toThrow("menu: expected it to be a JSON object");
  });

  it("counts null as absent, as Go writes it", () => {
    expect(reader({ Cmd: null }).findTexts("Cmd")).toBeUndefined();
    expect(reader({ Cmd: null }).has("Cmd")).toBe(false);
  });

  it("does not find what every object inherits", () => {
    expect(reader({}).has("constructor")).toBe(false);
    expect(reader({}).findText("toString")).toBeUndefined();
  });

  it.each([
    [
      "a missing text",
      (r: JsonReader) => r.text("absent"),
      'menu: "absent": expected it to be a text, got nothing',
    ],
    [
      "a number as a text",
      (r: JsonReader) => r.text("one"),
      'menu: "one": expected it to be a text, got 1',
    ],
    ["a negative size", (r: JsonReader) => r.size("negative"), "whole number of 0 or more, got -1"],
    [
      "a fraction as a size",
      (r: JsonReader) => r.size("half"),
      "whole number of 0 or more, got 0.5",
    ],
    ["an inexact size", (r: JsonReader) => r.size("huge"), "whole number of 0 or more"],
    ["a text as a flag", (r: JsonReader) => r.findFlag("text"), "true or false"],
    ["a mixed list", (r: JsonReader) => r.findTexts("mixed"), 'list of texts, got ["a",1]'],
    ["a map of numbers", (r: JsonReader) => r.findTextMap("numbers"), "map texts to texts"],
  ])("refuses %s and shows it", (_, read, message) => {
    const fields = { one: 1, negative: -1, half: 0.5, huge: 2 ** 53, text: "yes" };
    const value = reader({ ...fields, mixed: ["a", 1], numbers: { a: 1 } });

    expect(() => read(value)).toThrow(expect.objectContaining({ code: "CORRUPT" }));
    expect(() => read(value)).toThrow(message);
  });

  it("names the place of a fault in a nested list", () => {
    const item = (value: unknown, what: string) => new JsonReader(value, what).text("name");

    expect(() => reader({ dishes: [{ name: "a" }, {}] }).list("dishes", item)).toThrow(
      'menu: dishes[1]: "name"',
    );
  });

  it("shows no more than the start of a long value", () => {
    expect(() => reader({ text: ["x".repeat(500)] }).text("text")).toThrow(/.{0,120}\.\.\.$/);
  });
});
