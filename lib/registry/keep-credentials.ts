/** What a login leaves behind and a logout takes away: in a helper, or in Docker's file. */
import { closeSync } from "node:fs";
import { chmod, chown, mkdir, open, realpath, rename, rm, stat, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { MarmitaError, isMarmitaError } from "../errors.ts";
import { tryLock } from "../native/syscalls.ts";
import { throwIfAborted } from "../util/abort.ts";
import { errnoWords } from "../util/errno.ts";
import { type JsonObject, isJsonObject } from "../util/json.ts";
import { Patience } from "../util/patience.ts";
import { errnoOf, isMissing } from "../util/system-error.ts";
import { entryOf, helperFor, keysOf, readDocument, serverKey } from "./credential-files.ts";
import { type AskOptions, eraseFromHelper, storeInHelper } from "./credential-helpers.ts";
import type { Credentials, Environment } from "./credentials.ts";
import { dockerConfigPath, namedAuthFile } from "./find-credentials.ts";

export interface KeepOptions {
  /** Default: `$REGISTRY_AUTH_FILE`, else Docker's `config.json`. */
  readonly authFile?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Default: the environment of this process. */
  readonly env?: Environment | undefined;
}

export interface Login {
  /** As in image names: `docker.io`. */
  readonly domain: string;
  readonly username: string;
  readonly credentials: Credentials;
}

export interface KeptLogin {
  /** The file that has it, or names the helper. */
  readonly path: string;
  /** The program that keeps the password; without one it stands in the file for all to read it. */
  readonly helper?: string;
  /** Whether anything has changed. */
  readonly isNew: boolean;
}

/**
 * Keep the credentials of one registry, in the place of those it had. What else is in the file
 * stays, and is there at any time. Throws `CORRUPT` for a file that is none, `UNAVAILABLE`.
 */
export async function keepCredentials(login: Login, options: KeepOptions = {}): Promise<KeptLogin> {
  const { domain, username, credentials } = login;
  const ask = askOptions(options);
  return changeFile(options, async (content, path) => {
    const helper = helperFor(content, domain);
    const key = serverKey(domain);
    if (helper !== undefined) await storeInHelper(helper, { server: key, credentials }, ask);
    // As Docker has it: who is logged in stands in the file, with what only where there is no helper.
    const entry = helper === undefined ? entryOf(username, credentials) : {};
    const others = withoutKeys(content["auths"], keysOf(content, domain));
    const changed = { ...content, auths: { ...others, [key]: entry } };
    const isNew = JSON.stringify(changed) !== JSON.stringify(content);
    const kept = { path, isNew, ...(helper !== undefined && { helper }) };
    return { changed, result: kept };
  });
}

/** Whether there was something to take away. Throws as `keepCredentials`. */
export async function dropCredentials(domain: string, options: KeepOptions = {}): Promise<boolean> {
  const path = pathOf(options);
  if ((await readDocument({ name: path, path, isRequired: false })) === undefined) return false;
  const ask = askOptions(options);
  return changeFile(options, async (content) => {
    const helper = helperFor(content, domain);
    if (helper !== undefined) await eraseFromHelper(helper, serverKey(domain), ask);
    const keys = keysOf(content, domain);
    if (keys.length === 0) return { result: false };
    return {
      changed: { ...content, auths: withoutKeys(content["auths"], keys) },
      result: true,
    };
  });
}

interface Change<T> {
  /** Absent when nothing is. */
  readonly changed?: JsonObject;
  readonly result: T;
}

/** One at a time: two logins at once both count. */
async function changeFile<T>(
  options: KeepOptions,
  change: (content: JsonObject, path: string) => Promise<Change<T>>,
): Promise<T> {
  const named = pathOf(options);
  try {
    await makeDirectory(dirname(named));
    const path = await realPath(named);
    using _held = await lockFile(path, options.signal);
    try {
      const document = await readDocument({ name: named, path, isRequired: false });
      const { changed, result } = await change(document?.content ?? {}, named);
      // As Docker indents it.
      if (changed !== undefined) await replace(path, JSON.stringify(changed, undefined, "\t"));
      return result;
    } finally {
      await removeEmpty(path);
    }
  } catch (error) {
    throw writeError(error, named);
  }
}

async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    // That it exists, Node says when it is a file.
    if (errnoOf(error) !== "EEXIST") throw error;
    throw Object.assign(new Error("not a directory", { cause: error }), { code: "ENOTDIR" });
  }
}

/** The file itself is what is locked: whoever waits for it opens the one that replaced it. */
async function lockFile(path: string, signal: AbortSignal | undefined): Promise<Disposable> {
  const patience = new Patience();
  for (;;) {
    throwIfAborted(signal);
    const fd = tryLock(path, "exclusive");
    if (fd !== undefined) return { [Symbol.dispose]: () => closeSync(fd) };
    await patience.wait(signal);
  }
}

/** Made by the lock, and then not written. */
async function removeEmpty(path: string): Promise<void> {
  try {
    if ((await stat(path)).size === 0) await unlink(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

async function replace(path: string, text: string): Promise<void> {
  const { uid, gid } = await stat(path);
  // One name, for whoever holds the lock: what a killed login left goes with the next.
  const draft = `${path}.marmita-draft`;
  try {
    await rm(draft, { force: true });
    const file = await open(draft, "wx", 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    // Of root for somebody else: it stays theirs.
    if (uid !== process.geteuid?.() && process.geteuid?.() === 0) await chown(draft, uid, gid);
    await chmod(draft, 0o600);
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

/** A link to it stays one. */
async function realPath(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (isMissing(error)) return path;
    throw error;
  }
}

function withoutKeys(auths: unknown, keys: readonly string[]): JsonObject {
  if (!isJsonObject(auths)) return {};
  return Object.fromEntries(Object.entries(auths).filter(([key]) => !keys.includes(key)));
}

function pathOf({ authFile, env = process.env }: KeepOptions): string {
  return namedAuthFile(env, authFile) ?? dockerConfigPath(env);
}

function askOptions({ env = process.env, signal }: KeepOptions): AskOptions {
  return { env, signal };
}

function writeError(error: unknown, path: string): unknown {
  const errno = errnoOf(error);
  if (isMarmitaError(error) || errno === undefined) return error;
  return new MarmitaError(
    "UNAVAILABLE",
    `cannot keep credentials in ${path}: ${errnoWords(errno)}`,
    {
      cause: error,
      errno,
      hint: "Name another file with --authfile or REGISTRY_AUTH_FILE, or another directory with DOCKER_CONFIG.",
      details: { path },
    },
  );
}
