/** An OCI bundle: a directory with a config.json, and the root file system that it names. */
import { realpath, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { MarmitaError } from "../errors.ts";
import { removeTree } from "../layers/inside.ts";
import { parseRuntimeSpec } from "../oci/parse-runtime-spec.ts";
import type { RuntimeSpec } from "../oci/runtime-spec.ts";
import { openNamespace } from "../runtime/namespace.ts";
import { word } from "../util/check.ts";
import { errnoWords } from "../util/errno.ts";
import { errnoOf } from "../util/system-error.ts";
import { readBundle } from "./read-bundle.ts";

/** What a directory held when it was opened; nothing watches it. */
export interface Bundle {
  /** Absolute, links followed. */
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

/**
 * Look at a bundle: that of `createBundle`, or of anybody. Nothing is locked, nothing kept open.
 * Throws `NOT_FOUND` for a directory, config.json or root file system that is not there, and
 * `INVALID_ARGUMENT` or `UNSUPPORTED`, with the property in `details.field`, for a config.json that
 * is none of the runtime specification 1.x.
 */
export async function openBundle(directory: string): Promise<Bundle> {
  word(directory, "directory");
  const { directory: at, text } = await readBundle(directory);
  const spec = parseRuntimeSpec(text);
  return { directory: at, spec, rootfs: await findRootfs(at, spec), remove: () => remove(at) };
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
