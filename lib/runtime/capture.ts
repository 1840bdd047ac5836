/** What a command writes, kept up to a limit; and what it reads, given to it. */
import { type Readable, Readable as ReadableStream, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { StringDecoder } from "node:string_decoder";
import { MarmitaError } from "../errors.ts";
import { isStreamEnd } from "../util/stream-end.ts";

/** A stream is destroyed when the command stops reading. */
export type InputOption = string | Uint8Array | Readable;

export interface Captured {
  readonly bytes: Buffer;
  readonly truncated: boolean;
}

/**
 * Reads to the end, whatever the limit: a full pipe would stop the command. Or until `cut`, and
 * then all that is there: for a stream that somebody may hold open for ever.
 */
export async function capture(
  stream: Readable | undefined,
  limit: number,
  cut?: Promise<unknown>,
): Promise<Captured> {
  const kept: Buffer[] = [];
  let room = limit;
  let truncated = false;
  for await (const chunk of stream === undefined ? [] : chunksOf(stream, cut)) {
    if (!Buffer.isBuffer(chunk)) continue;
    if (chunk.length > room) truncated = true;
    if (room > 0) kept.push(chunk.subarray(0, room));
    room -= Math.min(room, chunk.length);
  }
  return { bytes: Buffer.concat(kept), truncated };
}

/** The chunks of `stream` to its end; or, from `cut` on, those that are there. It stays as it is. */
export async function* chunksOf(stream: Readable, cut?: Promise<unknown>): AsyncGenerator<unknown> {
  if (cut === undefined) {
    yield* stream;
    return;
  }
  const chunks: AsyncIterator<unknown> = stream.iterator({ destroyOnReturn: false });
  let left = Infinity;
  const over = cut.then(() => {
    left = MAX_LEFT_BYTES;
    return undefined;
  });
  for (;;) {
    const next = chunks.next();
    next.catch(() => undefined); // of a stream that is let go of
    const first = (await Promise.race([next, over])) ?? (await Promise.race([next, quiet()]));
    if (first === undefined || first.done === true || left <= 0) return;
    if (Buffer.isBuffer(first.value)) left -= first.value.length;
    yield first.value;
  }
}

/** What somebody else goes on writing is not waited for: more than a pipe holds was not there. */
const MAX_LEFT_BYTES = 1 << 20;

/** Rounds of the event loop in each of which what is in a pipe is read. */
const TURNS = 4;

/** Nothing more has come: resolves to nothing. */
async function quiet(): Promise<undefined> {
  for (let turn = 0; turn < TURNS; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A command that does not read all of its input is none of our business. */
export async function feed(
  stdin: Writable | undefined,
  input: InputOption | undefined,
): Promise<void> {
  if (stdin === undefined || input === undefined) return;
  const source = input instanceof ReadableStream ? input : ReadableStream.from([input]);
  const isAtFault = watchSource(source, stdin);
  try {
    await pipeline(source, stdin);
  } catch (error) {
    if (isAtFault()) {
      throw new MarmitaError("UNAVAILABLE", 'the stream given as "input" failed', { cause: error });
    }
    if (!isStreamEnd(error)) throw error;
  }
}

/** Whether the source stopped first: a pipeline ends both streams with the error of the one. */
function watchSource(source: Readable, stdin: Writable): () => boolean {
  let first: Readable | Writable | undefined = source.destroyed ? source : undefined;
  const stopped = (stream: Readable | Writable) => () => {
    if (stream !== source || !source.readableEnded) first ??= stream;
  };
  for (const event of ["error", "close"]) {
    source.once(event, stopped(source));
    stdin.once(event, stopped(stdin));
  }
  return () => first === source;
}

/** What was cut off may have been the rest of a character: then that is left out whole. */
export function textOf({ bytes, truncated }: Captured): string {
  return truncated ? new StringDecoder("utf8").write(bytes) : bytes.toString();
}
