/** `--cidfile`: the id of a container in a file that must not be there before. */
import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { MarmitaError } from "../errors.ts";

export interface CidFile extends Disposable {
  write(id: string): void;
}

/** Takes the name before the container is made; gives it back when nothing was written. */
export function reserveCidFile(path: string | undefined): CidFile {
  if (path === undefined) return { write: () => {}, [Symbol.dispose]: () => {} };
  const descriptor = openNew(path);
  let written = false;
  return {
    write(id) {
      writeSync(descriptor, id);
      written = true;
    },
    [Symbol.dispose]() {
      closeSync(descriptor);
      if (!written) rmSync(path, { force: true });
    },
  };
}

function openNew(path: string): number {
  try {
    return openSync(path, "wx", 0o644);
  } catch (cause) {
    const taken = cause instanceof Error && "code" in cause && cause.code === "EEXIST";
    if (taken) {
      throw new MarmitaError("ALREADY_EXISTS", `container ID file found: ${path}`, {
        hint: "Make sure that the other container is not running, or delete the file.",
        cause,
      });
    }
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new MarmitaError("INVALID_ARGUMENT", `cannot write the container ID file: ${why}`, {
      cause,
    });
  }
}
