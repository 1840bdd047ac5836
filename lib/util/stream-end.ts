/** Whether a stream's error says no more than that its other side has ended. */

/** A socket ends its own side with the other's: what is written in that moment comes too late. */
const CODES = new Set([
  "ERR_STREAM_PREMATURE_CLOSE",
  "ERR_STREAM_DESTROYED",
  "ERR_STREAM_WRITE_AFTER_END",
  "ECONNRESET",
  "EPIPE",
]);

export function isStreamEnd(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" && CODES.has(code);
}
