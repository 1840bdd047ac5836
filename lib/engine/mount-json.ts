/** Mounts as `docker inspect` prints them: of a container, and of what was asked for. */
import { volumeData } from "../runtime/compile-volumes.ts";
import type { Paths } from "../store/paths.ts";
import type {
  BindMount,
  RecordedImageMount,
  RecordedMount,
  RecordedVolume,
  TmpfsMount,
} from "./mounts.ts";

/** One of `Mounts`. */
export function mountJson(paths: Paths, mount: RecordedMount) {
  const { type, target, readOnly = false } = mount;
  const common = { Type: type, Destination: target, RW: !readOnly };
  switch (mount.type) {
    case "bind": {
      const { source, propagation = "rprivate" } = mount;
      return { ...common, Source: source, Mode: modeOf(mount), Propagation: propagation };
    }
    case "volume": {
      const Source = volumeData(paths.volume(mount.source));
      const volume = { Name: mount.source, Source, Driver: "local" };
      return { ...common, ...volume, Mode: modeOf(mount), Propagation: "" };
    }
    case "image": {
      const RW = mount.readOnly === false;
      return { ...common, RW, Source: mount.source, Mode: "", Propagation: "" };
    }
    case "tmpfs":
      return { ...common, Source: "", Mode: "", Propagation: "" };
    default:
      return mount satisfies never;
  }
}

/** Of `HostConfig`: each mount in the one form that tells all of it. */
export function askedMountsJson(mounts: readonly RecordedMount[]) {
  return {
    Binds: mounts.flatMap((mount) => (isBind(mount) ? [bindText(mount)] : [])),
    Mounts: [
      ...mounts.flatMap((mount) => (isSpecial(mount) ? [volume(mount)] : [])),
      ...mounts.flatMap((mount) => (mount.type === "image" ? [image(mount)] : [])),
    ],
    Tmpfs: Object.fromEntries(
      mounts.flatMap((mount) => (mount.type === "tmpfs" ? [[mount.target, tmpfsText(mount)]] : [])),
    ),
  };
}

/** Of `Config`: where volumes are that have no name of somebody's choice. */
export function volumesJson(mounts: readonly RecordedMount[]) {
  const own = mounts.filter((mount) => isVolume(mount) && mount.anonymous === true);
  return own.length === 0 ? null : Object.fromEntries(own.map(({ target }) => [target, {}]));
}

function isVolume(mount: RecordedMount): mount is RecordedVolume {
  return mount.type === "volume";
}

/** What `-v` has words for; anonymous volumes are the container's own, not asked for by name. */
function isBind(mount: RecordedMount): mount is BindMount | RecordedVolume {
  if (mount.type === "bind") return true;
  if (mount.type !== "volume" || mount.anonymous === true) return false;
  return mount.subpath === undefined && mount.labels === undefined;
}

function image({ source, target, readOnly = true, subpath = "" }: RecordedImageMount) {
  const options = { ImageOptions: { Subpath: subpath } };
  return { Type: "image", Source: source, Target: target, ReadOnly: readOnly, ...options };
}

/** A volume that `-v` has no words for. */
function isSpecial(mount: RecordedMount): mount is RecordedVolume {
  return isVolume(mount) && mount.anonymous !== true && !isBind(mount);
}

function volume({ source, target, readOnly = false, copy, subpath, labels }: RecordedVolume) {
  return {
    Type: "volume",
    Source: source,
    Target: target,
    ReadOnly: readOnly,
    VolumeOptions: { NoCopy: copy === false, Labels: labels ?? {}, Subpath: subpath ?? "" },
  };
}

/** The words that `-v` has for it. */
function bindText(mount: BindMount | RecordedVolume): string {
  const words = [
    modeOf(mount),
    ...(mount.type === "bind" ? bindWords(mount) : mount.copy === false ? ["nocopy"] : []),
    ...(mount.noexec === true ? ["noexec"] : []),
    ...(mount.nosuid === true ? ["nosuid"] : []),
    ...(mount.nodev === true ? ["nodev"] : []),
  ].filter((word) => word !== "");
  const options = words.length === 0 ? [] : [words.join(",")];
  return [mount.source, mount.target, ...options].join(":");
}

function bindWords({ recursive = true, propagation, idmap }: BindMount): readonly string[] {
  return [
    ...(recursive ? [] : ["bind"]),
    ...(propagation === undefined ? [] : [propagation]),
    ...(idmap === true ? ["idmap"] : []),
  ];
}

const LABELS = { shared: "z", private: "Z" } as const;

function modeOf(mount: BindMount | RecordedVolume): string {
  const relabel = mount.type === "bind" ? mount.relabel : undefined;
  const label = relabel === undefined ? [] : [LABELS[relabel]];
  return [...(mount.readOnly === true ? ["ro"] : []), ...label].join(",");
}

function tmpfsText({ sizeBytes, mode, readOnly = false, options = [] }: TmpfsMount): string {
  return [
    ...(readOnly ? ["ro"] : []),
    ...(sizeBytes === undefined ? [] : [`size=${sizeBytes}`]),
    ...(mode === undefined ? [] : [`mode=${mode.toString(8)}`]),
    ...options,
  ].join(",");
}
