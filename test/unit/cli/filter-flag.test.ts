import { describe, expect, it } from "vitest";
import { filtersOf } from "../../../lib/cli/filter-flag.ts";
import { type Grammar, parseFlags } from "../../../lib/cli/flags.ts";
import { parseMoment } from "../../../lib/util/moment.ts";

const GRAMMAR: Grammar = {
  flags: [{ name: "filter", short: "f", value: "filter", help: "" }],
  refused: {},
};
const KNOWN = ["dangling", "label", "label!", "until"];

function filters(...given: readonly string[]) {
  const flags = parseFlags(
    GRAMMAR,
    given.flatMap((filter) => ["-f", filter]),
  );
  return filtersOf(flags, KNOWN);
}

describe("--filter", () => {
  it("collects the values of each key", () => {
    const found = filters("label=a", " Label = b=c ", "dangling=1", "label!=d");

    expect(found.all("label")).toEqual(["a", "b=c"]);
    expect(found.all("label!")).toEqual(["d"]);
    expect(found.flag("dangling")).toBe(true);
    expect(found.flag("until")).toBeUndefined();
  });

  it.each([
    [
      "label",
      'invalid argument "label" for "-f, --filter" flag: bad format of filter (expected name=value)',
    ],
    ["lable=x", "invalid filter 'lable'"],
    ["size=5", "invalid filter 'size'"],
  ])("refuses %s", (filter, message) => {
    expect(() => filters(filter)).toThrow(message);
  });

  it("guesses what was meant, or says what there is", () => {
    expect(() => filters("lable=x")).toThrow(
      expect.objectContaining({ hint: "Did you mean label?" }),
    );
    expect(() => filters("size=5")).toThrow(
      expect.objectContaining({ hint: "The filters are dangling, label, label!, until." }),
    );
  });

  it("refuses values that are none, with their key", () => {
    expect(() => filters("dangling=perhaps").flag("dangling")).toThrow(
      "invalid filter 'dangling=perhaps': expected true or false",
    );
    expect(() => filters("until=never").parse("until", parseMoment)).toThrow(
      /^invalid filter 'until=never': expected a time/,
    );
  });
});
