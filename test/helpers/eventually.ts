/** Waiting for what announces itself: a line, an event, a state of /proc. */
import type { Readable } from "node:stream";

/** The first line of `stream` that `matches`; throws with what came instead when it ends first. */
export async function lineOf(
  stream: Readable | AsyncIterable<Uint8Array | string>,
  matches: RegExp,
): Promise<string> {
  let text = "";
  for await (const chunk of iterate(stream)) {
    text += typeof chunk === "string" ? chunk : Buffer.from(chunk).toString();
    const found = text
      .split("\n")
      .slice(0, -1)
      .find((line) => matches.test(line));
    if (found !== undefined) return found;
  }
  throw new Error(`the stream ended without a line like ${matches}:\n${text}`);
}

// `for await` on a Readable destroys it when left early; the test still owns the rest.
function iterate(
  stream: Readable | AsyncIterable<Uint8Array | string>,
): AsyncIterable<Uint8Array | string> {
  return "iterator" in stream ? stream.iterator({ destroyOnReturn: false }) : stream;
}

/**
 * For what sends no event, such as the end of somebody else's process: looks every 10 ms until
 * `look` returns something, and throws with `what` after `withinMs`.
 */
export async function eventually<T>(
  what: string,
  look: () => T | undefined | Promise<T | undefined>,
  withinMs = 2_000,
): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
