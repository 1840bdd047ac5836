import { once } from "node:events";
import { PassThrough, Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import { isStreamEnd } from "../../../lib/util/stream-end.ts";

describe("the end of a stream", () => {
  it("is told by a write that comes after it", async () => {
    const stream = new PassThrough();
    stream.end();
    const failed = once(stream, "error");
    stream.write("late");

    expect(isStreamEnd((await failed)[0])).toBe(true);
  });

  it("is told by a stream that is no more", async () => {
    const stream = new PassThrough();
    stream.destroy();

    const error = await new Promise((resolve) => stream.write("late", resolve));

    expect(isStreamEnd(error)).toBe(true);
  });

  it("is not what any other failure is", async () => {
    const full = Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
    const stream = new Writable({ write: (_, __, done) => done(full) });
    const failed = once(stream, "error");
    stream.write("x");

    expect(isStreamEnd((await failed)[0])).toBe(false);
    expect(isStreamEnd("EPIPE")).toBe(false);
  });
});
