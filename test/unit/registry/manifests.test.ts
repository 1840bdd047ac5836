import { describe, expect, it } from "vitest";
import { MANIFEST_LIMIT_BYTES } from "../../../lib/oci/manifest.ts";
import { INDEX, MANIFEST } from "../../../lib/oci/media-types.ts";
import { digestOf } from "../../../lib/oci/digest.ts";
import { getManifest, headManifest, putManifest } from "../../../lib/registry/manifests.ts";
import { type FakeAnswer, FakeAsker, broken } from "./fake-asker.ts";

const TEXT = JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST });
const DIGEST = digestOf(TEXT);
const OTHER = digestOf("other");
const SENT: FakeAnswer = {
  headers: {
    "content-type": MANIFEST,
    "content-length": String(TEXT.length),
    "docker-content-digest": DIGEST,
  },
  body: TEXT,
};
const DESCRIPTOR = { mediaType: MANIFEST, digest: DIGEST, size: TEXT.length };

function with_(headers: Readonly<Record<string, string>>, body?: string): FakeAnswer {
  return {
    ...SENT,
    headers: { ...SENT.headers, ...headers },
    ...(body !== undefined && { body }),
  };
}

describe("headManifest", () => {
  it("takes digest, size and type from the headers", async () => {
    const asker = new FakeAsker(() => SENT);

    expect(await headManifest(asker, "latest")).toEqual(DESCRIPTOR);
    expect(asker.lines).toEqual(["HEAD manifests/latest"]);
  });

  it("asks for all types of manifests and indexes", async () => {
    const asker = new FakeAsker(() => SENT);

    await headManifest(asker, "latest");

    expect(asker.asked[0]?.headers?.["accept"]?.split(", ")).toEqual(
      expect.arrayContaining([
        MANIFEST,
        INDEX,
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
      ]),
    );
  });

  it("says undefined for none", async () => {
    expect(await headManifest(new FakeAsker(() => ({ status: 404 })), "latest")).toBeUndefined();
  });

  it.each([
    ["no digest", with_({ "docker-content-digest": "" })],
    ["a digest of another kind", with_({ "docker-content-digest": "sha512:ab" })],
    ["no length", with_({ "content-length": "" })],
    ["a length that is no number", with_({ "content-length": "-1" })],
    ["a type that is none of a manifest", with_({ "content-type": "application/json" })],
    ["a status that says that HEAD is unknown", { ...SENT, status: 405 }],
  ])("fetches the manifest where there is %s", async (_, head) => {
    const asker = new FakeAsker(({ method }) => (method === "HEAD" ? head : SENT));

    expect(await headManifest(asker, "latest")).toEqual(DESCRIPTOR);
    expect(asker.lines).toEqual(["HEAD manifests/latest", "GET manifests/latest"]);
  });

  it("says undefined where only GET says that there is none", async () => {
    const asker = new FakeAsker(({ method }) => ({ status: method === "HEAD" ? 400 : 404 }));

    expect(await headManifest(asker, "latest")).toBeUndefined();
  });

  it("refuses another digest than was asked for", async () => {
    await expect(headManifest(new FakeAsker(() => SENT), OTHER)).rejects.toMatchObject({
      code: "CORRUPT",
      details: { registry: "example.com", repository: "team/box", reference: OTHER },
    });
  });
});

describe("getManifest", () => {
  it("gives the bytes and what they are", async () => {
    const { descriptor, bytes } = await getManifest(new FakeAsker(() => SENT), "latest");

    expect(descriptor).toEqual(DESCRIPTOR);
    expect(Buffer.from(bytes).toString()).toBe(TEXT);
  });

  it.each([
    ["other bytes than the digest asked for", DIGEST, with_({}, "{}")],
    ["other bytes than the digest in the header", "latest", with_({}, "{}")],
    ["what is no JSON", "latest", { headers: { "content-type": MANIFEST }, body: "<html>" }],
    ["a web page", "latest", { headers: { "content-type": "text/html" }, body: "<html>" }],
    ["JSON that is no object", "latest", { headers: { "content-type": MANIFEST }, body: "[]" }],
    ["another type than its own", "latest", with_({ "content-type": INDEX })],
    ["too much", "latest", { body: " ".repeat(MANIFEST_LIMIT_BYTES + 1) }],
  ] as const)("refuses %s", async (_, reference, answer) => {
    await expect(getManifest(new FakeAsker(() => answer), reference)).rejects.toMatchObject({
      code: "CORRUPT",
    });
  });

  it.each([
    ["its own type where the registry knows none", TEXT, MANIFEST],
    ["an index by what it has", '{"schemaVersion":2,"manifests":[]}', INDEX],
    ["a manifest by what it has", '{"schemaVersion":2,"config":{},"layers":[]}', MANIFEST],
  ])("takes %s", async (_, body, mediaType) => {
    const headers = { "content-type": "application/json; charset=utf-8" };
    const fetched = await getManifest(new FakeAsker(() => ({ headers, body })), "latest");

    expect(fetched.descriptor.mediaType).toBe(mediaType);
  });

  it("asks again when the answer breaks off", async () => {
    const asker = new FakeAsker((_, count) => (count === 0 ? { ...SENT, breaks: true } : SENT));

    expect((await getManifest(asker, "latest")).descriptor).toEqual(DESCRIPTOR);
    expect(asker.lines).toHaveLength(2);
  });

  it("stops asking when it is aborted", async () => {
    const abort = new AbortController();
    const asker = new FakeAsker(() => {
      abort.abort();
      return broken();
    });

    await expect(getManifest(asker, "latest", { signal: abort.signal })).rejects.toMatchObject({
      name: "AbortError",
    });
    expect(asker.lines).toHaveLength(1);
  });
});

describe("putManifest", () => {
  const bytes = Buffer.from(TEXT);

  it("sends the bytes with their type and tells their digest", async () => {
    const asker = new FakeAsker(() => ({ status: 201 }));

    expect(await putManifest(asker, "v1", { bytes, mediaType: MANIFEST })).toBe(DIGEST);
    expect(asker.lines).toEqual(["PUT manifests/v1"]);
    expect(asker.asked[0]).toMatchObject({ headers: { "content-type": MANIFEST }, sent: bytes });
  });

  it("refuses that the registry has something else", async () => {
    const headers = { "docker-content-digest": OTHER };
    const asker = new FakeAsker(() => ({ status: 201, headers }));

    await expect(putManifest(asker, "v1", { bytes, mediaType: MANIFEST })).rejects.toMatchObject({
      code: "CORRUPT",
      details: { expected: DIGEST, actual: OTHER },
    });
  });

  it("refuses to put it under the digest of another", async () => {
    const asker = new FakeAsker(() => ({ status: 201 }));

    await expect(putManifest(asker, OTHER, { bytes, mediaType: MANIFEST })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
    expect(asker.lines).toEqual([]);
  });
});
