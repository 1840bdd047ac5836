/** Where the code cache is: in the user's own cache directory, or nowhere. */
import {
  type Stats,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
} from "node:fs";
import { dirname, isAbsolute, join } from "node:path";

/** Of other versions of marmita and of Node, the latest: whoever changes between them has them. */
const KEPT_OTHERS = 3;

export interface Place {
  /** The user's cache directory. */
  readonly base: string;
  /** All versions' caches. */
  readonly all: string;
  /** One for each command: each needs other functions of the same files. */
  readonly file: string;
}

/** A file of the bundle, and the words it is given. */
export interface Call {
  readonly entry: string;
  readonly args: readonly string[];
}

/** The command itself, to which the name of its file adds nothing. */
const MAIN = "main.js";

/** Global flags that take a value: what follows them is no command. */
const WITH_VALUE = new Set(["--root", "--log", "--log-format", "--cgroup-manager", "--rootless"]);

/** `undefined` where the environment names no place, or wants none. */
export function findPlace(build: string, call: Call, env: NodeJS.ProcessEnv): Place | undefined {
  const { XDG_CACHE_HOME: cache = "", HOME: home = "", NODE_DISABLE_COMPILE_CACHE } = env;
  const base = isAbsolute(cache) ? cache : isAbsolute(home) ? join(home, ".cache") : undefined;
  if (base === undefined || NODE_DISABLE_COMPILE_CACHE !== undefined) return undefined;
  const all = join(base, "marmita");
  const version = `code-${build}-${process.version}-${process.arch}`;
  return { base, all, file: join(all, version, commandIn(call)) };
}

/** Only a name for a file: a wrong guess costs time, nothing else. */
function commandIn({ entry, args }: Call): string {
  const words = args.filter((arg, at) => {
    return !WITH_VALUE.has(args[at - 1] ?? "") && !arg.startsWith("-");
  });
  const [first = "", second = ""] = words;
  const command = /^(container|image|system)$/.test(first) ? `${first}-${second}` : first;
  const name = /^[a-z]{1,12}(-[a-z]{1,12})?$/.test(command) ? command : "other";
  return entry === MAIN ? name : `${entry.replace(/\.js$/, "")}-${name}`;
}

/**
 * Whether all that is below is this user's work: V8 runs what a cache says. So root keeps nothing
 * in the home of another, which sudo may leave it with. Throws when a directory is absent.
 */
export function isPrivate({ base, all }: Place): boolean {
  return isOwn(statSync(base)) && isOwn(lstatSync(all));
}

function isOwn(found: Stats): boolean {
  const { uid, mode } = found;
  return uid === process.geteuid?.() && found.isDirectory() && (mode & 0o022) === 0;
}

/** Whether there is a private place now; what other versions left there does not pile up. */
export function makePlace(place: Place): boolean {
  const { base, all, file } = place;
  // Only in what is the user's: nobody finds directories of root in his home.
  if (!existsSync(base) && isOwn(statSync(dirname(base)))) makeDirectory(base);
  if (isOwn(statSync(base))) makeDirectory(all);
  if (!isPrivate(place)) return false;
  const version = dirname(file);
  if (makeDirectory(version)) forgetOthers(version);
  return true;
}

/** Whether it is new. Not `recursive`: that of Node never returns below /proc. */
function makeDirectory(path: string): boolean {
  if (existsSync(path)) return false;
  mkdirSync(path, 0o700);
  return true;
}

function forgetOthers(version: string): void {
  const all = dirname(version);
  const others = readdirSync(all)
    .filter((name) => name.startsWith("code-"))
    .map((name) => join(all, name))
    .filter((path) => path !== version)
    .map((path) => ({ path, time: lstatSync(path).mtimeMs }))
    .sort((one, other) => other.time - one.time);
  for (const { path } of others.slice(KEPT_OTHERS)) rmSync(path, { recursive: true, force: true });
}
