/** The text of a file that somebody else may have put there. */
import { constants, open } from "node:fs/promises";

/**
 * Rejects as `readFile` does, and with `EINVAL` for what is no regular file: a pipe would be waited
 * for as long as nobody writes to it.
 */
export async function readText(path: string): Promise<string> {
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const status = await file.stat();
  if (!status.isFile() && !status.isDirectory()) {
    throw Object.assign(new Error(`not a regular file: ${path}`), { code: "EINVAL" });
  }
  return await file.readFile("utf8");
}
