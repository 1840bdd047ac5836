import { readFileSync } from "node:fs";
import { dirname, normalize, relative } from "node:path";
import { describe, expect, it } from "vitest";

const LIB = normalize(`${import.meta.dirname}/../../../lib`);
const IMPORT = /^(?:import|export)\s+(?!type\b)([^"]*?)\s*(?:from\s*)?"(\.[^"]+)";/gm;

/** All that is loaded with a file; what it imports later, on purpose, is not. */
function loadedWith(entries: readonly string[]): readonly string[] {
  const found = new Set<string>();
  const add = (file: string): void => {
    if (found.has(file)) return;
    found.add(file);
    for (const [, names = "", path = ""] of readFileSync(file, "utf8").matchAll(IMPORT)) {
      if (!areTypes(names)) add(normalize(`${dirname(file)}/${path}`));
    }
  };
  for (const entry of entries) add(`${LIB}/${entry}`);
  return [...found].map((file) => relative(LIB, file));
}

function areTypes(names: string): boolean {
  const all = names.replaceAll(/[{}\s]+/g, " ").split(",");
  return all.every((name) => /^\s*(?:type\s|$)/.test(name)) && names.trim() !== "";
}

describe("a start of a container whose image is here", () => {
  it("loads nothing of registries", () => {
    const loaded = loadedWith(["cli/run.ts", "engine/engine.ts", "engine/create.ts"]);

    expect(loaded).toContain("images/library.ts");
    expect(loaded.filter((file) => file.startsWith("registry/"))).toEqual([]);
    const others = ["pull", "pulled-layers", "push", "downloads", "receive", "received"];
    expect(loaded.filter((file) => others.some((one) => file === `images/${one}.ts`))).toEqual([]);
  });
});
