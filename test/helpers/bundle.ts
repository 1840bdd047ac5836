/** Bundles with busybox, for what runs them. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { busyboxLayer } from "../../fixtures/busybox.mjs";
import { formatConfigJson } from "../../lib/runtime/config-json.ts";
import type { Process, RuntimeSpec } from "../../lib/oci/runtime-spec.ts";
import { fillRootfs } from "./bundles.ts";
import { temporaryFolder } from "./folder.ts";

const TYPES = ["pid", "network", "mount", "ipc", "uts", "cgroup"] as const;

/** Its directory. Whoever runs it has the user namespace that it needs. */
export async function writeBundle(
  process: Partial<Process> & Pick<Process, "args">,
  linux: Partial<RuntimeSpec["linux"]> = {},
): Promise<string> {
  const bundle = await temporaryFolder();
  const rootfs = join(bundle, "rootfs");
  fillRootfs(rootfs, busyboxLayer());
  for (const name of ["proc", "dev", "tmp"]) mkdirSync(join(rootfs, name), { recursive: true });
  const spec: RuntimeSpec = {
    ociVersion: "1.2.0",
    root: { path: "rootfs" },
    process: { user: { uid: 0, gid: 0 }, env: ["PATH=/bin"], cwd: "/", ...process },
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["mode=755"] },
      {
        destination: "/dev/pts",
        type: "devpts",
        source: "devpts",
        options: ["newinstance", "ptmxmode=0666", "mode=0620"],
      },
    ],
    linux: { namespaces: TYPES.map((type) => ({ type })), ...linux },
  };
  writeFileSync(join(bundle, "config.json"), formatConfigJson(spec));
  return bundle;
}
