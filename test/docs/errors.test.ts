import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

describe("docs/errors.md", () => {
  it("lists every code there is, and no other", () => {
    const [, union = ""] = /export type ErrorCode =([^;]*);/.exec(read("lib/errors.ts")) ?? [];
    const codes = [...union.matchAll(/"([A-Z_]+)"/g)].map(([, code]) => code);

    const [, table = ""] = read("docs/errors.md").split("## Codes");
    const rows = [...table.matchAll(/^\| `([A-Z_]+)` \|/gm)].map(([, code]) => code);

    expect(rows).toEqual(codes);
  });
});
