/** What a container's root file system comes from: an image's layers, or this machine itself. */
import { statSync } from "node:fs";
import type { Rootfs } from "../runtime/compile-context.ts";
import { hostDefaults, makeHostDirectories, readHostRoot } from "../runtime/host-root.ts";
import type { ImageDefaults, SpecInput } from "../runtime/spec-input.ts";
import type { StorageDriver } from "../runtime/storage-driver.ts";
import type { ImageLayer } from "../images/image.ts";
import { platformOf } from "../oci/image-config.ts";
import { hostPlatform, parsePlatformText } from "../oci/platform.ts";
import { checkPlatform } from "../images/choose-platform.ts";
import type { EngineContext } from "./context.ts";
import type { RecordedImage } from "./records.ts";

export interface RootSource {
  readonly image: RecordedImage;
  readonly defaults: ImageDefaults;
  readonly driver: StorageDriver["name"];
  /** The path of fuse-overlayfs, where that is the driver. */
  readonly fuse?: string | undefined;
  /** The caller's own ids, where these stay what they are. */
  readonly keep?: SpecInput["keep"];
  /** To be laid out once it is known where the container will be. */
  layOut(place: RootPlace): Promise<RootLayout>;
}

export interface RootPlace {
  readonly id: string;
  readonly bundle: string;
}

export interface RootLayout {
  readonly rootfs: Rootfs;
  /** In the bundle. */
  readonly directories: readonly { readonly name: string; readonly mode: number }[];
  /** Outside of it: deleted with the container. */
  readonly trees: readonly string[];
  /** What lies below what it writes, beside the image: the nearest first. */
  readonly snapshots?: readonly string[];
  /** What differs from what one would expect, a sentence each. */
  readonly notes: readonly string[];
  /** Makes further directories, and fills them, when the bundle is there as a draft. */
  readonly prepare?: (draft: string) => Promise<void>;
}

export interface ImageRequest {
  /** Or its id. */
  readonly name: string;
  /** `linux/arm64`: what it must be for. */
  readonly platform?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Throws `UNSUPPORTED` for a platform that this machine is not. */
export function checkHostPlatform(platform: string | undefined): void {
  if (platform === undefined) return;
  checkPlatform(hostPlatform(), parsePlatformText(platform), "image host");
}

/** The named image, its layers unpacked. The caller holds the lock that keeps them there. */
export async function imageRoot(
  context: EngineContext,
  { name, platform, signal }: ImageRequest,
): Promise<RootSource> {
  const image = await context.library.get(name);
  if (platform !== undefined) {
    checkPlatform(platformOf(image.config), parsePlatformText(platform), `image ${name}`);
  }
  await ensureLayers(context, image.layers, signal);
  const driver = await context.driver();
  const lowers = image.layers.map(({ chainId }) => context.layers.directory(chainId)).reverse();
  const rootfs: Rootfs =
    driver.name === "overlay"
      ? { kind: driver.name, lowers }
      : { kind: driver.name, lowers, program: driver.program };
  return {
    image: { name, id: image.id, layers: image.layers.map(({ chainId }) => chainId) },
    defaults: image.config.config,
    driver: driver.name,
    fuse: driver.name === "fuse-overlayfs" ? driver.program : undefined,
    async layOut() {
      return { rootfs, directories: [upperOver(lowers), work], trees: [], notes: [] };
    },
  };
}

/** Its mode is that of the container's root directory: what the image's topmost layer says. */
export function upperOver([top]: readonly string[]): {
  readonly name: string;
  readonly mode: number;
} {
  const mode = top === undefined ? 0o755 : statSync(top).mode & 0o7777;
  return { name: "upper", mode };
}

const work = { name: "work", mode: 0o755 };

/** Unpack what is not there. The caller holds the lock that keeps it there. */
export async function ensureLayers(
  context: EngineContext,
  layers: readonly ImageLayer[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const sources = layers.map(({ chainId, diffId, descriptor }) => {
    return { chainId, diffId, blob: descriptor };
  });
  await context.layers.ensureAll(sources, signal === undefined ? {} : { signal });
}

/** This machine's own root file system; what is written to it stays in the container. */
export async function hostRoot(context: EngineContext): Promise<RootSource> {
  const driver = await context.driver();
  return {
    image: { name: "host", layers: [] },
    defaults: hostDefaults(),
    driver: driver.name,
    fuse: driver.name === "fuse-overlayfs" ? driver.program : undefined,
    keep: { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 },
    async layOut({ id, bundle }) {
      const root = await readHostRoot({ id, bundle, dataRoot: context.paths.root, driver });
      return {
        rootfs: { kind: "host", operations: root.operations },
        directories: [],
        trees: root.extraPaths,
        notes: root.notes,
        prepare: (draft) => makeHostDirectories(root, { bundle, draft }),
      };
    },
  };
}
