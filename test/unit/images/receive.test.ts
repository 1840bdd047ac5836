import { type FileHandle, open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MarmitaError } from "../../../lib/errors.ts";
import { type BlobSource, receive } from "../../../lib/images/receive.ts";
import type { Retry } from "../../../lib/registry/again.ts";
import { digestOf } from "../../../lib/oci/digest.ts";
import { temporaryFolder } from "../../helpers/folder.ts";

const BYTES = Buffer.alloc(1_000_000, "feijoada ");
const BLOB = { mediaType: "x", digest: digestOf(BYTES), size: BYTES.length };

/** What one answer is: bytes from somewhere on, and what it ends with. */
interface Answer {
  /** Default: what was asked for. */
  readonly offset?: number;
  readonly bytes?: Buffer;
  /** Bytes of it until it breaks. */
  readonly breaksAfter?: number;
  /** Bytes of it until it ends as if it were whole. */
  readonly endsAfter?: number;
  readonly fails?: Error;
}

class Source implements BlobSource {
  readonly asked: number[] = [];
  readonly #answers: Answer[];

  constructor(...answers: Answer[]) {
    this.#answers = answers;
  }

  async openBlob(_: unknown, { offset }: { readonly offset: number }) {
    this.asked.push(offset);
    const answer = this.#answers.shift() ?? {};
    if (answer.fails !== undefined) throw answer.fails;
    const from = answer.offset ?? offset;
    return { offset: from, body: Readable.from(chunksOf(answer, from)) };
  }
}

async function* chunksOf({ bytes = BYTES, breaksAfter, endsAfter }: Answer, from: number) {
  const most = breaksAfter ?? endsAfter ?? Infinity;
  const sent = bytes.subarray(from, from + most);
  for (let at = 0; at < sent.length; at += 65_536) yield sent.subarray(at, at + 65_536);
  if (breaksAfter === undefined) return;
  // What has come is taken before the break is seen.
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  throw new Error("connection reset");
}

describe("receive", () => {
  let path: string;
  let file: FileHandle;
  let retries: Retry[];
  let grown: number[];

  beforeEach(async () => {
    path = join(await temporaryFolder(), "part");
    file = await open(path, "w+");
    retries = [];
    grown = [];
  });
  afterEach(() => file.close());

  async function received(source: Source): Promise<void> {
    await receive(source, BLOB, {
      file,
      onRetry: (retry) => retries.push(retry),
      onGrown: (bytes) => grown.push(bytes),
      pause: async () => {},
    });
    expect((await readFile(path)).equals(BYTES)).toBe(true);
  }

  it("brings all of it", async () => {
    const source = new Source();
    await received(source);
    expect(source.asked).toEqual([0]);
    expect(grown.at(-1)).toBe(BLOB.size);
  });

  it("brings nothing of an empty one, without asking", async () => {
    const source = new Source();
    const empty = { mediaType: "x", digest: digestOf(""), size: 0 };
    await receive(source, empty, { file });
    expect(source.asked).toEqual([]);
  });

  it("goes on from what is there", async () => {
    await file.write(BYTES.subarray(0, 900_000));
    const source = new Source();
    await received(source);
    expect(source.asked).toEqual([900_000]);
    expect(grown[0]).toBe(900_000);
  });

  it("begins anew where the registry does", async () => {
    await file.write(BYTES.subarray(0, 900_000));
    await received(new Source({ offset: 0 }));
    expect(grown).toContain(0);
  });

  it("goes on after breaks that come after some progress, however many", async () => {
    const breaks = Array.from({ length: 3 }, () => ({ breaksAfter: 300_000 }));
    const source = new Source(...breaks);
    await received(source);
    expect(source.asked).toEqual([0, 300_000, 600_000, 900_000]);
    expect(retries.map(({ attempt, reason }) => [attempt, reason])).toEqual(
      breaks.map(() => [2, "connection reset"]),
    );
  });

  it("gives up after five breaks without any, and keeps what came", async () => {
    const source = new Source(...Array.from({ length: 9 }, () => ({ breaksAfter: 10 })));
    await expect(received(source)).rejects.toMatchObject({
      code: "UNAVAILABLE",
      step: "download",
      hint: expect.stringContaining("next pull") as string,
      details: { digest: BLOB.digest, bytes: 60, size: BLOB.size },
    });
    expect(source.asked).toHaveLength(6);
    expect(await readFile(path)).toHaveLength(60);
    const delays = retries.map(({ delayMs }) => delayMs);
    expect(delays[4]).toBeGreaterThan(delays[0] ?? Infinity);
  });

  it("is CORRUPT when it ends early for good", async () => {
    const ends = Array.from({ length: 20 }, (_, at) => ({ endsAfter: at === 0 ? 500 : 0 }));
    await expect(received(new Source(...ends))).rejects.toMatchObject({ code: "CORRUPT" });
  });

  it("takes no more than was promised", async () => {
    const source = new Source({ bytes: Buffer.concat([BYTES, Buffer.alloc(500_000)]) });
    await received(source);
    expect(Math.max(...grown)).toBe(BLOB.size);
  });

  it("tries other bytes once more from the start, and is CORRUPT then", async () => {
    const wrong = Buffer.from(BYTES);
    wrong[5] = 0;
    const once = new Source({ bytes: wrong });
    await received(once);
    expect(once.asked).toEqual([0, 0]);

    await file.truncate(0);
    const twice = new Source({ bytes: wrong }, { bytes: wrong });
    await expect(received(twice)).rejects.toMatchObject({
      code: "CORRUPT",
      details: { expected: BLOB.digest, actual: digestOf(wrong) },
    });
    expect(twice.asked).toEqual([0, 0]);
  });

  it("begins anew when the registry tells nonsense about a range, once", async () => {
    await file.write(BYTES.subarray(0, 10));
    const nonsense = new MarmitaError("CORRUPT", "another range");
    const source = new Source({ fails: nonsense });
    await received(source);
    expect(source.asked).toEqual([10, 0]);

    await file.truncate(0);
    const from0 = new Source({ fails: nonsense });
    await expect(received(from0)).rejects.toBe(nonsense);
  });

  it("drops a part that is longer than the blob", async () => {
    await file.write(Buffer.alloc(BLOB.size + 1));
    const source = new Source();
    await received(source);
    expect(source.asked).toEqual([0]);
  });

  it("tells what the disk does at once", async () => {
    const readOnly = await open(path, "r");
    const source = new Source();
    const receiving = receive(source, BLOB, { file: readOnly, pause: async () => {} });
    await expect(receiving).rejects.toMatchObject({ code: "EBADF" });
    expect(source.asked).toEqual([0]);
    await readOnly.close();
  });

  it("stops when it is aborted", async () => {
    const abort = new AbortController();
    const source = new Source({ breaksAfter: 300_000 });
    const pause = async () => abort.abort();
    const receiving = receive(source, BLOB, { file, pause, signal: abort.signal });
    await expect(receiving).rejects.toMatchObject({ name: "AbortError" });
    expect(source.asked).toEqual([0]);
  });
});
