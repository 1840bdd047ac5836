/** What was asked of a container, as `docker inspect` prints it: HostConfig. */
import type { Mount } from "./container-options.ts";
import type { ContainerRecord } from "./records.ts";

export function hostConfigJson({ mounts, isolation, readOnly, remove }: ContainerRecord) {
  return {
    Binds: mounts.flatMap((mount) => (mount.type === "bind" ? [bindText(mount)] : [])),
    NetworkMode: isolation.network,
    RestartPolicy: { Name: "no", MaximumRetryCount: 0 },
    AutoRemove: remove,
    Privileged: false,
    ReadonlyRootfs: readOnly,
    Tmpfs: Object.fromEntries(
      mounts.flatMap((mount) => (mount.type === "tmpfs" ? [[mount.target, tmpfsText(mount)]] : [])),
    ),
  };
}

function bindText({ source, target, readOnly }: Mount & { readonly type: "bind" }): string {
  return `${source}:${target}${readOnly === true ? ":ro" : ""}`;
}

function tmpfsText({ sizeBytes, mode }: Mount & { readonly type: "tmpfs" }): string {
  const size = sizeBytes === undefined ? [] : [`size=${sizeBytes}`];
  return [...size, ...(mode === undefined ? [] : [`mode=${mode.toString(8)}`])].join(",");
}
