/** The text of a file that somebody else may have put there. */
import { constants, open } from "node:fs/promises";

/** Of /dev/null, which says nothing: major 1, minor 3. */
const NULL_DEVICE = 0x103;

/**
 * Rejects as `readFile` does, with `EINVAL` for what is no regular file, for a pipe would be waited
 * for as long as nobody writes to it, and with `EFBIG` for one of more than `maxBytes`.
 */
export async function readText(path: string, maxBytes = Infinity): Promise<string> {
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const status = await file.stat();
  const isNull = status.isCharacterDevice() && status.rdev === NULL_DEVICE;
  if (!status.isFile() && !status.isDirectory() && !isNull) {
    throw Object.assign(new Error(`not a regular file: ${path}`), { code: "EINVAL" });
  }
  if (status.isFile() && status.size > maxBytes) {
    throw Object.assign(new Error(`more than ${maxBytes} bytes: ${path}`), { code: "EFBIG" });
  }
  return await file.readFile("utf8");
}
