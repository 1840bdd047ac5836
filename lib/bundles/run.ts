/** A container made of a bundle, from its beginning to its end. */
import { MarmitaError } from "../errors.ts";
import type { BundleSource } from "./create.ts";
import type { BundleExit, RunBundleOptions } from "./options.ts";

export async function runContainer(
  _id: string,
  _bundle: BundleSource,
  _options: RunBundleOptions = {},
): Promise<BundleExit> {
  throw new MarmitaError("UNSUPPORTED", "run is not there yet");
}
