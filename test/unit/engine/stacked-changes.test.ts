import { describe, expect, it } from "vitest";
import { stackChanges } from "../../../lib/engine/stacked-changes.ts";
import type { Change } from "../../../lib/layers/diff.ts";

/** `A /etc/new, C /etc`: as diff prints them. */
function changes(text: string): readonly Change[] {
  const lines = text === "" ? [] : text.split(", ");
  return lines.map((line) => ({ kind: line[0] as Change["kind"], path: line.slice(2) }));
}

interface Case {
  readonly name: string;
  /** From the lowest up; behind `|` what it is against the image. */
  readonly levels: readonly string[];
  readonly all: string;
}

const CASES: readonly Case[] = [
  { name: "of one time stay what they are", levels: ["C /a, A /a/b"], all: "C /a, A /a/b" },
  { name: "at different places come together", levels: ["A /b", "A /a"], all: "A /a, A /b" },
  { name: "of what was added leave it added", levels: ["A /a", "C /a"], all: "A /a" },
  { name: "of what was changed leave it changed", levels: ["C /a", "C /a"], all: "C /a" },
  { name: "take away what was added", levels: ["A /a, A /a/b, A /c", "D /a"], all: "A /c" },
  { name: "delete what was changed", levels: ["C /a, C /a/b, A /a/c", "D /a"], all: "D /a" },
  {
    name: "put a file back as another one",
    levels: ["C /a, D /a/b", "C /a, A /a/b | C /a, C /a/b"],
    all: "C /a, C /a/b",
  },
  {
    name: "put a file back as it was",
    levels: ["C /a, D /a/b", "C /a, A /a/b | C /a"],
    all: "C /a",
  },
  {
    name: "put a directory back without what was in it",
    levels: ["D /a", "A /a, A /a/new | C /a, D /a/old, A /a/new"],
    all: "C /a, A /a/new, D /a/old",
  },
  {
    name: "add, take away and add again",
    levels: ["A /a", "D /a", "A /a | A /a"],
    all: "A /a",
  },
  {
    name: "put a directory back that was gone, where it had more than one",
    levels: ["D /a", "A /a, A /a/b, A /a/b/c | C /a, D /a/old, A /a/b, A /a/b/c, C /x"],
    all: "C /a, A /a/b, A /a/b/c, D /a/old",
  },
  {
    name: "leave names alone that only begin alike",
    levels: ["A /a, A /ab, D /c", "D /a, A /cd"],
    all: "A /ab, D /c, A /cd",
  },
];

describe("changes on top of changes", () => {
  it.each(CASES)("$name", async ({ levels, all }) => {
    const stacked = await stackChanges(
      levels.map((level) => {
        const [mine = "", image = ""] = level.split(" | ");
        return { changes: changes(mine), againstImage: async () => changes(image) };
      }),
    );

    const sorted = changes(all).toSorted((one, other) => (one.path < other.path ? -1 : 1));
    expect(stacked).toEqual(sorted);
  });
});
