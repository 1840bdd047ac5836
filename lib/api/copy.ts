/** copyInto() and copyOut(): files between this machine and a container. */
import type { CopiedOut, CopyOptions, CopySource, CopyTarget } from "../engine/copy-options.ts";
import type { CopiedFiles } from "../layers/copy.ts";
import { type ApiOptions, engineOf } from "./default-engine.ts";

/** A file or directory of a container. */
export interface ContainerPath {
  /** Its name, its id, or a unique start of its id. */
  readonly container: string;
  /** In the container; relative to `/`. */
  readonly path: string;
}

/**
 * Copy a file or a directory of this machine to a path in a container, or unpack a tar into a
 * directory there; running or not. The rules are those of `docker cp`, and of
 * `Container.copyInto()`. Throws `NOT_FOUND`, `INVALID_ARGUMENT`, `CONFLICT`.
 */
export async function copyInto(
  { container, path }: ContainerPath,
  source: CopySource,
  options: CopyOptions & ApiOptions = {},
): Promise<CopiedFiles> {
  const { engine, root, ...rest } = options;
  const { containers } = await engineOf({ engine, root });
  return (await containers.get(container)).copyInto(path, source, rest);
}

/** The other way, to a path of this machine, or as a tar to a stream or a descriptor. */
export async function copyOut(
  source: ContainerPath,
  target: string,
  options?: CopyOptions & ApiOptions,
): Promise<CopiedFiles>;
export async function copyOut(
  source: ContainerPath,
  target: CopyTarget,
  options?: CopyOptions & ApiOptions,
): Promise<CopiedOut>;
export async function copyOut(
  { container, path }: ContainerPath,
  target: CopyTarget,
  options: CopyOptions & ApiOptions = {},
): Promise<CopiedOut> {
  const { engine, root, ...rest } = options;
  const { containers } = await engineOf({ engine, root });
  return (await containers.get(container)).copyOut(path, target, rest);
}
