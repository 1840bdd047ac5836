/**
 * Control groups as a bare container finds them: none of the old kind, whose `release_agent` the kernel
 * executes as root of the machine (CVE-2022-0492), and none of any kind that it could write to.
 *
 * Red, on a machine that has groups of the old kind, when cgroupOperations() in
 * lib/runtime/bundle-mounts.ts binds the machine's tree without looking at `hasCgroup2`; the attempts to
 * mount are red with CAP_SYS_ADMIN in a container that root of the machine started without a user
 * namespace, which nobody should try on a machine that is needed.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { runtime } from "../../lib/api/runtime.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { BundleFolder } from "../helpers/oci-bundle.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

/** Nothing is written: what could be, as it was opened for that, is told. */
const LOOK = `
  grep -E ' - cgroup ' /proc/self/mountinfo
  find / -xdev -name release_agent 2>/dev/null
  find /sys/fs/cgroup -name release_agent 2>/dev/null
  find /sys/fs/cgroup -type f 2>/dev/null | head -n 200 | while read -r file; do
    (: >> "$file") 2>/dev/null && echo "writes $file"
  done
  for type in cgroup cgroup2; do
    mount -t $type $type /tmp 2>/dev/null && echo "mounts $type"
  done
  mount -o remount,rw,bind /sys/fs/cgroup 2>/dev/null && echo "remounts"
  echo looked
`;

describe.runIf(requireUserNamespaces())("a bare container's control groups", () => {
  let folder: BundleFolder;

  beforeAll(async () => {
    folder = await BundleFolder.open();
  });
  expectNothingLeft();

  it.for([true, false])("cannot be written to: a namespace of its own %s", async (isOwn) => {
    const types = ["pid", "network", "ipc", "uts", "mount", ...(isOwn ? ["cgroup"] : [])] as const;
    const namespaces = types.map((type) => ({ type }) as { type: "pid" });
    const bundle = folder.make(["sh", "-c", LOOK], { linux: { namespaces } });

    const { stdout } = await runtime.run("box", bundle, {
      root: folder.states,
      cgroupManager: "disabled",
    });

    expect(stdout).toBe("looked\n");
  });
});
