/** A file that has a process's number, for whoever watches it: whole as soon as it is there. */
import { dirname } from "node:path";
import { MarmitaError } from "../errors.ts";
import { writeAtomic } from "../store/atomic.ts";
import { errnoWords } from "../util/errno.ts";
import { errnoOf } from "../util/system-error.ts";

/** Without a line end, as runc and crun write it. Throws `UNAVAILABLE`. */
export async function writePidFile(path: string, pid: number): Promise<void> {
  try {
    await writeAtomic(path, String(pid), { durable: false });
  } catch (cause) {
    const errno = errnoOf(cause);
    const why = errnoWords(errno ?? "EIO");
    throw new MarmitaError("UNAVAILABLE", `cannot write the pid file ${path}: ${why}`, {
      errno,
      cause,
      details: { path, directory: dirname(path) },
    });
  }
}
