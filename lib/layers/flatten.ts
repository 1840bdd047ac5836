/** The layers of an image as one directory of plain files: nothing is mounted, nothing is shared. */
import { closeSync } from "node:fs";
import type { UserNamespace } from "../native/helper.ts";
import { pipe } from "../native/syscalls.ts";
import { exportTree } from "./export.ts";
import { type AppliedLayer, applyLayer } from "./inside.ts";

export interface FlattenOptions {
  /** The directories of the layers, the nearest first; one at least. */
  readonly layers: readonly string[];
  /** An empty directory. After a failure it holds a part of them. */
  readonly target: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Owners are the namespace's ids; what is a whiteout hides what lies below, and is not there.
 * Device nodes are left out. Throws `UNSUPPORTED` for a file that no tar can hold.
 */
export async function flattenLayers(
  namespace: UserNamespace,
  { layers, target, signal }: FlattenOptions,
): Promise<Pick<AppliedLayer, "entries" | "unmapped">> {
  const [directory = "", ...lowers] = layers;
  const layer = { uppers: [{ directory, at: "/", lowers, skip: [] }], driver: "overlay" } as const;
  const { read, write } = pipe();
  const reading = { blob: { file: { fd: read } }, target, lowers: [], signal };
  // Each ends when the other has: its end of the pipe is open nowhere else then.
  const [packed, applied] = await Promise.allSettled([
    exportTree(namespace, { layer, fd: write, signal }).finally(() => closeSync(write)),
    applyLayer(namespace, reading).finally(() => closeSync(read)),
  ]);
  if (packed.status === "rejected" && !isBrokenPipe(packed.reason)) throw packed.reason;
  if (applied.status === "rejected") throw applied.reason;
  if (packed.status === "rejected") throw packed.reason;
  return applied.value;
}

/** Then it is the reader who failed, and knows why. */
function isBrokenPipe(error: unknown): boolean {
  return error instanceof Error && "errno" in error && error.errno === "EPIPE";
}
