/** createBundle() and openBundle(): OCI bundles, which any runtime runs. */
import { type Bundle, openBundle } from "../bundles/bundle.ts";
import type { BundleOptions } from "../engine/bundle-options.ts";
import { object, word } from "../util/check.ts";
import { type ApiOptions, engineOf } from "./default-engine.ts";

export { openBundle };

/**
 * Unpack an image into a directory of the caller's, with a config.json beside it: crun, runc and
 * `runtime.run()` run it, and it may be moved. Files belong to the ids that the config.json maps:
 * the caller's own and subordinate ones. The engine does not keep it: `Bundle.remove()` deletes it.
 * Throws `NOT_FOUND` for the image, a user it does not have or the directory around,
 * `ALREADY_EXISTS` for one that is not empty, `UNSUPPORTED` for the image `host`.
 */
export async function createBundle(
  image: string,
  options: BundleOptions & { readonly command?: readonly string[] } & ApiOptions,
): Promise<Bundle> {
  word(image, "image");
  object(options, "options");
  const { engine, root, ...rest } = options;
  const opened = await engineOf({ engine, root });
  return openBundle(await opened.createBundle({ ...rest, image }));
}
