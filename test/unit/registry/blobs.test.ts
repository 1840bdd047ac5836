import { describe, expect, it } from "vitest";
import { digestOf } from "../../../lib/oci/digest.ts";
import { RegistryClient } from "../../../lib/registry/client.ts";
import { type Answering, type FakeAnswer, FakeAsker, broken, refused } from "./fake-asker.ts";

const BYTES = "0123456789";
const BLOB = { mediaType: "a/b", digest: digestOf(BYTES), size: 10 };

function asking(answering: Answering): { asker: FakeAsker; client: RegistryClient } {
  const asker = new FakeAsker(answering);
  return { asker, client: new RegistryClient(asker) };
}

function clientOf(answer: FakeAnswer | Error): RegistryClient {
  return asking(() => answer).client;
}

function part(range: string, length = "6"): FakeAnswer {
  return { status: 206, headers: { "content-range": range, "content-length": length } };
}

describe("openBlob", () => {
  it("asks for bytes as they are, from where it is told", async () => {
    const { asker, client } = asking(() => part("bytes 4-9/10"));

    const { offset } = await client.openBlob(BLOB, { offset: 4 });

    expect(offset).toBe(4);
    expect(asker.lines).toEqual([`GET blobs/${BLOB.digest}`]);
    expect(asker.asked[0]?.headers).toEqual({
      "accept-encoding": "identity",
      range: "bytes=4-",
    });
  });

  it("asks for no range from the start", async () => {
    const { asker, client } = asking(() => ({ headers: { "content-length": "10" } }));

    expect(await client.openBlob(BLOB)).toMatchObject({ offset: 0 });
    expect(asker.asked[0]?.headers).not.toHaveProperty("range");
  });

  it("begins at the start where the server does not know ranges", async () => {
    const client = clientOf({ status: 200, headers: { "content-length": "10" } });

    expect(await client.openBlob(BLOB, { offset: 4 })).toMatchObject({ offset: 0 });
  });

  it("begins at the start where the server does not want this range", async () => {
    const { asker, client } = asking((_, count) => ({ status: count === 0 ? 416 : 200 }));

    expect(await client.openBlob(BLOB, { offset: 4 })).toMatchObject({ offset: 0 });
    expect(asker.lines).toHaveLength(2);
  });

  it("takes a range whose whole is not told", async () => {
    const client = clientOf(part("bytes 4-9/*"));

    expect(await client.openBlob(BLOB, { offset: 4 })).toMatchObject({ offset: 4 });
  });

  it.each([
    ["another start", part("bytes 3-9/10", "7")],
    ["another end", part("bytes 4-8/10", "5")],
    ["another whole", part("bytes 4-9/11")],
    ["no range", { status: 206 }],
    ["another unit", part("lines 4-9/10")],
    ["more bytes than the range has", part("bytes 4-9/10", "7")],
    ["another length", { status: 200, headers: { "content-length": "11" } }],
  ])("refuses %s", async (_, answer) => {
    await expect(clientOf(answer).openBlob(BLOB, { offset: 4 })).rejects.toMatchObject({
      code: "CORRUPT",
      details: { registry: "example.com", repository: "team/box", reference: BLOB.digest },
    });
  });
});

describe("getBlob", () => {
  it("takes plain bytes that are said to be encoded, as of some storages", async () => {
    const answer = { body: BYTES, headers: { "content-encoding": "aws-chunked" } };

    expect(Buffer.from(await clientOf(answer).getBlob(BLOB, 100)).toString()).toBe(BYTES);
  });

  it("gives the verified bytes", async () => {
    const bytes = await clientOf({ body: BYTES }).getBlob(BLOB, 100);

    expect(Buffer.from(bytes).toString()).toBe(BYTES);
  });

  it("asks again when the answer breaks off", async () => {
    const { asker, client } = asking((_, count) => ({ body: BYTES, breaks: count < 2 }));

    await client.getBlob(BLOB, 100);

    expect(asker.lines).toHaveLength(3);
  });

  it("gives up when it breaks off every time", async () => {
    const { asker, client } = asking(() => ({ body: BYTES, breaks: true }));

    await expect(client.getBlob(BLOB, 100)).rejects.toMatchObject({ code: "UNAVAILABLE" });
    expect(asker.lines).toHaveLength(5);
  });

  it.each([
    ["other bytes", "9876543210"],
    ["fewer bytes", "0"],
    ["more bytes", `${BYTES}0`],
  ])("refuses %s", async (_, body) => {
    await expect(clientOf({ body }).getBlob(BLOB, 100)).rejects.toMatchObject({ code: "CORRUPT" });
  });

  it("does not ask for one that is too large", async () => {
    const { asker, client } = asking(() => ({ body: BYTES }));

    await expect(client.getBlob(BLOB, 9)).rejects.toMatchObject({ code: "CORRUPT" });
    expect(asker.lines).toEqual([]);
  });
});

describe("hasBlob", () => {
  it("tells the size", async () => {
    expect(await clientOf({ headers: { "content-length": "10" } }).hasBlob(BLOB.digest)).toEqual({
      size: 10,
    });
  });

  it.each([
    ["there is none", { status: 404 }],
    ["its size is not told", {}],
  ])("says undefined where %s", async (_, answer) => {
    expect(await clientOf(answer).hasBlob(BLOB.digest)).toBeUndefined();
  });
});

describe("mountBlob", () => {
  it("asks for the right to read the other repository", async () => {
    const { asker, client } = asking(() => ({ status: 201 }));

    expect(await client.mountBlob(BLOB.digest, "other/box")).toBe(true);
    expect(asker.lines).toEqual([
      `POST blobs/uploads/?mount=${encodeURIComponent(BLOB.digest)}&from=other%2Fbox`,
    ]);
    expect(asker.asked[0]).toMatchObject({ reads: ["other/box"] });
  });

  it("is no failure where the other may not be read", async () => {
    expect(await clientOf(refused(403)).mountBlob(BLOB.digest, "other/box")).toBe(false);
  });

  it("fails where nobody answers", async () => {
    await expect(clientOf(broken()).mountBlob(BLOB.digest, "other/box")).rejects.toMatchObject({
      code: "UNAVAILABLE",
    });
  });
});
