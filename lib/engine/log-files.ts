/**
 * The files of a container's log, read as one while a keeper writes and rotates them: `log` is
 * written, `log.1` was before it, and so on. When a file is full each moves on by one, the oldest
 * first, and a new `log` is made; from then on nothing is written to the others.
 */
import { type FileHandle, open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { isMissing } from "../util/system-error.ts";
import { type LogLine, LogSplitter } from "./log-lines.ts";
import { type TailOptions, findTail } from "./log-tail.ts";

const CHUNK_BYTES = 256 * 1024;
const NAME = /^log(?:\.(\d{1,6}))?$/;

/** What tells a file from all others for as long as it is open, whatever its name. */
interface Identity {
  readonly dev: bigint;
  readonly ino: bigint;
}

interface LogFile extends Identity {
  readonly handle: FileHandle;
}

export class LogReader implements AsyncDisposable {
  readonly #directory: string;
  /** Not yet read to the end, the oldest first. */
  #files: LogFile[];
  /** In the first of them. */
  #offset = 0;
  readonly #splitter = new LogSplitter();

  private constructor(directory: string, files: LogFile[]) {
    this.#directory = directory;
    this.#files = files;
  }

  /** `directory` is the container's. No file need be there. */
  static async open(directory: string): Promise<LogReader> {
    return new LogReader(directory, await openAll(directory));
  }

  /**
   * From here on only the last so many lines, and what is written after them. Resolves to parts of
   * those lines that stand before others. To be called first.
   */
  async seekTail(options: TailOptions): Promise<readonly LogLine[]> {
    const tail = await findTail(
      this.#files.map(({ handle }) => handle),
      options,
    );
    await closeAll(this.#files.splice(0, tail.file));
    this.#offset = tail.offset;
    return tail.lead;
  }

  /** The next lines there are; none when all were read. What is written later comes later. */
  async read(): Promise<readonly LogLine[]> {
    for (;;) {
      const [current, next] = this.#files;
      if (current === undefined) {
        this.#files = await openAll(this.#directory);
        if (this.#files.length === 0) return [];
        continue;
      }
      const lines = await this.#readChunk(current.handle);
      if (lines !== undefined) {
        if (lines.length > 0) return lines;
      } else if (next === undefined) {
        const successor = await openNext(this.#directory, current);
        if (successor === undefined) return [];
        this.#files.push(successor); // first what was written to the other one meanwhile
      } else {
        this.#files.shift();
        this.#offset = 0;
        await current.handle.close();
        const torn = this.#splitter.end();
        if (torn.length > 0) return torn;
      }
    }
  }

  /** Nobody writes any more: what there is of a last line whose writer was killed. */
  end(): readonly LogLine[] {
    return this.#splitter.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await closeAll(this.#files.splice(0));
  }

  /** `undefined` at the end of the file. */
  async #readChunk(handle: FileHandle): Promise<readonly LogLine[] | undefined> {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES); // the lines' own
    const { bytesRead } = await handle.read(chunk, 0, CHUNK_BYTES, this.#offset);
    if (bytesRead === 0) return undefined;
    this.#offset += bytesRead;
    return this.#splitter.push(chunk.subarray(0, bytesRead));
  }
}

/** All there are, the oldest first. */
async function openAll(directory: string): Promise<LogFile[]> {
  for (;;) {
    const files: LogFile[] = [];
    try {
      if (await openUpwards(directory, files)) return files.reverse();
    } catch (error) {
      await closeAll(files);
      throw error;
    }
    await closeAll(files);
  }
}

/** False when they moved on meanwhile, so that their order is not certain. */
async function openUpwards(directory: string, files: LogFile[]): Promise<boolean> {
  let first: number | undefined;
  // Upwards, as they move: none can pass us by, but one may be met twice.
  for (const number of await numbersIn(directory)) {
    const file = await openFile(directory, number);
    if (file === undefined) continue;
    if (files.some((other) => isSame(other, file))) {
      await file.handle.close();
      continue;
    }
    files.push(file);
    first ??= number;
  }
  const [newest] = files;
  if (newest === undefined || first === undefined) return true;
  return (await isGap(directory, -1, first)) && isAt(directory, first, newest);
}

async function closeAll(files: readonly LogFile[]): Promise<void> {
  for (const { handle } of files) await handle.close();
}

/** The file that was begun after `current`; `undefined` where that is the last one. */
async function openNext(directory: string, current: Identity): Promise<LogFile | undefined> {
  for (;;) {
    const at = await findNumber(directory, current);
    if (at === 0) return undefined;
    const found = await openNewest(directory, at);
    if (found === undefined) return undefined; // it is not there yet
    // Both moves of a file that could mislead us begin by moving `current`, too.
    const isNext = at === undefined || (await isGap(directory, found.number, at));
    if (isNext && (at === undefined || (await isAt(directory, at, current)))) return found.file;
    await found.file.handle.close();
  }
}

/** The file with the highest number below `limit`. */
async function openNewest(
  directory: string,
  limit: number | undefined,
): Promise<{ readonly number: number; readonly file: LogFile } | undefined> {
  const numbers = (await numbersIn(directory)).filter((one) => limit === undefined || one < limit);
  for (const number of numbers.reverse()) {
    const file = await openFile(directory, number);
    if (file !== undefined) return { number, file };
  }
  return undefined;
}

/** Whether there is no file between those with these numbers. */
async function isGap(directory: string, younger: number, older: number): Promise<boolean> {
  for (let number = younger + 1; number < older; number++) {
    if ((await identify(directory, number)) !== undefined) return false;
  }
  return true;
}

/** `undefined` when it was deleted: as many files as are kept were filled since. */
async function findNumber(directory: string, file: Identity): Promise<number | undefined> {
  const last = (await numbersIn(directory)).at(-1) ?? 0;
  // Upwards, and beyond what there was: it may move on while we look.
  for (let number = 0; number <= last + 1; number++) {
    if (await isAt(directory, number, file)) return number;
  }
  return undefined;
}

async function numbersIn(directory: string): Promise<number[]> {
  try {
    const names = await readdir(directory);
    const numbers = names.flatMap((name) => {
      const match = NAME.exec(name);
      return match === null ? [] : [Number(match[1] ?? 0)];
    });
    return numbers.sort((one, other) => one - other);
  } catch (error) {
    if (isMissing(error)) return []; // the container goes
    throw error;
  }
}

function pathOf(directory: string, number: number): string {
  return join(directory, number === 0 ? "log" : `log.${number}`);
}

async function openFile(directory: string, number: number): Promise<LogFile | undefined> {
  try {
    const handle = await open(pathOf(directory, number));
    const { dev, ino } = await handle.stat({ bigint: true });
    return { handle, dev, ino };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function identify(directory: string, number: number): Promise<Identity | undefined> {
  try {
    return await stat(pathOf(directory, number), { bigint: true });
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function isAt(directory: string, number: number, file: Identity): Promise<boolean> {
  const there = await identify(directory, number);
  return there !== undefined && isSame(there, file);
}

function isSame(one: Identity, other: Identity): boolean {
  return one.dev === other.dev && one.ino === other.ino;
}
