/** From the mounts that are asked for to those of one container: sources looked at, volumes named. */
import { existsSync } from "node:fs";
import { join, posix } from "node:path";
import { MarmitaError } from "../errors.ts";
import type {
  CompileContext,
  ImageContext,
  PartContext,
  VolumeContext,
} from "../runtime/compile-context.ts";
import { volumeData } from "../runtime/compile-volumes.ts";
import type { MountRequest } from "../runtime/mounts.ts";
import type { ImageDefaults } from "../runtime/spec-input.ts";
import { bindSource } from "./bind-sources.ts";
import type { EngineContext } from "./context.ts";
import { prepareImage } from "./image-mounts.ts";
import type { Mount, RecordedMount, RecordedVolume, VolumeMount } from "./mounts.ts";
import { mountsFrom } from "./volumes-from.ts";
import { type VolumeUse, anonymousName, volumeTrash } from "./volumes.ts";

export interface PreparedMounts {
  /** For config.json. */
  readonly requests: readonly MountRequest[];
  /** For the record, and whoever inspects it. */
  readonly recorded: readonly RecordedMount[];
  /** To be had before the container is there. */
  readonly uses: readonly VolumeUse[];
  /** To be made in the bundle. */
  readonly directories: readonly { readonly name: string; readonly mode: number }[];
  /** For the plan. */
  readonly compiled: Pick<CompileContext, "volumes" | "images" | "parts">;
  /** What is not as one might expect, a sentence each. */
  readonly notes: readonly string[];
}

export interface MountsRequest {
  readonly mounts: readonly Mount[];
  readonly volumesFrom: readonly string[];
  /** What the image declares to be volumes. */
  readonly image: ImageDefaults;
  /** The container's directory. */
  readonly bundle: string;
  /** It goes when its process ends. */
  readonly remove: boolean;
}

/**
 * The caller's, which replace those of other containers at the same targets, and those that the
 * image declares where nobody mounts anything. Throws `INVALID_ARGUMENT` for sources that do not
 * exist, `NOT_FOUND` for other containers.
 */
export async function prepareMounts(
  context: EngineContext,
  request: MountsRequest,
): Promise<PreparedMounts> {
  const { mounts, volumesFrom, image } = request;
  const taken = new Set(mounts.map(targetOf));
  const others = await mountsFrom(context.paths, volumesFrom);
  const inherited = others.filter((mount) => !taken.has(targetOf(mount)));
  for (const mount of inherited) taken.add(targetOf(mount));
  const declared = declaredVolumes(image).filter(({ target }) => !taken.has(target));
  const prepared = await Promise.all([
    ...[...mounts, ...declared].map((mount, index) => prepare(context, request, { mount, index })),
    // What another container has is mounted as it is there: nothing is copied into its volumes.
    ...inherited.map((mount) => prepareInherited(context, request, mount)),
  ]);
  const all = <Key extends keyof Prepared>(key: Key) => {
    return prepared.flatMap((one): NonNullable<Prepared[Key]>[] => {
      const value = one[key];
      return value === undefined ? [] : [value];
    });
  };
  return {
    requests: all("request"),
    recorded: all("recorded"),
    uses: all("use"),
    directories: all("directories").flat(),
    compiled: {
      volumes: all("volume").map((volume, index) => withDone(volume, request, index)),
      images: all("image"),
      parts: all("part"),
    },
    notes: relabelNotes(mounts),
  };
}

function declaredVolumes({ Volumes }: ImageDefaults): readonly VolumeMount[] {
  const targets = new Set(Object.keys(Volumes ?? {}).map((target) => posix.resolve("/", target)));
  if (targets.has("/")) {
    const message = "the image declares its whole root directory to be a volume";
    throw new MarmitaError("UNSUPPORTED", message, { details: { target: "/" } });
  }
  return [...targets].map((target) => ({ type: "volume", target }));
}

function targetOf({ target }: { readonly target: string }): string {
  return posix.resolve("/", target);
}

interface Prepared {
  readonly request: MountRequest;
  readonly recorded: RecordedMount;
  readonly use?: VolumeUse;
  readonly volume?: VolumeContext;
  readonly image?: ImageContext;
  readonly part?: PartContext | undefined;
  readonly directories?: PreparedMounts["directories"];
}

interface Numbered {
  readonly mount: Mount;
  /** Which one it is. */
  readonly index: number;
}

async function prepare(
  context: EngineContext,
  request: MountsRequest,
  { mount, index }: Numbered,
): Promise<Prepared> {
  switch (mount.type) {
    case "bind": {
      const { path, isFile } = await bindSource(mount);
      const recorded = { ...mount, source: path };
      return { request: { ...recorded, isFile }, recorded };
    }
    case "tmpfs":
      return { request: mount, recorded: mount };
    case "volume":
      return prepareVolume(context, nameVolume(mount), { ...request, borrowed: false });
    case "image": {
      const prepared = await prepareImage(context, mount, { bundle: request.bundle, index });
      return { ...prepared, part: partOf(mount, prepared.image.merged) };
    }
    default:
      return mount satisfies never;
  }
}

async function prepareInherited(
  context: EngineContext,
  request: MountsRequest,
  mount: RecordedMount,
): Promise<Prepared> {
  if (mount.type !== "volume") return prepare(context, request, { mount, index: -1 });
  return prepareVolume(context, { ...mount, copy: false }, { ...request, borrowed: true });
}

/** `undefined` for what is mounted whole. */
function partOf(
  mount: { readonly target: string; readonly subpath?: string },
  base: string,
): PartContext | undefined {
  const { subpath } = mount;
  return subpath === undefined ? undefined : { target: targetOf(mount), base, subpath };
}

function nameVolume({ source, ...rest }: VolumeMount): RecordedVolume {
  return source === undefined
    ? { ...rest, source: anonymousName(), anonymous: true }
    : { ...rest, source };
}

function prepareVolume(
  { paths }: EngineContext,
  mount: RecordedVolume,
  { remove, borrowed }: { readonly remove: boolean; readonly borrowed: boolean },
): Prepared {
  const { source: name, anonymous = false, target, readOnly, subpath, labels = {} } = mount;
  const { noexec, nosuid, nodev } = mount;
  const directory = paths.volume(name);
  const source = join(volumeData(directory), subpath ?? "");
  return {
    request: { type: "bind", source, target, readOnly, noexec, nosuid, nodev },
    recorded: mount,
    use: { name, anonymous, borrowed, labels },
    volume: {
      directory,
      target: targetOf(mount),
      copy: (mount.copy ?? true) && subpath === undefined,
      durable: !(anonymous && remove),
      trash: anonymous ? volumeTrash(paths, name) : undefined,
    },
    part: partOf(mount, volumeData(directory)),
  };
}

function withDone(
  volume: VolumeContext,
  { bundle, remove }: MountsRequest,
  index: number,
): VolumeContext {
  return remove ? volume : { ...volume, done: join(bundle, `.filled-${index}`) };
}

function relabelNotes(mounts: readonly Mount[]): readonly string[] {
  const asked = mounts.filter((mount) => mount.type === "bind" && mount.relabel !== undefined);
  if (asked.length === 0 || !existsSync("/sys/fs/selinux/enforce")) return [];
  const targets = asked.map(({ target }) => target).join(", ");
  return [`nothing is relabelled for ${targets}: containers run under your own SELinux label`];
}
