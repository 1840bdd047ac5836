/** Images as mounts: their layers put together at directories of the container's bundle. */
import { join } from "node:path";
import { MarmitaError } from "../errors.ts";
import type { ImageContext } from "../runtime/compile-context.ts";
import type { BindRequest } from "../runtime/mounts.ts";
import type { EngineContext } from "./context.ts";
import type { ImageMount, RecordedImageMount } from "./mounts.ts";
import { ensureLayers, upperOver } from "./roots.ts";

export interface PreparedImage {
  readonly request: BindRequest;
  readonly recorded: RecordedImageMount;
  readonly image: ImageContext;
  /** In the bundle. */
  readonly directories: readonly { readonly name: string; readonly mode: number }[];
}

export interface ImageMountPlace {
  readonly bundle: string;
  /** Which of the container's mounts it is. */
  readonly index: number;
}

/** The caller holds the lock that keeps images where they are. Throws `NOT_FOUND`. */
export async function prepareImage(
  context: EngineContext,
  mount: ImageMount,
  { bundle, index }: ImageMountPlace,
): Promise<PreparedImage> {
  const { source, target, readOnly = true, noexec, nosuid, nodev } = mount;
  if (source === "host") {
    throw new MarmitaError("UNSUPPORTED", "the image host cannot be mounted", {
      hint: "Mount a directory of this machine instead: type bind.",
      details: { image: source },
    });
  }
  const found = await context.library.get(source);
  await ensureLayers(context, found.layers, undefined);
  const lowers = found.layers.map(({ chainId }) => context.layers.directory(chainId)).reverse();
  const name = `mount-${index}`;
  const directory = join(bundle, name);
  const { mode } = upperOver(lowers);
  const written = readOnly
    ? []
    : [
        { name: `${name}/upper`, mode },
        { name: `${name}/work`, mode: 0o755 },
      ];
  const merged = join(directory, "merged");
  return {
    request: {
      type: "bind",
      source: join(merged, mount.subpath ?? ""),
      target,
      readOnly,
      noexec,
      nosuid,
      nodev,
    },
    recorded: { ...mount, id: found.id },
    image: {
      merged,
      lowers,
      empty: join(directory, "empty"),
      ...(readOnly ? {} : { upper: join(directory, "upper"), work: join(directory, "work") }),
    },
    directories: [
      { name, mode: 0o755 },
      { name: `${name}/merged`, mode: 0o755 },
      { name: `${name}/empty`, mode: 0o755 },
      ...written,
    ],
  };
}
