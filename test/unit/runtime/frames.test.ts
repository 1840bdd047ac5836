import { describe, expect, it } from "vitest";
import {
  FRAME,
  FrameDecoder,
  MAX_PAYLOAD_BYTES,
  encodeFrame,
} from "../../../lib/runtime/frames.ts";

function decoded(chunks: readonly Buffer[]): readonly [number, string][] {
  const seen: [number, string][] = [];
  const decoder = new FrameDecoder({
    bytes: (type, part) => seen.push([type, part.toString()]),
    words: (text) => seen.push([FRAME.words, text]),
  });
  for (const chunk of chunks) decoder.push(chunk);
  return seen;
}

describe("a frame", () => {
  it("is a type, three zero bytes and a size, as in Docker's streams", () => {
    expect(encodeFrame(FRAME.stderr, Buffer.from("no")).toString("hex")).toBe(
      "0200000000000002" + "6e6f",
    );
  });

  it("is read again, whatever it comes in", () => {
    const frames = Buffer.concat([
      encodeFrame(FRAME.stdout, Buffer.from("one")),
      encodeFrame(FRAME.stdout, Buffer.alloc(0)),
      encodeFrame(FRAME.words, Buffer.from('{"event":"done"}')),
      encodeFrame(FRAME.stderr, Buffer.from("two")),
    ]);
    const joined = (parts: readonly [number, string][]) => {
      return [FRAME.stdout, FRAME.words, FRAME.stderr].map((type) => {
        return parts.flatMap(([one, text]) => (one === type ? [text] : [])).join("");
      });
    };

    for (const size of [1, 2, 3, 7, 8, 9, 11, 64, frames.length]) {
      const chunks = [];
      for (let at = 0; at < frames.length; at += size) chunks.push(frames.subarray(at, at + size));
      const parts = decoded(chunks);
      expect(joined(parts)).toEqual(["one", '{"event":"done"}', "two"]);
      expect(parts.filter(([type]) => type === FRAME.words)).toHaveLength(1);
    }
  });

  it("is passed on before all of it is there", () => {
    const frame = encodeFrame(FRAME.stdout, Buffer.from("beginning and end"));

    expect(decoded([frame.subarray(0, 17)])).toEqual([[FRAME.stdout, "beginning"]]);
  });

  it.each([
    ["is longer than any", [FRAME.stdout, MAX_PAYLOAD_BYTES + 1]],
    ["is of a type that is none", [4, 1]],
    ["is of stdin", [FRAME.stdin, 1]],
  ])("is refused when it %s", (_, [type = 0, size = 0]) => {
    const header = Buffer.alloc(8);
    header[0] = type;
    header.writeUInt32BE(size, 4);

    expect(() => decoded([header])).toThrow(expect.objectContaining({ code: "CORRUPT" }));
  });
});
