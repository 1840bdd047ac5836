/** Layer work as root of the mapped user namespace: the one door to files that mapped ids own. */
import { open } from "node:fs/promises";

import { type ErrorCode, MarmitaError } from "../errors.ts";
import { type HelperEvent, HelperFailure, type UserNamespace, runVerb } from "../native/helper.ts";
import { type Digest, parseDigest } from "../oci/digest.ts";
import { storeError } from "../store/store-error.ts";
import { JsonReader } from "../util/json.ts";
import { isThere } from "../util/is-there.ts";

/** What `marmita-init apply` saw of a blob, and did with it. */
export interface AppliedLayer {
  /** Of the blob as it is; absent for one that grew: whoever downloads it checks that. */
  readonly digest: Digest | undefined;
  readonly size: number;
  /** Of the tar in it. */
  readonly diffId: Digest;
  readonly diffSize: number;
  readonly entries: number;
  /** Device nodes, which are left out. */
  readonly devices: number;
  /** Entries whose owner has no id in the namespace: they belong to root. */
  readonly unmapped: number;
  /** Extended attributes that were left out. */
  readonly xattrs: number;
}

export interface ApplyOptions {
  /** Its path; or where it is read from: one that grows to `size` has a descriptor that tells so. */
  readonly blob: string | OpenBlob;
  /** An empty directory. After a failure it holds a part of the layer. */
  readonly target: string;
  /** The directories of the layers below, nearest first. */
  readonly lowers: readonly string[];
  /** When those directories are whole; absent: they are. */
  readonly ready?: Promise<unknown> | undefined;
  /** A new file for the owners that have no id in the namespace: `uid:gid:mode:path` and a NUL. */
  readonly owners?: string;
  /** How much of the blob has been unpacked, now and then. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

interface OpenBlob {
  /** It stays the caller's. */
  readonly file: { readonly fd: number };
  readonly news?: number;
  readonly size?: number;
}

/** Throws `CORRUPT` for a blob that is no layer, `UNSUPPORTED` for one that cannot be unpacked. */
export async function applyLayer(
  namespace: UserNamespace,
  options: ApplyOptions,
): Promise<AppliedLayer> {
  const { blob } = options;
  try {
    if (typeof blob !== "string") return await apply(namespace, blob, options);
    const file = await open(blob, "r");
    try {
      return await apply(namespace, { file }, options);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw layerFault(error) ?? storeError(error, "apply");
  }
}

async function apply(
  namespace: UserNamespace,
  blob: OpenBlob,
  { target, lowers, ready, owners, onBytes, signal }: ApplyOptions,
): Promise<AppliedLayer> {
  const args = [
    ...(ready === undefined ? [] : ["--early"]),
    ...(blob.news === undefined ? [] : ["--follow", String(blob.size)]),
    ...(onBytes === undefined ? [] : ["--progress"]),
    ...(owners === undefined ? [] : ["--owners", owners]),
    target,
    ...lowers,
  ];
  const onEvent = ({ event, bytes }: HelperEvent) => {
    if (event === "progress" && typeof bytes === "number") onBytes?.(bytes);
  };
  const stdin = blob.file.fd;
  const { news } = blob;
  return appliedLayer(
    await runVerb("apply", { args, stdin, news, namespace, signal, ready, onEvent }),
  );
}

/** What cannot be made whatever machine it is on: then the layer is at fault. */
const FAULTS: Readonly<Record<string, ErrorCode>> = {
  ENOENT: "CORRUPT",
  ENOTDIR: "CORRUPT",
  EISDIR: "CORRUPT",
  ELOOP: "CORRUPT",
  ENAMETOOLONG: "UNSUPPORTED",
};

function layerFault(cause: unknown): MarmitaError | undefined {
  if (!(cause instanceof HelperFailure) || cause.step !== "apply") return undefined;
  const { message, errno } = cause;
  const code = FAULTS[errno];
  return code && new MarmitaError(code, message, { cause, step: "apply", errno });
}

function appliedLayer(event: HelperEvent): AppliedLayer {
  if (event.event !== "applied") {
    throw new MarmitaError("UNAVAILABLE", "marmita-init apply ended early", { step: "apply" });
  }
  const fields = new JsonReader(event, "event of the helper");
  const digest = fields.findText("digest");
  return {
    digest: digest === undefined ? undefined : parseDigest(digest),
    size: fields.size("size"),
    diffId: parseDigest(fields.text("diffId")),
    diffSize: fields.size("diffSize"),
    entries: fields.size("entries"),
    devices: fields.size("devices"),
    unmapped: fields.size("unmapped"),
    xattrs: fields.size("xattrs"),
  };
}

/** `rm -rf` of each path, whoever inside owns what is in it. What is not there is fine. */
export async function removeTree(
  namespace: UserNamespace,
  paths: readonly string[],
): Promise<void> {
  try {
    // Mostly nothing is there, and a process costs more than a look.
    const found = await Promise.all(paths.map((path) => isThere(path)));
    const args = paths.filter((_, at) => found[at]);
    if (args.length > 0) await runVerb("remove", { args, namespace });
  } catch (error) {
    throw storeError(error, "remove");
  }
}
