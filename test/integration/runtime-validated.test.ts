/** What the validation programs of opencontainers/runtime-tools have found once: docs/spec-conformance.md. */
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { runtime } from "../../lib/api/runtime.ts";
import type { IdExtent } from "../../lib/native/helper.ts";
import type { IdMappingLine, RuntimeSpec, SpecMount } from "../../lib/oci/runtime-spec.ts";
import { chooseIdMapping } from "../../lib/runtime/id-maps.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { BundleFolder } from "../helpers/oci-bundle.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const able = requireUserNamespaces();

/** What libseccomp and the kernel knew when runc's first profile was written. */
const OLD_SECCOMP = {
  defaultAction: "SCMP_ACT_ALLOW",
  syscalls: [
    {
      names: ["faccessat2", "close_range", "openat2", "clone3", "epoll_pwait2", "pidfd_open"],
      action: "SCMP_ACT_ERRNO",
    },
  ],
};

describe("marmita-runtime, as the validation programs want it,", () => {
  expectNothingLeft();

  let folder: BundleFolder;

  beforeAll(async () => {
    if (!able) return;
    folder = await BundleFolder.open();
    chmodSync(folder.folder, 0o755); // a container's root may be somebody else than us
  });

  const run = async (bundle: string) => {
    const warnings: string[] = [];
    const { exitCode, stdout, stderr } = await runtime.run("valid", bundle, {
      root: folder.states,
      cgroupManager: "disabled",
      onWarning: (text) => void warnings.push(text),
    });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    return { stdout, warnings };
  };

  it("finds a command below a filter that denies newer system calls", async () => {
    const bundle = folder.make(["echo", "found"], { linux: { seccomp: OLD_SECCOMP } });

    expect((await run(bundle)).stdout).toBe("found\n");
  });

  it("has a filter for a container whose root may not read ours", async (context) => {
    const { uids, gids, mode } = await chooseIdMapping();
    if (mode === "single") context.skip("needs subordinate ids: there is nobody else");
    const foreign = ([first, second = first]: readonly IdExtent[]): IdMappingLine[] => {
      const hostID = mode === "root" ? 1000 : (second?.outside ?? 0);
      return [{ containerID: 0, hostID, size: 1000 }];
    };
    const bundle = folder.make(["sh", "-c", "id -u; grep Seccomp: /proc/self/status"], {
      linux: {
        seccomp: OLD_SECCOMP,
        namespaces: ["user", "mount", "pid", "ipc", "uts"].map((type) => ({ type }) as never),
        uidMappings: foreign(uids),
        gidMappings: foreign(gids),
      },
    });
    changeMounts(bundle, (mounts) =>
      mounts.filter(({ type }) => type === "proc" || type === "tmpfs"),
    );

    const { stdout } = await run(bundle);

    expect(stdout).toBe("0\nSeccomp:\t2\n");
  });

  it("passes over options of a file system on a bind, and access times that are locked", async () => {
    const bundle = folder.make(["sh", "-c", "grep ' /mnt/etc ' /proc/self/mountinfo"]);
    const options = ["bind", "shared", "nosuid", "strictatime", "mode=755", "size=1k"];
    changeMounts(bundle, (mounts) => [
      ...mounts.filter(({ destination }) => destination !== "/mnt"),
      { destination: "/mnt", type: "tmpfs", source: "tmpfs" },
      { destination: "/mnt/etc", source: "/etc", options },
    ]);

    const { stdout, warnings } = await run(bundle);

    expect(stdout).toMatch(/ \/mnt\/etc \S*nosuid/);
    expect(warnings).toContain(
      'mount options "mode=755", "size=1k" of /mnt/etc mean nothing: a bind makes no file system',
    );
  });

  it.skipIf(hasSelinux())("passes over a label of mounts that nothing would read", async () => {
    const bundle = folder.make(["true"], { linux: { mountLabel: "a:b:c:d" } });

    const { warnings } = await run(bundle);

    expect(warnings).toContain(
      "linux.mountLabel means nothing: SELinux is not enabled on this machine",
    );
  });
});

function hasSelinux(): boolean {
  return readFileSync("/proc/filesystems", "utf8").includes("selinuxfs");
}

function changeMounts(
  bundle: string,
  change: (mounts: readonly SpecMount[]) => readonly SpecMount[],
): void {
  const path = join(bundle, "config.json");
  const spec = JSON.parse(readFileSync(path, "utf8")) as RuntimeSpec;
  writeFileSync(path, JSON.stringify({ ...spec, mounts: change(spec.mounts ?? []) }));
}
