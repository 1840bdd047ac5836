import { describe, expect, it } from "vitest";
import { formatListing, type Listing } from "../../../lib/cli/listing.ts";

interface Fruit {
  readonly name: string;
  readonly grams: number;
}

const LISTING: Listing<Fruit> = {
  name: "fruit",
  fields: {
    Name: { heading: "NAME", value: ({ name }) => name },
    Grams: { heading: "WEIGHT", value: ({ grams }) => `${grams}g` },
    Seeds: {
      heading: "SEEDS",
      value() {
        throw new Error("counted in vain");
      },
    },
  },
  methods: {
    Repeat: { heading: (word) => word.toUpperCase(), value: ({ name }, word) => name + word },
  },
  table: "{{.Name}}\t{{.Grams}}",
  raw: "name: {{.Name}}\n",
};
const FRUITS: readonly Fruit[] = [
  { name: "jabuticaba", grams: 7 },
  { name: "caju", grams: 80 },
];

describe("a list", () => {
  it.each([
    ["is a table unless asked otherwise", undefined],
    ["is the same table by name", "table"],
    ["is the same table for an empty format", ""],
  ])("%s", (_, format) => {
    expect(formatListing(FRUITS, LISTING, format)).toBe(
      "NAME         WEIGHT\njabuticaba   7g\ncaju         80g\n",
    );
  });

  it.each([
    [
      "columns of one's own",
      String.raw`table {{.Grams}}\t{{.Name}}`,
      "WEIGHT    NAME\n7g        jabuticaba\n80g       caju\n",
    ],
    ["methods in columns", 'table {{.Repeat "x"}}', "X\njabuticabax\ncajux\n"],
    [
      "functions, which leave headings alone",
      "table {{upper .Name}}\t{{json .Grams}}",
      'NAME         WEIGHT\nJABUTICABA   "7g"\nCAJU         "80g"\n',
    ],
    ["a line each", "{{.Name}}", "jabuticaba\ncaju\n"],
    ["tabs and newlines", String.raw`{{.Name}}\t{{.Grams}}\n`, "jabuticaba\t7g\n\ncaju\t80g\n\n"],
    ["quoted texts as they are", String.raw`{{printf "%s\n" .Name}}`, "jabuticaba\n\ncaju\n\n"],
    ["text alone", "pretty", "pretty\npretty\n"],
    ["columns without a blank before them", "table{{.Grams}}", "WEIGHT\n7g\n80g\n"],
    [
      "columns that not all rows have",
      String.raw`table {{.Grams}}{{if eq .Name "caju"}}\t{{.Name}}\tz{{end}}`,
      "WEIGHT\n7g\n80g       caju      z\n",
    ],
    ["text in place of a table", " table {{.Grams}}", "table 7g\ntable 80g\n"],
    ["raw", "raw", "name: jabuticaba\n\nname: caju\n\n"],
  ])("prints %s", (_, format, printed) => {
    expect(formatListing(FRUITS, LISTING, format)).toBe(printed);
  });

  it("prints JSON, a line each, of what can be told without arguments", () => {
    const listing = {
      ...LISTING,
      fields: { Name: LISTING.fields["Name"]!, A: { heading: "", value: () => 1 } },
    };

    expect(formatListing(FRUITS, listing, "json")).toBe(
      '{"A":1,"Name":"jabuticaba"}\n{"A":1,"Name":"caju"}\n',
    );
  });

  it("has its headings, and no line, where there is nothing", () => {
    expect(formatListing([], LISTING)).toBe("NAME      WEIGHT\n");
    expect(formatListing([], LISTING, "json")).toBe("");
  });

  it("keeps a row on one line of a table, and control characters off the terminal", () => {
    const odd = [{ name: "a\tb\nc\u001b[31m", grams: 1 }];

    expect(formatListing(odd, LISTING)).toBe("NAME              WEIGHT\na b c\\u001b[31m   1g\n");
    expect(formatListing(odd, LISTING, '{{"\\x1b[1m"}}{{.Name}}')).toBe(
      "\u001b[1ma\tb\nc\\u001b[31m\n",
    );
  });

  it("looks only at what is asked for", () => {
    expect(() => formatListing(FRUITS, LISTING, "{{.Seeds}}")).toThrow("counted in vain");
  });

  it.each([
    [
      "{{.Nope}}",
      'template: :1:2: executing "" at <.Nope>: can\'t evaluate field Nope in type fruit',
    ],
    ["table {{.Name", "template: :1: unclosed action"],
    [
      "{{.Repeat}}",
      'template: :1:2: executing "" at <.Repeat>: wrong number of args for Repeat: want 1 got 0',
    ],
    ["{{jsn .}}", 'template: :1: function "jsn" not defined'],
  ])("refuses %s", (format, message) => {
    expect(() => formatListing(FRUITS, LISTING, format)).toThrow(
      expect.objectContaining({
        code: "INVALID_ARGUMENT",
        message: `template parsing error: ${message}`,
      }),
    );
  });
});
