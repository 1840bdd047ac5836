/** What waits to be started is. */
import { MarmitaError } from "../errors.ts";
import type { StartBundleOptions } from "./options.ts";

export async function startContainer(
  _id: string,
  _options: StartBundleOptions = {},
): Promise<void> {
  throw new MarmitaError("UNSUPPORTED", "start is not there yet");
}
