/** systemd's own ways to hand sockets to services, and to hear of them, passed on to a container. */
import { resolve } from "node:path";
import type { SpecMount } from "../oci/runtime-spec.ts";
import type { CreateBundleContainerOptions } from "./options.ts";

/** Where the container finds the socket of sd_notify(3). */
const INSIDE = "/run/notify/notify.sock";

/** What it finds beside its configuration. */
export interface NotifyParts {
  readonly extraMounts: readonly SpecMount[];
  readonly extraEnv: readonly string[];
}

/** A name in the network namespace, `@…`, is the same inside, where that is shared. */
export function notifyParts({
  notifySocket,
  listenFds = 0,
}: Pick<CreateBundleContainerOptions, "notifySocket" | "listenFds">): NotifyParts {
  const listen = listenFds > 0 ? [`LISTEN_FDS=${listenFds}`] : [];
  if (notifySocket === undefined) return { extraMounts: [], extraEnv: listen };
  if (notifySocket.startsWith("@")) {
    return { extraMounts: [], extraEnv: [...listen, `NOTIFY_SOCKET=${notifySocket}`] };
  }
  const source = resolve(notifySocket);
  const options = ["bind", "nosuid", "nodev", "noexec"];
  return {
    extraMounts: [{ destination: INSIDE, type: "bind", source, options }],
    extraEnv: [...listen, `NOTIFY_SOCKET=${INSIDE}`],
  };
}
