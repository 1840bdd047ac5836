/** The config.json of a new bundle: a shell at a terminal, confined as runc's is. */
import { OCI_VERSION } from "../oci/spec-version.ts";
import type { RuntimeSpec, SpecMount } from "../oci/runtime-spec.ts";
import { systemPaths } from "../runtime/system-paths.ts";

/** The caller's own ids, for a bundle that it runs without being root. */
export interface OwnIds {
  readonly uid: number;
  readonly gid: number;
}

const CAPABILITIES = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const HARMLESS = ["nosuid", "noexec", "nodev"];

/** With `ids`, the container has a user namespace in which its root is they, and no other id. */
export function defaultSpec(ids?: OwnIds): RuntimeSpec {
  const { masked, readOnly } = systemPaths("default");
  const own = ["pid", "network", "ipc", "uts", "mount", "cgroup"] as const;
  return {
    ociVersion: OCI_VERSION,
    process: {
      terminal: true,
      user: { uid: 0, gid: 0 },
      args: ["sh"],
      env: [`PATH=${PATH}`, "TERM=xterm"],
      cwd: "/",
      capabilities: {
        bounding: CAPABILITIES,
        effective: CAPABILITIES,
        permitted: CAPABILITIES,
      },
      rlimits: [{ type: "RLIMIT_NOFILE", hard: 1024, soft: 1024 }],
      noNewPrivileges: true,
    },
    root: { path: "rootfs", readonly: true },
    hostname: "marmita",
    mounts: defaultMounts(ids === undefined),
    linux: {
      ...(ids === undefined
        ? { resources: { devices: [{ allow: false, access: "rwm" }] } }
        : { uidMappings: [onlyId(ids.uid)], gidMappings: [onlyId(ids.gid)] }),
      namespaces: [...own, ...(ids === undefined ? [] : (["user"] as const))].map((type) => ({
        type,
      })),
      maskedPaths: masked,
      readonlyPaths: readOnly,
    },
  };
}

function onlyId(hostID: number) {
  return { containerID: 0, hostID, size: 1 };
}

/** The group tty (5) is not there where only one id is. */
function defaultMounts(hasAllIds: boolean): readonly SpecMount[] {
  const pts = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"];
  return [
    { destination: "/proc", type: "proc", source: "proc" },
    {
      destination: "/dev",
      type: "tmpfs",
      source: "tmpfs",
      options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
    },
    {
      destination: "/dev/pts",
      type: "devpts",
      source: "devpts",
      options: hasAllIds ? [...pts, "gid=5"] : pts,
    },
    {
      destination: "/dev/shm",
      type: "tmpfs",
      source: "shm",
      options: [...HARMLESS, "mode=1777", "size=65536k"],
    },
    { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: HARMLESS },
    { destination: "/sys", type: "sysfs", source: "sysfs", options: [...HARMLESS, "ro"] },
    {
      destination: "/sys/fs/cgroup",
      type: "cgroup",
      source: "cgroup",
      options: [...HARMLESS, "relatime", "ro"],
    },
  ];
}
