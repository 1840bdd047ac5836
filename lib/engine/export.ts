/** All files of a container as one tar: its image's, with what it changed. */
import { MarmitaError } from "../errors.ts";
import { type ByteTarget, drainInto } from "../images/drain.ts";
import { exportTree } from "../layers/export.ts";
import { lock } from "../store/lock.ts";
import type { EngineContext } from "./context.ts";
import { recordContainer } from "./events.ts";
import { noSuchContainer } from "./find.ts";
import { type ContainerRecord, findRecord } from "./records.ts";
import { writableLayer } from "./writable-layer.ts";
import { lockWritable } from "./writable-lock.ts";

export interface ExportOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface ExportedContainer {
  /** Of the tar, in bytes. */
  readonly size: number;
  readonly entries: number;
}

/** Throws `UNSUPPORTED` for a container on the image `host`, whose files are this machine's. */
export async function exportContainer(
  context: EngineContext,
  record: ContainerRecord,
  { target, signal }: ExportOptions & { readonly target: ByteTarget },
): Promise<ExportedContainer> {
  if (record.image.layers.length === 0) throw ofThisMachine(record);
  // Its image may lose its name, but not its layers.
  await using _held = await lock(context.paths.lock("images"), { mode: "shared", signal });
  using _layer = await lockWritable(context.paths, record, { mode: "shared", signal });
  const layer = await writableLayer(context, record);
  try {
    const exported = await drainInto(
      target,
      (fd) => exportTree(layer.namespace, { layer, fd, signal }),
      signal,
    );
    recordContainer(context, "export", { container: record });
    return exported;
  } catch (error) {
    // Whoever removed it meanwhile took its files first.
    if ((await findRecord(context.paths, record.id)) !== undefined) throw error;
    throw noSuchContainer(record.name);
  }
}

function ofThisMachine({ name, image }: ContainerRecord): MarmitaError {
  const message = `the files of ${name} are those of this machine (image ${image.name})`;
  return new MarmitaError("UNSUPPORTED", message, {
    hint: "Only what it changed is its own: diff lists that.",
    details: { container: name },
  });
}
