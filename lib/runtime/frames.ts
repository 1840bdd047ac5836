/** What goes over a keeper's socket: a type, a size, and so many bytes; native/init/frames.h reads the same. */
import { MarmitaError } from "../errors.ts";

/** `words` are orders one way, and events as JSON the other. */
export const FRAME = { stdin: 0, stdout: 1, stderr: 2, words: 3 } as const;

export type FrameType = (typeof FRAME)[keyof typeof FRAME];

/** One byte of type, three of nothing, four of size, the most significant first. */
const HEADER_BYTES = 8;

/** A longer one is none of ours. */
export const MAX_PAYLOAD_BYTES = 64 * 1024;

/** One frame; an empty one of stdin says that nothing more is typed. */
export function encodeFrame(type: FrameType, payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(HEADER_BYTES + payload.length);
  frame.writeUInt32BE(type * 2 ** 24, 0);
  frame.writeUInt32BE(payload.length, 4);
  frame.set(payload, HEADER_BYTES);
  return frame;
}

export interface FrameSink {
  /** A part of a stream as soon as it is there, whether or not the rest of its frame is. */
  bytes(type: typeof FRAME.stdout | typeof FRAME.stderr, part: Buffer): void;
  /** Whole. */
  words(text: string): void;
}

/** Bytes, cut anywhere → frames. */
export class FrameDecoder {
  readonly #sink: FrameSink;
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #headerBytes = 0;
  #type = 0;
  #left = 0;
  /** What has come of a frame of words. */
  #words: Buffer[] = [];

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** Throws `CORRUPT` for what no keeper sends; what comes after that means nothing. */
  push(chunk: Buffer): void {
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#left > 0) rest = this.#payload(rest);
      else rest = this.#head(rest);
    }
  }

  #head(rest: Buffer): Buffer {
    const taken = Math.min(HEADER_BYTES - this.#headerBytes, rest.length);
    rest.copy(this.#header, this.#headerBytes, 0, taken);
    this.#headerBytes += taken;
    if (this.#headerBytes < HEADER_BYTES) return rest.subarray(taken);
    this.#headerBytes = 0;
    this.#type = this.#header.readUInt32BE(0) / 2 ** 24;
    this.#left = this.#header.readUInt32BE(4);
    const isKnown = [FRAME.stdout, FRAME.stderr, FRAME.words].some((type) => type === this.#type);
    if (!isKnown || this.#left > MAX_PAYLOAD_BYTES) {
      const header = this.#header.toString("hex");
      throw new MarmitaError("CORRUPT", `not a frame of a container's keeper: ${header}`);
    }
    if (this.#left === 0) this.#end();
    return rest.subarray(taken);
  }

  #payload(rest: Buffer): Buffer {
    const part = rest.subarray(0, this.#left);
    this.#left -= part.length;
    if (this.#type === FRAME.stdout || this.#type === FRAME.stderr) {
      this.#sink.bytes(this.#type, part);
    } else {
      this.#words.push(part);
      if (this.#left === 0) this.#end();
    }
    return rest.subarray(part.length);
  }

  #end(): void {
    if (this.#type === FRAME.words) this.#sink.words(Buffer.concat(this.#words).toString());
    this.#words = [];
  }
}
