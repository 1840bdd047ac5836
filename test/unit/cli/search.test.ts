import { describe, expect, it } from "vitest";
import { parseFlags } from "../../../lib/cli/flags.ts";
import { formatResults, search } from "../../../lib/cli/search.ts";

const RESULTS = [
  {
    name: "busybox",
    description: "Busybox base image,\nwith a description of more than forty-five characters",
    starCount: 3_000,
    isOfficial: true,
  },
  { name: "team/box", description: "", starCount: 0, isOfficial: false },
];

function format(...words: readonly string[]): string {
  return formatResults(RESULTS, parseFlags(search, [...words, "box"]));
}

describe("marmita search", () => {
  it("prints Docker's columns", () => {
    expect(format()).toBe(
      [
        "NAME       DESCRIPTION                                     STARS     OFFICIAL",
        "busybox    Busybox base image, with a description of mo…   3000      [OK]",
        "team/box                                                   0         ",
        "",
      ].join("\n"),
    );
  });

  it("prints descriptions in full", () => {
    expect(format("--no-trunc", "--format", "{{.Description}}")).toBe(
      "Busybox base image, with a description of more than forty-five characters\n\n",
    );
  });

  it("prints a mark in templates and a word in JSON", () => {
    expect(format("--format", "{{.Name}}={{.IsOfficial}}")).toBe("busybox=[OK]\nteam/box=\n");
    expect(format("--format", "json").split("\n")[1]).toBe(
      '{"Description":"","IsOfficial":"false","Name":"team/box","StarCount":"0"}',
    );
  });
});
