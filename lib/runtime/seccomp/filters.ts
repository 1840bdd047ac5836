/** Compiled filters in a data root, or a state root: made once for each set of rules, read by every start. */
import { type Stats, closeSync, openSync, statSync } from "node:fs";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { debuglog } from "node:util";
import { crc32 } from "node:zlib";
import { type HelperEvent, runVerb } from "../../native/helper.ts";
import { draftPath, removeDrafts, syncDirectory } from "../../store/atomic.ts";
import { lock } from "../../store/lock.ts";
import type { Paths } from "../../store/paths.ts";
import { storeError } from "../../store/store-error.ts";
import { makeDirectories } from "../../util/make-directories.ts";
import { isMissing } from "../../util/system-error.ts";
import type { SeccompRules } from "./rules.ts";

/** native/core/seccomp.h: magic, version, checksum of what follows, flags, count. */
const MAGIC = "MSCF";
const VERSION = 1;
const CHECKSUM_AT = 8;
const COUNT_AT = 16;
const HEADER_BYTES = 20;
const INSTRUCTION_BYTES = 8;

/** By path, the files this process has looked into: a stat tells whether they are still the same. */
const verified = new Map<string, string>();

/** Where they are, and their lock. */
export type FilterPlace = Pick<Paths, "seccomp" | "lock">;

/**
 * The path of the filter for these rules, compiled when it is not there or not whole. Two may do so
 * at once. Rejects with `UNSUPPORTED` for rules that the kernel cannot take.
 */
export async function ensureFilter(paths: FilterPlace, rules: SeccompRules): Promise<string> {
  const path = join(paths.seccomp, rules.name);
  if (isVerified(path) || (await verify(path))) return path;
  try {
    await make(paths, path, rules.text);
    await verify(path);
    return path;
  } catch (error) {
    throw storeError(error, "compile the seccomp filter", {
      E2BIG: "Leave rules out of the profile, or architectures.",
    });
  }
}

/** What the helper could not read was whole when this process looked: the next start looks again. */
export function distrustFilters(): void {
  verified.clear();
}

function isVerified(path: string): boolean {
  const known = verified.get(path);
  if (known === undefined) return false;
  const status = statSync(path, { throwIfNoEntry: false });
  return status !== undefined && identity(status) === known;
}

function identity({ ino, size, mtimeMs, ctimeMs }: Stats): string {
  return `${ino} ${size} ${mtimeMs} ${ctimeMs}`;
}

async function verify(path: string): Promise<boolean> {
  const status = statSync(path, { throwIfNoEntry: false });
  if (status === undefined) return false;
  try {
    if (!isWhole(await readFile(path))) return false;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
  verified.set(path, identity(status));
  return true;
}

/** A disk that lost what it was given, a hand that meddled: the container would not start. */
export function isWhole(file: Buffer): boolean {
  if (file.length < HEADER_BYTES || file.toString("latin1", 0, MAGIC.length) !== MAGIC)
    return false;
  const count = file.readUInt32LE(COUNT_AT);
  return (
    file.readUInt32LE(MAGIC.length) === VERSION &&
    file.length === HEADER_BYTES + INSTRUCTION_BYTES * count &&
    file.readUInt32LE(CHECKSUM_AT) === crc32(file.subarray(CHECKSUM_AT + 4))
  );
}

async function make(paths: FilterPlace, path: string, rules: string): Promise<void> {
  await using held = await lock(paths.lock("seccomp"), { mode: "exclusive" });
  void held;
  if (await verify(path)) return; // somebody else did while we waited
  await makeDirectories(paths.seccomp, 0o700); // a state root has none before its first filter
  await removeDrafts(paths.seccomp);
  const source = draftPath(paths.seccomp);
  const draft = draftPath(paths.seccomp);
  try {
    await compile(rules, { source, draft });
    await rename(draft, path);
    await syncDirectory(paths.seccomp);
  } finally {
    await rm(source, { force: true });
    await rm(draft, { force: true });
  }
}

async function compile(
  rules: string,
  { source, draft }: { readonly source: string; readonly draft: string },
): Promise<void> {
  await writeFile(source, rules, { flag: "wx", mode: 0o600 });
  const stdin = openSync(source, "r");
  try {
    await runVerb("seccomp", { args: [draft], stdin, onEvent: tellUnknown });
  } finally {
    closeSync(stdin);
  }
}

const debug = debuglog("marmita:seccomp");

/** Names of newer kernels, or of other architectures: without a number there is no rule. */
function tellUnknown({ event, name }: HelperEvent): void {
  if (event === "unknown") debug("no rule for the unknown system call %s", name);
}
