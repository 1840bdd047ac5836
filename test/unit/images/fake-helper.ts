/** The verbs `extract` and `blob` in TypeScript: unit tests run without the native build. */
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import type { HelperEvent, VerbOptions } from "../../../lib/native/helper.ts";
import { digestOf } from "../../../lib/oci/digest.ts";

const BLOCK = 512;

/** As the one of lib/native/helper.ts, for whole and right input in ustar format. */
export async function runVerb(verb: string, options: VerbOptions = {}): Promise<HelperEvent> {
  const { stdin = -1, args = [], onEvent } = options;
  const target = args.at(-1) ?? "";
  const bytes = readFileSync(stdin);
  const content = bytes.subarray(0, 2).toString("hex") === "1f8b" ? gunzipSync(bytes) : bytes;
  if (verb === "blob" && args[0] === "--gzip") return blobVerb(target, gzipSync(content), content);
  if (verb === "blob") return blobVerb(target, bytes, content);
  for (const event of members(content, target)) onEvent?.(event);
  return { event: "extracted" };
}

/** A stream is not fed to a fake: there is no pipe. */
export function pipe(): { read: number; write: number } {
  const read = openSync("/dev/null", "r");
  closeSync(read);
  throw new Error("no pipes in unit tests");
}

function blobVerb(target: string, bytes: Buffer, content: Buffer): HelperEvent {
  writeFileSync(target, bytes, { flag: "wx" });
  return {
    event: "blob",
    digest: digestOf(bytes),
    size: bytes.length,
    diffId: digestOf(content),
    diffSize: content.length,
    compression: content === bytes ? "none" : "gzip",
  };
}

function* members(tar: Buffer, directory: string): Generator<HelperEvent> {
  let number = 0;
  for (let at = 0; at + BLOCK <= tar.length && tar[at] !== 0;) {
    const field = (start: number, length: number) =>
      tar.toString("utf8", at + start, at + start + length).replace(/\0[^]*$/, "");
    const name = field(0, 100);
    const size = Number.parseInt(field(124, 12), 8) || 0;
    const type = field(156, 1);
    const content = tar.subarray(at + BLOCK, at + BLOCK + size);
    if (type === "1" || type === "2") yield { event: "link", name, target: field(157, 100) };
    if (type === "0" || type === "") {
      const path = String(number++);
      writeFileSync(join(directory, path), content, { flag: "wx" });
      yield { event: "file", name, path, size, digest: digestOf(content) };
    }
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
}
