/** Where the last so many lines of a log begin: its files are read backwards. */
import type { FileHandle } from "node:fs/promises";
import { type LogLine, parseLogLine } from "./log-lines.ts";

export interface TailOptions {
  readonly count: number;
  /** Later ones do not count. */
  readonly until?: string | undefined;
}

export interface Tail {
  /** Index of the file, and where in it. */
  readonly file: number;
  readonly offset: number;
  /** Parts of those lines that come earlier, among lines that are not wanted. */
  readonly lead: readonly LogLine[];
}

const BLOCK_BYTES = 64 * 1024;
const NEWLINE = 0x0a;

/** So far back are the beginnings of lines looked for whose ends are wanted. */
const LEAD_BYTES = 1024 * 1024;

interface Place {
  readonly file: number;
  readonly offset: number;
}

interface PlacedLine extends Place {
  readonly line: LogLine;
  readonly length: number;
}

/** `files` are the log's, the oldest first. */
export async function findTail(
  files: readonly FileHandle[],
  { count, until }: TailOptions,
): Promise<Tail> {
  const lead: LogLine[] = [];
  /** Streams of which a line is wanted whose beginning was not met yet. */
  const begun = new Set<LogLine["stream"]>();
  let start: Place = await endOf(files);
  let left = count;
  let leadBytes = 0;
  for await (const { line, file, offset, length } of backwards(files)) {
    if (until !== undefined && line.time > until) continue;
    // The last part of a line whose end was not written yet counts as that.
    if (line.isWhole || (left > 0 && !begun.has(line.stream))) {
      begun.delete(line.stream);
      if (left > 0) begun.add(line.stream);
      left--;
    }
    if (left >= 0 && begun.has(line.stream)) start = { file, offset };
    else if (left < 0 && begun.has(line.stream)) lead.unshift(line);
    if (left < 0) leadBytes += length;
    if (left < 0 && (begun.size === 0 || leadBytes > LEAD_BYTES)) break;
    if (left === 0 && count === 0) break;
  }
  return { ...start, lead };
}

/** Behind the last line that is whole. */
async function endOf(files: readonly FileHandle[]): Promise<Place> {
  const file = Math.max(0, files.length - 1);
  const handle = files[file];
  if (handle === undefined) return { file, offset: 0 };
  for (let end = (await handle.stat()).size; end > 0; end -= BLOCK_BYTES) {
    const from = Math.max(0, end - BLOCK_BYTES);
    const newline = (await readAt(handle, from, end)).lastIndexOf(NEWLINE);
    if (newline >= 0) return { file, offset: from + newline + 1 };
  }
  return { file, offset: 0 };
}

/** All lines, the last first; what comes after the last end of a line is none yet. */
async function* backwards(files: readonly FileHandle[]): AsyncGenerator<PlacedLine> {
  for (const [file, handle] of [...files.entries()].reverse()) {
    let end = (await handle.stat()).size;
    let after = Buffer.alloc(0); // begins in the middle of a line
    while (end > 0) {
      const from = Math.max(0, end - BLOCK_BYTES);
      const block = Buffer.concat([await readAt(handle, from, end), after]);
      const newline = block.indexOf(NEWLINE);
      const first = from === 0 ? 0 : newline < 0 ? block.length : newline + 1;
      let to = block.lastIndexOf(NEWLINE);
      while (to >= first) {
        const begin = to === 0 ? 0 : block.lastIndexOf(NEWLINE, to - 1) + 1;
        const line = parseLogLine(block.subarray(begin, to));
        if (line !== undefined) yield { line, file, offset: from + begin, length: to - begin };
        to = begin - 1;
      }
      after = block.subarray(0, first);
      end = from;
    }
  }
}

/** Fewer bytes where the file is shorter. */
async function readAt(handle: FileHandle, from: number, to: number): Promise<Buffer> {
  const bytes = Buffer.alloc(to - from);
  const { bytesRead } = await handle.read(bytes, 0, bytes.length, from);
  return bytes.subarray(0, bytesRead);
}
