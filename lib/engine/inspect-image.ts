/** Images as `docker image inspect` prints them. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { Image } from "../images/image.ts";
import { parentOf } from "../images/parent.ts";
import type { ContainerDefaults } from "../oci/image-config.ts";
import type { EngineContext } from "./context.ts";

/** How Docker's Go writes that something has not happened, or nobody knows when. */
export const NEVER = "0001-01-01T00:00:00Z";

export type ImageInspection = Awaited<ReturnType<typeof inspectImage>>;

export async function inspectImage(context: EngineContext, image: Image) {
  const { id, names, repoDigests, digest, manifest, config, size, created } = image;
  const others = (await context.library.listStored()).map(({ content }) => content);
  const { size: manifestSize } = await stat(context.paths.blob(digest));
  return {
    Id: id,
    RepoTags: names,
    RepoDigests: repoDigests,
    Parent: parentOf(image, others)?.id ?? "",
    Comment: config.history.at(-1)?.comment ?? "",
    Created: created ?? NEVER,
    DockerVersion: "",
    Author: config.author ?? "",
    Architecture: config.architecture,
    ...(config.variant === undefined ? {} : { Variant: config.variant }),
    Os: config.os,
    ...(config["os.version"] === undefined ? {} : { OsVersion: config["os.version"] }),
    Size: size,
    VirtualSize: size,
    GraphDriver: { Name: "overlay", Data: await directoriesJson(context, image) },
    RootFS: { Type: "layers", Layers: config.rootfs.diff_ids },
    Metadata: { LastTagTime: NEVER },
    Descriptor: { mediaType: manifest.mediaType, digest, size: manifestSize },
    Config: defaultsJson(config.config),
  };
}

/** Where its layers are, the nearest first; `null` while one of them is not unpacked. */
async function directoriesJson({ paths, layers }: EngineContext, image: Image) {
  const chain = image.layers.map(({ chainId }) => chainId);
  const found = await layers.list((chainId) => chain.includes(chainId));
  const directories = chain.toReversed().flatMap((chainId) => {
    const one = found.find((each) => each.chainId === chainId && each.record !== undefined);
    return one === undefined ? [] : [join(paths.layers, one.name, "diff")];
  });
  if (directories.length < chain.length) return null;
  const [UpperDir = "", ...lowers] = directories;
  return { ...(lowers.length > 0 && { LowerDir: lowers.join(":") }), UpperDir };
}

/** Docker prints the main fields also where an image does not have them. */
function defaultsJson(defaults: ContainerDefaults) {
  const { User = "", Env = null, Cmd = null, WorkingDir = "", Entrypoint = null } = defaults;
  const { Volumes = null, OnBuild = null, Labels = null } = defaults;
  return { ...defaults, User, Env, Cmd, Volumes, WorkingDir, Entrypoint, OnBuild, Labels };
}
