/** One more process in a container that was made of a bundle. */
import { MarmitaError } from "../errors.ts";
import type { BundleExit, ExecBundleOptions, ExecProcessRequest } from "./options.ts";
import { findContainer } from "./state.ts";

export async function execInContainer(
  id: string,
  _request: ExecProcessRequest,
  options: ExecBundleOptions = {},
): Promise<BundleExit> {
  findContainer(id, options);
  throw new MarmitaError("UNSUPPORTED", "exec is not there yet");
}
