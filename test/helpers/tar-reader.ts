/** Reads tars as they are, extended headers and all: ustar, PAX, GNU's long names and numbers. */

export interface TarMember {
  /** As it is written, without a slash at its start or end or `./` before it. */
  readonly path: string;
  readonly type: "file" | "link" | "symlink" | "character" | "block" | "directory" | "fifo";
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** Seconds since 1970, with its fraction. */
  readonly mtime: string;
  readonly target: string;
  readonly device: string;
  /** Names of users and groups, which layers should not have. */
  readonly names: string;
  /** Name → value in hex. */
  readonly xattrs: ReadonlyMap<string, string>;
  readonly content: Buffer;
}

const BLOCK = 512;
const TYPES: Readonly<Record<string, TarMember["type"]>> = {
  "0": "file",
  "\0": "file",
  "1": "link",
  "2": "symlink",
  "3": "character",
  "4": "block",
  "5": "directory",
  "6": "fifo",
};

/** All members in their order; throws for what it does not know. */
export function readTar(bytes: Buffer): readonly TarMember[] {
  const members: TarMember[] = [];
  let records = new Map<string, Buffer>();
  let at = 0;
  while (at + BLOCK <= bytes.length) {
    const header = bytes.subarray(at, at + BLOCK);
    if (header.every((byte) => byte === 0)) return members;
    checkSum(header);
    const size = Number(records.get("size")?.toString() ?? number(header, 124, 12));
    const content = bytes.subarray(at + BLOCK, at + BLOCK + size);
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;

    const flag = header.toString("latin1", 156, 157);
    if (flag === "x") for (const [key, value] of paxRecords(content)) records.set(key, value);
    else if (flag === "L") records.set("path", content.subarray(0, content.indexOf(0)));
    else if (flag === "K") records.set("linkpath", content.subarray(0, content.indexOf(0)));
    else {
      members.push(member(header, records, content));
      records = new Map();
    }
  }
  throw new Error("tar without an end");
}

function member(header: Buffer, records: Map<string, Buffer>, content: Buffer): TarMember {
  const flag = header.toString("latin1", 156, 157);
  const type = TYPES[flag];
  if (type === undefined) throw new Error(`tar member of the unknown type ${flag}`);
  const isUstar = header.toString("latin1", 257, 263) === "ustar\0";
  const prefix = isUstar ? text(header, 345, 155) : "";
  const name = text(header, 0, 100);
  const path = records.get("path")?.toString() ?? (prefix === "" ? name : `${prefix}/${name}`);
  const value = (key: string, offset: number, length: number) =>
    records.get(key)?.toString() ?? String(number(header, offset, length));
  const isDevice = type === "character" || type === "block";
  return {
    path: path.replace(/^(\.?\/)+/, "").replace(/\/+$/, ""),
    type,
    mode: number(header, 100, 8),
    uid: Number(value("uid", 108, 8)),
    gid: Number(value("gid", 116, 8)),
    size: content.length,
    mtime: value("mtime", 136, 12),
    target: records.get("linkpath")?.toString() ?? text(header, 157, 100),
    device: isDevice ? `${number(header, 329, 8)}:${number(header, 337, 8)}` : "",
    names: [text(header, 265, 32), text(header, 297, 32)].filter(Boolean).join(":"),
    xattrs: new Map(
      [...records]
        .filter(([key]) => key.startsWith("SCHILY.xattr."))
        .map(([key, found]) => [key.slice("SCHILY.xattr.".length), found.toString("hex")]),
    ),
    content,
  };
}

/** `length key=value\n`, where the length counts its own digits. */
function paxRecords(bytes: Buffer): readonly (readonly [string, Buffer])[] {
  const found: (readonly [string, Buffer])[] = [];
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(" ", at);
    const length = Number(bytes.toString("latin1", at, space));
    if (!(length > 0) || bytes[at + length - 1] !== 0x0a) throw new Error("bad PAX record");
    const equals = bytes.indexOf("=", space);
    const key = bytes.toString("utf8", space + 1, equals);
    found.push([key, Buffer.from(bytes.subarray(equals + 1, at + length - 1))]);
    at += length;
  }
  return found;
}

function text(header: Buffer, offset: number, length: number): string {
  const field = header.subarray(offset, offset + length);
  const end = field.indexOf(0);
  return field.toString("utf8", 0, end < 0 ? length : end);
}

/** Octal digits, or base 256 where the first bit is set. */
function number(header: Buffer, offset: number, length: number): number {
  const field = header.subarray(offset, offset + length);
  if ((field[0]! & 0x80) === 0) return parseInt(text(header, offset, length).trim() || "0", 8);
  const bits = BigInt(8 * length);
  const value = BigInt(`0x${field.toString("hex")}`);
  const isNegative = (field[0]! & 0x40) !== 0;
  return Number(isNegative ? BigInt.asIntN(Number(bits), value) : value & ~(1n << (bits - 1n)));
}

function checkSum(header: Buffer): void {
  const told = number(header, 148, 8);
  const sum = header.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 32 : byte), 0);
  if (sum !== told) throw new Error(`tar header with the sum ${sum}, told ${told}`);
}
