/** From the mounts that are asked for to those of one container: sources looked at. */
import { existsSync } from "node:fs";
import type { MountRequest } from "../runtime/mounts.ts";
import { bindSource } from "./bind-sources.ts";
import type { Mount } from "./mounts.ts";

export interface PreparedMounts {
  /** For config.json. */
  readonly requests: readonly MountRequest[];
  /** For the record, and whoever inspects it. */
  readonly recorded: readonly Mount[];
  /** What is not as one might expect, a sentence each. */
  readonly notes: readonly string[];
}

/** Throws `INVALID_ARGUMENT` for sources that do not exist. */
export async function prepareMounts(mounts: readonly Mount[]): Promise<PreparedMounts> {
  const prepared = await Promise.all(mounts.map(prepare));
  return {
    requests: prepared.map(({ request }) => request),
    recorded: prepared.map(({ recorded }) => recorded),
    notes: relabelNotes(mounts),
  };
}

interface Prepared {
  readonly request: MountRequest;
  readonly recorded: Mount;
}

async function prepare(mount: Mount): Promise<Prepared> {
  if (mount.type !== "bind") return { request: mount, recorded: mount };
  const { path, isFile } = await bindSource(mount);
  const recorded = { ...mount, source: path };
  return { request: { ...recorded, isFile }, recorded };
}

function relabelNotes(mounts: readonly Mount[]): readonly string[] {
  const asked = mounts.filter((mount) => mount.type === "bind" && mount.relabel !== undefined);
  if (asked.length === 0 || !existsSync("/sys/fs/selinux/enforce")) return [];
  const targets = asked.map(({ target }) => target).join(", ");
  return [`nothing is relabelled for ${targets}: containers run under your own SELinux label`];
}
