/** The names in a directory; none when it is not there. */
import { readdir } from "node:fs/promises";
import { isMissing } from "./system-error.ts";

export async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
