/** An image becomes an OCI bundle: a directory with its files and a config.json, ours no more. */
import { mkdir, readdir, rename, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { MarmitaError } from "../errors.ts";
import type { Image } from "../images/image.ts";
import { flattenLayers } from "../layers/flatten.ts";
import { removeTree } from "../layers/inside.ts";
import { syncFilesystem } from "../native/syscalls.ts";
import { checkPlatform } from "../images/choose-platform.ts";
import { platformOf } from "../oci/image-config.ts";
import { parsePlatformText } from "../oci/platform.ts";
import { formatConfigJson } from "../runtime/config-json.ts";
import type { MappedNamespace } from "../runtime/namespace.ts";
import type { MountRequest } from "../runtime/mounts.ts";
import { draftPath, syncDirectory } from "../store/atomic.ts";
import { lock } from "../store/lock.ts";
import { throwIfAborted } from "../util/abort.ts";
import { errnoOf, isMissing } from "../util/system-error.ts";
import { bindSource } from "./bind-sources.ts";
import type { CreateBundleOptions } from "./bundle-options.ts";
import { bundleSpec } from "./bundle-spec.ts";
import type { EngineContext } from "./context.ts";
import { findDevices } from "./devices.ts";
import { ensureLayers } from "./roots.ts";
import { withImage } from "./with-image.ts";

/**
 * The bundle's directory, absolute; it is there whole or not at all. Killed half-way it leaves a
 * `.draft-…` beside it. The options are checked. Throws `NOT_FOUND` for the image, its user or the
 * directory around, `ALREADY_EXISTS` for a directory that is not empty.
 */
export async function createBundle(
  context: EngineContext,
  options: CreateBundleOptions,
): Promise<string> {
  const { signal, image } = options;
  throwIfAborted(signal);
  if (image === "host") {
    throw new MarmitaError("UNSUPPORTED", "the image host has no files that could be unpacked", {
      details: { image },
    });
  }
  const directory = resolve(options.directory);
  await checkFree(directory);
  const devices = await findDevices(options.devices ?? []);
  const mounts = [...devices.requests, ...(await mountRequests(options))];
  return withImage(context, options, async (name) => {
    await using _held = await lock(context.paths.lock("images"), { mode: "shared", signal });
    const found = await findImage(context, name, options);
    await ensureLayers(context, found.layers, signal);
    await make(context, { options, image: found, mounts, directory });
    return directory;
  });
}

/** Throws `ALREADY_EXISTS`, and `NOT_FOUND` where nothing can be made. */
async function checkFree(directory: string): Promise<void> {
  const names = await readdir(directory).catch((error: unknown) => {
    if (isMissing(error)) return [];
    if (errnoOf(error) === "ENOTDIR") return ["."];
    throw error;
  });
  if (names.length > 0) throw notFree(directory);
}

function notFree(directory: string): MarmitaError {
  return new MarmitaError("ALREADY_EXISTS", `there is something at ${directory}`, {
    hint: "A bundle is made in a directory that is empty or not there yet.",
    details: { directory },
  });
}

async function mountRequests({
  mounts = [],
}: CreateBundleOptions): Promise<readonly MountRequest[]> {
  return Promise.all(
    mounts.map(async (mount): Promise<MountRequest> => {
      if (mount.type === "tmpfs") return mount;
      const { path, isFile } = await bindSource(mount);
      return { ...mount, source: path, isFile };
    }),
  );
}

async function findImage(
  { library }: EngineContext,
  name: string,
  { platform }: CreateBundleOptions,
): Promise<Image> {
  const image = await library.get(name);
  if (platform !== undefined) {
    checkPlatform(platformOf(image.config), parsePlatformText(platform), `image ${name}`);
  }
  return image;
}

interface MakeRequest {
  readonly options: CreateBundleOptions;
  readonly image: Image;
  readonly mounts: readonly MountRequest[];
  readonly directory: string;
}

async function make(context: EngineContext, request: MakeRequest): Promise<void> {
  const { directory } = request;
  const mapped = await context.mapped();
  const draft = draftPath(dirname(directory));
  await mkdir(draft, { mode: 0o700 }).catch((error: unknown) => {
    throw isMissing(error) ? noParent(directory, error) : error;
  });
  try {
    await fill(context, mapped, { ...request, draft });
    await syncFilesystem(draft);
    throwIfAborted(request.options.signal);
    await rename(draft, directory);
  } catch (error) {
    await removeTree(mapped.namespace, [draft]);
    const isTaken = ["ENOTEMPTY", "EEXIST", "ENOTDIR"].includes(errnoOf(error) ?? "");
    throw isTaken ? notFree(directory) : error;
  }
  await syncDirectory(dirname(directory));
}

function noParent(directory: string, cause: unknown): MarmitaError {
  const parent = dirname(directory);
  const message = `no such directory to make a bundle in: ${parent}`;
  return new MarmitaError("NOT_FOUND", message, { cause, details: { directory: parent } });
}

async function fill(
  context: EngineContext,
  { namespace, mapping }: MappedNamespace,
  { options, image, mounts, draft }: MakeRequest & { readonly draft: string },
): Promise<void> {
  const { signal } = options;
  const rootfs = join(draft, "rootfs");
  await mkdir(rootfs, { mode: 0o755 });
  const layers = image.layers.map(({ chainId }) => context.layers.directory(chainId)).reverse();
  if (layers.length > 0) await flattenLayers(namespace, { layers, target: rootfs, signal });
  const { spec, files } = await bundleSpec({ options, image, mapping, mounts, rootfs });
  const texts = [
    ["hosts", files.hosts],
    ["hostname", files.hostname],
    ["resolv.conf", files.resolvConf],
    ["config.json", `${formatConfigJson(spec)}\n`],
  ] as const;
  for (const [name, text] of texts) await writeFile(join(draft, name), text, { mode: 0o644 });
}
