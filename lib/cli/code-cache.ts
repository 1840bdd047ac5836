/**
 * Keeps what V8 made of the command's files, so that the next start need not compile them again.
 * Whatever is wrong with the cache, the command runs as it does without one.
 */
import {
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { Script } from "node:vm";
import { type Place, findPlace, isPrivate, makePlace } from "./code-cache-place.ts";

/** Node's that take long to load, and which many commands name but do not use. */
const LATE = new Set(["node:crypto", "node:net", "node:zlib"]);

/** The bundle, as the file that starts it knows it. */
export interface Bundle {
  readonly directory: string;
  /** Node's own, for everything that is not of the bundle. */
  readonly require: Require;
  /** A digest of its files: V8 itself tells one source from another by its length alone. */
  readonly build: string;
}

/** The code of a file as V8 keeps it. */
type Cached = ReadonlyMap<string, Buffer>;

type Exports = Record<string | symbol, unknown>;
type Require = (id: string) => unknown;
/** What Node gives every file of CommonJS: exports, require, module, __filename, __dirname. */
type Given = [Exports, Require, { exports: Exports }, string, string];
type Wrapper = (...given: Given) => void;

/** Run the file `entry` of the bundle. */
export function start(bundle: Bundle, entry: string): void {
  const place = findPlace(bundle.build, { entry, args: process.argv.slice(2) }, process.env);
  // Node finds the source maps of those files alone that it loads itself.
  if (place === undefined || process.sourceMapsEnabled) {
    bundle.require(`./${entry}`);
    return;
  }
  const cached = readCache(place);
  const compiled = new Map<string, Script>();
  process.once("exit", (exitCode) => {
    // After a failure, what a success needs has not been compiled.
    if (exitCode === 0 && compiled.size > 0) keep(place, cached, compiled);
  });
  load(bundle, entry, { cached, compiled });
}

interface Loading {
  readonly cached: Cached;
  /** What the cache did not have. */
  readonly compiled: Map<string, Script>;
}

/** As `require` does it for files of one directory which name each other as `./name.js`. */
function load({ directory, require }: Bundle, entry: string, { cached, compiled }: Loading): void {
  const modules = new Map<string, { exports: Exports }>();
  const requireFrom = (id: string): unknown => {
    if (id.startsWith("./")) return run(id.slice(2));
    return LATE.has(id) ? late(require, id) : require(id);
  };
  const run = (name: string): Exports => {
    const known = modules.get(name);
    if (known !== undefined) return known.exports;
    const module = { exports: {} };
    modules.set(name, module);
    const filename = join(directory, name);
    const text = readFileSync(filename, "utf8");
    const cachedData = cached.get(name);
    const source = `(function (exports, require, module, __filename, __dirname) { ${text}\n})`;
    const script = new Script(source, {
      filename,
      ...(cachedData && { cachedData }),
    });
    if (cachedData === undefined || script.cachedDataRejected === true) compiled.set(name, script);
    const wrapper = script.runInThisContext() as Wrapper;
    wrapper(module.exports, requireFrom, module, filename, directory);
    return module.exports;
  };
  run(entry);
}

/** A module of which the members are asked for where they are used, as in a bundle. */
function late(require: Require, id: string): unknown {
  let found: Exports | undefined;
  return new Proxy({}, { get: (_, name) => (found ??= require(id) as Exports)[name] });
}

/** Nothing where it is absent, or where others could have written it: it is run as it is. */
function readCache(place: Place): Cached {
  try {
    return isPrivate(place) ? unpack(readFileSync(place.file)) : new Map();
  } catch {
    return new Map();
  }
}

/** The length of the index, the index (names and lengths, as JSON), and the code of each file. */
function unpack(bytes: Buffer): Cached {
  let at = 4 + bytes.readUInt32LE(0);
  const index = JSON.parse(bytes.toString("utf8", 4, at)) as [string, number][];
  return new Map(index.map(([name, length]) => [name, bytes.subarray(at, (at += length))]));
}

function pack(cached: Cached): Buffer {
  const lengths = Array.from(cached, ([name, { length }]) => [name, length]);
  const index = Buffer.from(JSON.stringify(lengths));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(index.length);
  return Buffer.concat([length, index, ...cached.values()]);
}

/** A full disk, a home that is read-only, another who does the same: the command has succeeded. */
function keep(place: Place, cached: Cached, compiled: ReadonlyMap<string, Script>): void {
  try {
    if (!makePlace(place)) return;
    const all = new Map(cached);
    for (const [name, script] of compiled) all.set(name, script.createCachedData());
    writeDurably(place.file, pack(all));
  } catch {
    // The next start compiles again.
  }
}

/** V8 does not look whether all of it is there: after a power cut it must be, or not have a name. */
function writeDurably(path: string, bytes: Buffer): void {
  const draft = `${path}.draft-${process.pid}`;
  const fd = openSync(draft, "wx", 0o600);
  try {
    if (writeSync(fd, bytes) !== bytes.length) throw new Error("the disk is full");
    fsyncSync(fd);
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
}
