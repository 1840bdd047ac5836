import { describe, expect, it } from "vitest";
import {
  filterResults,
  parseSearchTerm,
  searchIndex,
  searchNames,
} from "../../../lib/registry/search.ts";
import { FakeAsker } from "./fake-asker.ts";

const JSON_TYPE = { "content-type": "application/json" };
const BUSYBOX = {
  name: "library/busybox",
  description: "Busybox base image.",
  star_count: 3_000,
  is_official: true,
  is_automated: false,
};
const OTHER = { name: "team/busybox", star_count: 12 };

describe("parseSearchTerm", () => {
  it.each([
    ["busybox", "docker.io", "busybox"],
    ["library/busybox", "docker.io", "busybox"],
    ["team/box", "docker.io", "team/box"],
    ["docker.io/box", "docker.io", "box"],
    ["localhost/box", "localhost", "box"],
    ["registry.example.com:5000/team/box", "registry.example.com:5000", "team/box"],
    ["127.0.0.1:5000/", "127.0.0.1:5000", ""],
  ])("takes %s as %s and %s", (text, domain, term) => {
    expect(parseSearchTerm(text)).toEqual({ domain, term });
  });

  it.each(["", "docker.io/", "https://example.com/box", "a b.c/box"])("refuses %j", (text) => {
    expect(() => parseSearchTerm(text)).toThrow(/invalid search term/);
  });
});

describe("searchIndex", () => {
  it("gives what the index has, official names without their prefix", async () => {
    const body = JSON.stringify({ num_results: 2, results: [BUSYBOX, OTHER] });
    const asker = new FakeAsker(() => ({ headers: JSON_TYPE, body }));

    expect(await searchIndex(asker, "busy box", { limit: 10 })).toEqual([
      {
        name: "busybox",
        description: "Busybox base image.",
        starCount: 3_000,
        isOfficial: true,
      },
      { name: "team/busybox", description: "", starCount: 12, isOfficial: false },
    ]);
    expect(asker.lines).toEqual(["GET /v1/search?q=busy+box&n=10"]);
  });

  it.each([
    ["stars", { star_count: "many" }, { starCount: 0 }],
    ["stars below none", { star_count: -1 }, { starCount: 0 }],
    ["half a star", { star_count: 1.5 }, { starCount: 0 }],
    ["a description", { description: { en: "box" } }, { description: "" }],
    ["what is official", { is_official: "yes" }, { isOfficial: false }],
  ])("takes odd words for %s as nothing said", async (_, odd, read) => {
    const body = JSON.stringify({ results: [{ ...BUSYBOX, ...odd }, OTHER] });
    const asker = new FakeAsker(() => ({ headers: JSON_TYPE, body }));

    const [busybox, other] = (await searchIndex(asker, "box", {})) ?? [];

    expect(busybox).toMatchObject({ name: "busybox", ...read });
    expect(other?.starCount).toBe(12);
  });

  it("gives no more than it was asked for", async () => {
    const body = JSON.stringify({ results: Array.from({ length: 1_000 }, () => OTHER) });
    const asker = new FakeAsker(() => ({ headers: JSON_TYPE, body }));

    expect(await searchIndex(asker, "box", {})).toHaveLength(25);
  });

  it.each([
    ["no such path", { status: 404 }],
    ["JSON of something else", { headers: JSON_TYPE, body: '{"errors":[]}' }],
    ["a web page", { headers: { "content-type": "text/html" }, body: "<html>" }],
  ])("says undefined for %s", async (_, answer) => {
    expect(await searchIndex(new FakeAsker(() => answer), "box", {})).toBeUndefined();
  });

  it.each([
    ["no JSON", "<html>"],
    ["no object", "[]"],
    ["results that are none", '{"results":[1]}'],
    ["a name that is none", '{"results":[{"name":1}]}'],
  ])("refuses %s", async (_, body) => {
    const asker = new FakeAsker(() => ({ headers: JSON_TYPE, body }));

    await expect(searchIndex(asker, "box", {})).rejects.toMatchObject({ code: "CORRUPT" });
  });
});

describe("searchNames", () => {
  async function* names() {
    yield* ["team/box", "other", "boxes"];
    throw new Error("read on");
  }

  it("gives names with the word in them, and reads no further than it has to", async () => {
    const found = await searchNames(names(), "BOX", { limit: 2 });

    expect(found.map(({ name }) => name)).toEqual(["team/box", "boxes"]);
  });
});

describe("filterResults", () => {
  const official = { name: "a", description: "", starCount: 5, isOfficial: true };
  const other = { name: "b", description: "", starCount: 9, isOfficial: false };

  it.each([
    [{}, ["a", "b"]],
    [{ isOfficial: true }, ["a"]],
    [{ isOfficial: false }, ["b"]],
    [{ stars: 6 }, ["b"]],
    [{ stars: 6, isOfficial: true }, []],
  ])("leaves of %j", (filters, names) => {
    expect(filterResults([official, other], filters).map(({ name }) => name)).toEqual(names);
  });
});
