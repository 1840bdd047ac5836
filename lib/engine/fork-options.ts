/** What a container was made with, kept for its forks; and what a fork is made with. */
import type { ContainerOptions, CreateOptions } from "./container-options.ts";
import type { Mount, RecordedMount } from "./mounts.ts";
import { anonymousName } from "./volumes.ts";

/**
 * What a fork is to have other than the container it is made from. `env` and `labels` are added to
 * that one's, `mounts` replace those at the same targets, all else replaces what was asked for there.
 */
export interface ForkOptions extends Omit<ContainerOptions, "userns" | "platform" | "volumesFrom"> {
  /** Default: that container's. */
  readonly command?: readonly string[];
  readonly signal?: AbortSignal;
}

const RECORDED_ELSEWHERE = new Set(["name", "image", "mounts", "volumesFrom", "platform"]);

/** For the record, where names, images and mounts stand in another form. */
export function recordedOptions(options: CreateOptions): Readonly<Record<string, unknown>> {
  const all = Object.entries(options);
  return Object.fromEntries(all.filter(([name]) => !RECORDED_ELSEWHERE.has(name)));
}

/** A volume of the fork's own, and the one that it begins with. */
export interface VolumeCopy {
  readonly from: string;
  readonly to: string;
}

export interface ForkedMounts {
  readonly mounts: readonly Mount[];
  readonly copies: readonly VolumeCopy[];
}

/**
 * Binds, tmpfs and named volumes as they are there; of each anonymous volume, one of its own, which
 * begins with what is in that.
 */
export function forkedMounts(
  recorded: readonly RecordedMount[],
  given: readonly Mount[],
): ForkedMounts {
  const taken = new Set(given.map(({ target }) => target));
  const copies: VolumeCopy[] = [];
  const inherited = recorded.flatMap((mount): Mount[] => {
    if (taken.has(mount.target)) return [];
    if (mount.type !== "volume" || mount.anonymous !== true) return [withoutId(mount)];
    const known = copies.find(({ from }) => from === mount.source);
    const to = known?.to ?? anonymousName();
    if (known === undefined) copies.push({ from: mount.source, to });
    return [{ ...mount, source: to, copy: false }];
  });
  return { mounts: [...inherited, ...given], copies };
}

/** An image that is mounted is meant by its id: the name may lead elsewhere by now. */
function withoutId(mount: RecordedMount): Mount {
  if (mount.type !== "image") return mount;
  const { id, ...rest } = mount;
  return { ...rest, source: id };
}

/** Of the container's and the fork's options, those that the fork is made with. */
export function mergedOptions(
  recorded: CreateOptions,
  given: Omit<ForkOptions, "signal">,
): CreateOptions {
  const defined = Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined),
  );
  return {
    ...recorded,
    ...defined,
    ...merged("env", recorded, given),
    ...merged("labels", recorded, given),
  };
}

function merged(name: "env" | "labels", recorded: CreateOptions, given: ForkOptions) {
  const all = { ...recorded[name], ...given[name] };
  return Object.keys(all).length === 0 ? {} : { [name]: all };
}
