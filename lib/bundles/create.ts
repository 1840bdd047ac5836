/** A container made of a bundle, up to the moment in which its process waits to be started. */
import { MarmitaError } from "../errors.ts";
import type { CreateBundleContainerOptions } from "./options.ts";
import type { ContainerState } from "./state.ts";

/** A directory with a config.json; or what has such a one. */
export type BundleSource = string | { readonly directory: string };

export async function createContainer(
  _id: string,
  _bundle: BundleSource,
  _options: CreateBundleContainerOptions = {},
): Promise<ContainerState> {
  throw new MarmitaError("UNSUPPORTED", "create is not there yet");
}
