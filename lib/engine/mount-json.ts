/** Mounts as `docker inspect` prints them: of a container, and of what was asked for. */
import type { BindMount, Mount, TmpfsMount } from "./mounts.ts";

/** One of `Mounts`. */
export function mountJson(mount: Mount) {
  const { type, target, readOnly = false } = mount;
  const isBind = mount.type === "bind";
  return {
    Type: type,
    Source: isBind ? mount.source : "",
    Destination: target,
    Mode: isBind ? modeOf(mount).join(",") : "",
    RW: !readOnly,
    Propagation: isBind ? (mount.propagation ?? "rprivate") : "",
  };
}

/** Of `HostConfig`: each mount in the one form that tells all of it. */
export function askedMountsJson(mounts: readonly Mount[]) {
  return {
    Binds: mounts.flatMap((mount) => (mount.type === "bind" ? [bindText(mount)] : [])),
    Tmpfs: Object.fromEntries(
      mounts.flatMap((mount) => (mount.type === "tmpfs" ? [[mount.target, tmpfsText(mount)]] : [])),
    ),
  };
}

/** The words that `-v` has for it. */
function bindText(mount: BindMount): string {
  const { source, target, recursive = true, propagation } = mount;
  const words = [
    ...modeOf(mount),
    ...(recursive ? [] : ["bind"]),
    ...(propagation === undefined ? [] : [propagation]),
    ...(mount.noexec === true ? ["noexec"] : []),
    ...(mount.nosuid === true ? ["nosuid"] : []),
    ...(mount.nodev === true ? ["nodev"] : []),
    ...(mount.idmap === true ? ["idmap"] : []),
  ];
  return [source, target, ...(words.length === 0 ? [] : [words.join(",")])].join(":");
}

function modeOf({ readOnly = false, relabel }: BindMount): readonly string[] {
  const label = { shared: "z", private: "Z" } as const;
  return [...(readOnly ? ["ro"] : []), ...(relabel === undefined ? [] : [label[relabel]])];
}

function tmpfsText({ sizeBytes, mode, readOnly = false, options = [] }: TmpfsMount): string {
  return [
    ...(readOnly ? ["ro"] : []),
    ...(sizeBytes === undefined ? [] : [`size=${sizeBytes}`]),
    ...(mode === undefined ? [] : [`mode=${mode.toString(8)}`]),
    ...options,
  ].join(",");
}
