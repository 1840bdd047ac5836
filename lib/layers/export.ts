/** All that a container sees of its root becomes a tar on a descriptor. */
import { MarmitaError } from "../errors.ts";
import { type UserNamespace, runVerb } from "../native/helper.ts";
import { storeError } from "../store/store-error.ts";
import { JsonReader } from "../util/json.ts";
import type { UpperDirectory } from "./diff.ts";
import { layerWords } from "./pack.ts";
import { tooLong } from "./too-long.ts";

export interface ExportOptions {
  readonly layer: {
    /** One, at the root. */
    readonly uppers: readonly UpperDirectory[];
    /** Who wrote it. */
    readonly driver: "overlay" | "fuse-overlayfs";
  };
  /** Where the tar goes, from where that stands. It stays the caller's. */
  readonly fd: number;
  readonly signal?: AbortSignal | undefined;
}

const HINTS = {
  ENOTSUP: "Delete that attribute, or give it another name.",
  EMSGSIZE: "Delete some of the extended attributes of that file.",
  ENOSPC: "There is no room left where the tar is written to.",
  EDQUOT: "The disk quota is used up where the tar is written to.",
};

/**
 * Nothing is mounted for it: a container may run or not. What is mounted in it is left out, and so
 * are mount points that were made for it. The same files are the same bytes. After a failure a part
 * of the tar has been written. Throws `UNSUPPORTED` for a root of several parts (image `host`).
 */
export async function exportTree(
  namespace: UserNamespace,
  { layer, fd, signal }: ExportOptions,
): Promise<{ size: number; entries: number }> {
  const { uppers, driver } = layer;
  const [upper] = uppers;
  if (upper === undefined || uppers.length > 1 || upper.at !== "/") {
    throw new MarmitaError("UNSUPPORTED", "a root file system of several parts has no export");
  }
  try {
    const form = driver === "fuse-overlayfs" ? "fuse" : "kernel";
    const args = [form, upper.directory, ...(await layerWords(upper))];
    const event = await runVerb("export", { args, stdout: fd, namespace, signal });
    if (event.event !== "exported") {
      throw new MarmitaError("UNAVAILABLE", "marmita-init export ended early", { step: "export" });
    }
    const fields = new JsonReader(event, "event of the helper");
    return { size: fields.size("size"), entries: fields.size("entries") };
  } catch (error) {
    throw tooLong(error, "export") ?? storeError(error, "export", HINTS);
  }
}
