/** A blob of the store that stays where it is for as long as somebody reads it. */
import { link } from "node:fs/promises";
import { join } from "node:path";

import { MarmitaError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { hexOf } from "../oci/digest.ts";
import { errnoOf } from "../util/system-error.ts";
import { checkSize } from "./image.ts";
import type { ImageStore } from "./image-store.ts";

/**
 * As another name of the same file in `draft`, a directory on the file system of the store, which
 * stays when the image is removed. Throws `CORRUPT` when it is missing or of another size.
 */
export async function keepBlob(
  { blobs }: ImageStore,
  descriptor: Descriptor,
  draft: string,
): Promise<string> {
  const { digest } = descriptor;
  if (!(await blobs.has(digest))) {
    throw new MarmitaError("CORRUPT", `blob ${digest} is missing`, { details: { digest } });
  }
  checkSize(await blobs.size(digest), descriptor);
  const file = join(draft, hexOf(digest));
  try {
    await link(blobs.path(digest), file);
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw error;
  }
  return file;
}
