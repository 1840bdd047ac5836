import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const REPOSITORY = fileURLToPath(new URL("../..", import.meta.url));

const TOP = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "native/README.md"];
const DOCUMENTS = [...TOP, ...markdownIn("docs")];

describe("the documentation", () => {
  it.each(DOCUMENTS)("points only to files that exist: %s", (document) => {
    const text = read(document);

    const missing = [...text.matchAll(/\]\((?!https?:)([^)#\s]+)[^)]*\)/g)]
      .map(([, target = ""]) => target)
      .filter((target) => !existsSync(join(REPOSITORY, dirname(document), target)));

    expect(missing).toEqual([]);
  });

  it("names in its flows only files that exist", () => {
    const named = [...read("docs/flows.md").matchAll(/\b((?:[a-z]+\/)+[a-z-]+\.(?:ts|c|h))\b/g)];

    const missing = named
      .map(([, path = ""]) => path)
      .filter((path) => ![`lib/${path}`, `native/${path}`].some(isThere));

    expect(missing).toEqual([]);
  });

  it("has one entry for each word of the glossary", () => {
    const words = [...read("docs/glossary.md").matchAll(/^\| ([a-z][^|]*) \|/gm)].map(
      ([, word = ""]) => word,
    );

    expect(words.length).toBeGreaterThan(30);
    expect(new Set(words).size).toBe(words.length);
    expect(words).toEqual([...words].sort((one, other) => (one < other ? -1 : 1)));
  });
});

function isThere(path: string): boolean {
  return existsSync(join(REPOSITORY, path));
}

function read(path: string): string {
  return readFileSync(join(REPOSITORY, path), "utf8");
}

function markdownIn(folder: string): readonly string[] {
  const found = readdirSync(join(REPOSITORY, folder), { recursive: true, encoding: "utf8" });
  return found.filter((name) => name.endsWith(".md")).map((name) => join(folder, name));
}
