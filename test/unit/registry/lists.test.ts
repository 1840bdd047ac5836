import { describe, expect, it } from "vitest";
import { digestOf } from "../../../lib/oci/digest.ts";
import { INDEX, MANIFEST } from "../../../lib/oci/media-types.ts";
import { catalogOf } from "../../../lib/registry/catalog.ts";
import { RegistryClient } from "../../../lib/registry/client.ts";
import { type Answering, FakeAsker, PLACE } from "./fake-asker.ts";

async function all(names: AsyncIterable<string>): Promise<string[]> {
  const found: string[] = [];
  for await (const name of names) found.push(name);
  return found;
}

function tagsFrom(answering: Answering): { asker: FakeAsker; tags: () => Promise<string[]> } {
  const asker = new FakeAsker(answering);
  return { asker, tags: () => all(new RegistryClient(asker).tags()) };
}

describe("tags", () => {
  it("follows the links from page to page", async () => {
    const pages = [
      { body: '{"name":"team/box","tags":["a","b"]}', link: "/v2/team/box/tags/list?last=b&n=2" },
      { body: '{"tags":["c"]}', link: "list?last=c" },
      { body: '{"tags":null}', link: "" },
    ];
    const { asker, tags } = tagsFrom((_, count) => {
      const { body = "", link = "" } = pages[count] ?? {};
      return { body, headers: link === "" ? {} : { link: `<${link}>; rel="next"` } };
    });

    expect(await tags()).toEqual(["a", "b", "c"]);
    expect(asker.lines).toEqual([
      "GET tags/list",
      "GET tags/list?last=b&n=2",
      "GET tags/list?last=c",
    ]);
  });

  it("stays with the registry that it asks", async () => {
    const { asker, tags } = tagsFrom((_, count) => ({
      body: '{"tags":[]}',
      headers: count === 0 ? { link: '<https://evil.example/v2/x?last=a>; rel="next"' } : {},
    }));

    await tags();

    expect(asker.asked[1]?.path).toEqual(new URL("/v2/x?last=a", PLACE));
  });

  it.each([
    ["the same page again", () => `<${PLACE}tags/list?last=a>; rel="next"`],
    ["ever more pages", (count: number) => `<${PLACE}tags/list?last=${count}>; rel="next"`],
  ])("ends with an error where there are %s", async (_, link) => {
    const { tags } = tagsFrom((_asked, count) => ({
      body: '{"tags":[]}',
      headers: { link: link(count) },
    }));

    await expect(tags()).rejects.toMatchObject({
      code: "CORRUPT",
      message: expect.stringContaining("no end"),
    });
  });

  it.each([
    ["no JSON", "<html>"],
    ["a list", "[]"],
    ["numbers", '{"tags":[1]}'],
    ["a tag with a path in it", '{"tags":["../../x"]}'],
    ["a tag that moves the cursor", '{"tags":["\\u001b[2J"]}'],
  ])("refuses %s", async (_, body) => {
    await expect(tagsFrom(() => ({ body })).tags()).rejects.toMatchObject({ code: "CORRUPT" });
  });

  it("asks a page again that broke off", async () => {
    const { asker, tags } = tagsFrom((_, count) => ({
      body: '{"tags":["a"]}',
      breaks: count === 0,
    }));

    expect(await tags()).toEqual(["a"]);
    expect(asker.lines).toHaveLength(2);
  });
});

describe("catalogOf", () => {
  it("lists names and refuses what is none", async () => {
    const names = (repositories: readonly string[]) =>
      all(catalogOf(new FakeAsker(() => ({ body: JSON.stringify({ repositories }) }))));

    expect(await names(["a", "team/box"])).toEqual(["a", "team/box"]);
    await expect(names(["a", "../b"])).rejects.toMatchObject({ code: "CORRUPT" });
  });
});

describe("referrers", () => {
  const SUBJECT = digestOf("an image");
  const referrer = (name: string, artifactType: string) => ({
    mediaType: MANIFEST,
    digest: digestOf(name),
    size: 3,
    artifactType,
  });
  const SIGNATURE = referrer("signature", "text/signature");
  const SBOM = referrer("sbom", "text/sbom");
  const index = (...manifests: readonly object[]) => ({
    headers: { "content-type": INDEX },
    body: JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests }),
  });

  it("are what the registry lists", async () => {
    const asker = new FakeAsker(() => index(SIGNATURE, SBOM));

    expect(await new RegistryClient(asker).referrers(SUBJECT)).toEqual([SIGNATURE, SBOM]);
    expect(asker.lines).toEqual([`GET referrers/${SUBJECT}`]);
  });

  it("are of one type where that is asked for, also if the registry filters nothing", async () => {
    const asker = new FakeAsker(() => index(SIGNATURE, SBOM));
    const found = await new RegistryClient(asker).referrers(SUBJECT, {
      artifactType: "text/sbom",
    });

    expect(found).toEqual([SBOM]);
    expect(asker.lines).toEqual([`GET referrers/${SUBJECT}?artifactType=text%2Fsbom`]);
  });

  it("are those under a tag where the registry does not know the question", async () => {
    const asker = new FakeAsker(({ path }) => {
      return String(path).startsWith("referrers/") ? { status: 404 } : index(SIGNATURE, SBOM);
    });
    const found = await new RegistryClient(asker).referrers(SUBJECT, {
      artifactType: "text/signature",
    });

    expect(found).toEqual([SIGNATURE]);
    expect(asker.lines[1]).toBe(`GET manifests/sha256-${SUBJECT.slice(7)}`);
  });

  it.each([
    ["400 (Quay)", { status: 400 }],
    ["405", { status: 405 }],
    ["406 (Artifactory)", { status: 406 }],
    ["a web page", { headers: { "content-type": "text/html; charset=utf-8" }, body: "<html>" }],
    ["another document", { headers: { "content-type": "application/json" }, body: "{}" }],
  ])("are those under a tag where the registry says so by %s", async (_, answer) => {
    const asker = new FakeAsker(({ path }) => {
      return String(path).startsWith("referrers/") ? answer : index(SIGNATURE);
    });

    expect(await new RegistryClient(asker).referrers(SUBJECT)).toEqual([SIGNATURE]);
  });

  it("are none where there is nothing at all", async () => {
    const client = new RegistryClient(new FakeAsker(() => ({ status: 404 })));

    expect(await client.referrers(SUBJECT)).toEqual([]);
  });
});
