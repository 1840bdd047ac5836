/** The text of a file that somebody else may have put there. */
import { constants, open } from "node:fs/promises";

/**
 * Rejects as `readFile` does, with `EINVAL` for what is no regular file, for a pipe would be waited
 * for as long as nobody writes to it, and with `EFBIG` for one of more than `maxBytes`.
 */
export async function readText(path: string, maxBytes = Infinity): Promise<string> {
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const status = await file.stat();
  if (!status.isFile() && !status.isDirectory()) {
    throw Object.assign(new Error(`not a regular file: ${path}`), { code: "EINVAL" });
  }
  if (status.isFile() && status.size > maxBytes) {
    throw Object.assign(new Error(`more than ${maxBytes} bytes: ${path}`), { code: "EFBIG" });
  }
  return await file.readFile("utf8");
}
