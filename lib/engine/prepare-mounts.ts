/** From the mounts that are asked for to those of one container: sources looked at, volumes named. */
import { existsSync } from "node:fs";
import { join, posix } from "node:path";
import type { VolumeContext } from "../runtime/compile-context.ts";
import { volumeData } from "../runtime/compile-volumes.ts";
import type { MountRequest } from "../runtime/mounts.ts";
import type { ImageDefaults } from "../runtime/spec-input.ts";
import { bindSource } from "./bind-sources.ts";
import type { EngineContext } from "./context.ts";
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
  /** For the plan. */
  readonly volumes: readonly VolumeContext[];
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
  const declared = Object.keys(image.Volumes ?? {})
    .map((target): Mount => ({ type: "volume", target: posix.resolve("/", target) }))
    .filter((mount) => !taken.has(mount.target));
  const prepared = await Promise.all([
    ...[...mounts, ...declared].map((mount) => prepare(context, request, mount)),
    ...inherited.map((mount) => prepareInherited(context, request, mount)),
  ]);
  return {
    requests: prepared.map((one) => one.request),
    recorded: prepared.map((one) => one.recorded),
    uses: prepared.flatMap(({ use }) => (use === undefined ? [] : [use])),
    volumes: prepared.flatMap(({ volume }, index) => {
      return volume === undefined ? [] : [withDone(volume, request, index)];
    }),
    notes: relabelNotes(mounts),
  };
}

function targetOf({ target }: { readonly target: string }): string {
  return posix.resolve("/", target);
}

interface Prepared {
  readonly request: MountRequest;
  readonly recorded: RecordedMount;
  readonly use?: VolumeUse;
  readonly volume?: VolumeContext;
}

async function prepare(
  context: EngineContext,
  { remove }: MountsRequest,
  mount: Mount,
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
      return prepareVolume(context, nameVolume(mount), { remove, borrowed: false });
    default:
      return mount satisfies never;
  }
}

/** What another container has is mounted as it is there: nothing is copied into its volumes. */
async function prepareInherited(
  context: EngineContext,
  request: MountsRequest,
  mount: RecordedMount,
): Promise<Prepared> {
  if (mount.type !== "volume") return prepare(context, request, mount);
  const { remove } = request;
  return prepareVolume(context, { ...mount, copy: false }, { remove, borrowed: true });
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
      subpath,
      copy: (mount.copy ?? true) && subpath === undefined,
      durable: !(anonymous && remove),
      trash: anonymous ? volumeTrash(paths, name) : undefined,
    },
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
