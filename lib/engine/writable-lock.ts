/** What a container wrote stays where it is: shared by whoever reads it there, alone to move it. */
import { closeSync } from "node:fs";
import { join } from "node:path";
import { tryLock } from "../native/syscalls.ts";
import type { Paths } from "../store/paths.ts";
import { throwIfAborted } from "../util/abort.ts";
import { Patience } from "../util/patience.ts";
import { isMissing } from "../util/system-error.ts";
import { noSuchContainer } from "./find.ts";
import type { ContainerRecord } from "./records.ts";

export interface WritableLockOptions {
  readonly mode: "shared" | "exclusive";
  readonly signal?: AbortSignal | undefined;
}

/** On a file of its bundle that never changes. Throws `NOT_FOUND` for a container that is gone. */
export async function lockWritable(
  paths: Paths,
  { id, name }: Pick<ContainerRecord, "id" | "name">,
  { mode, signal }: WritableLockOptions,
): Promise<Disposable> {
  const path = join(paths.container(id), "config.json");
  const patience = new Patience();
  for (;;) {
    throwIfAborted(signal);
    try {
      const fd = tryLock(path, mode, { create: false });
      if (fd !== undefined) return { [Symbol.dispose]: () => closeSync(fd) };
    } catch (error) {
      if (isMissing(error)) throw noSuchContainer(name);
      throw error;
    }
    await patience.wait(signal);
  }
}
