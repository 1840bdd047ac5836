/** An OCI bundle: a directory with a config.json, and the root file system that it names. */
import { realpath, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { MarmitaError } from "../errors.ts";
import { removeTree } from "../layers/inside.ts";
import type { RuntimeSpec } from "../oci/runtime-spec.ts";
import { openNamespace } from "../runtime/namespace.ts";
import { errnoWords } from "../util/errno.ts";
import { JsonReader, parseJson } from "../util/json.ts";
import { readText } from "../util/read-text.ts";
import { errnoOf } from "../util/system-error.ts";

/** What a directory held when it was opened; nothing watches it. */
export interface Bundle {
  /** Absolute. */
  readonly directory: string;
  readonly spec: RuntimeSpec;
  /** Where its container's files are: absolute, links followed. */
  readonly rootfs: string;
  /**
   * Delete the directory with all that is in it, whoever of the caller's ids owns that; a root file
   * system elsewhere stays. Twice is fine. What runs of it goes on without its files.
   */
  remove(): Promise<void>;
}

/** Longer ones are refused. */
const MAX_CONFIG_BYTES = 8 * 1024 * 1024;

/**
 * Look at a bundle: that of `createBundle`, or of anybody. Nothing is locked, nothing kept open.
 * Throws `NOT_FOUND` for a directory, config.json or root file system that is not there, and
 * `INVALID_ARGUMENT` or `UNSUPPORTED`, with the property in `details.field`, for a config.json that
 * is none of the runtime specification 1.x.
 */
export async function openBundle(directory: string): Promise<Bundle> {
  const at = resolve(directory);
  const spec = parse(await readConfig(at));
  return { directory: at, spec, rootfs: await findRootfs(at, spec), remove: () => remove(at) };
}

/** The text of config.json. Throws as `openBundle`. */
export async function readConfig(directory: string): Promise<string> {
  const path = join(directory, "config.json");
  try {
    return await readText(path, MAX_CONFIG_BYTES);
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function unreadable(path: string, cause: unknown): unknown {
  const errno = errnoOf(cause);
  if (errno === undefined) return cause;
  const code = errno === "ENOENT" || errno === "ENOTDIR" ? "NOT_FOUND" : "INVALID_ARGUMENT";
  const why = errno === "EINVAL" ? "not a regular file" : errnoWords(errno);
  return new MarmitaError(code, `no bundle: ${path}: ${why}`, {
    cause,
    errno,
    hint: "A bundle is a directory with a config.json; createBundle() makes one from an image.",
    details: { path },
  });
}

function parse(text: string): RuntimeSpec {
  const json = parseJson(text, "config.json");
  const fields = new JsonReader(json, "config.json");
  fields.text("ociVersion");
  fields.findObject("root", (value, what) => new JsonReader(value, what).text("path"));
  return json as RuntimeSpec;
}

/** Relative to the bundle, or absolute (runtime-spec, config.md, "Root"). */
async function findRootfs(directory: string, { root }: RuntimeSpec): Promise<string> {
  const path = resolve(directory, root.path);
  const found = await realpath(path).catch((cause: unknown) => {
    throw noRootfs(path, cause);
  });
  if ((await stat(found)).isDirectory()) return found;
  throw noRootfs(path, undefined);
}

function noRootfs(path: string, cause: unknown): MarmitaError {
  const errno = errnoOf(cause) ?? "ENOTDIR";
  const code = errno === "ENOENT" ? "NOT_FOUND" : "INVALID_ARGUMENT";
  return new MarmitaError(code, `no root file system: ${path}: ${errnoWords(errno)}`, {
    cause,
    errno,
    details: { path, field: "root.path" },
  });
}

async function remove(directory: string): Promise<void> {
  const { namespace } = await openNamespace();
  try {
    await removeTree(namespace, [directory]);
  } finally {
    namespace.close();
  }
}
