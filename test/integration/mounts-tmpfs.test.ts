import { beforeAll, describe, expect, it } from "vitest";
import { run } from "../../lib/api/run.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import type { TmpfsMount } from "../../lib/engine/mounts.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

describe.runIf(requireUserNamespaces())("a tmpfs", () => {
  expectNothingLeft();

  let engine: Engine;

  beforeAll(async () => {
    engine = await busyboxEngine();
  });

  async function shell(script: string, mount: Partial<TmpfsMount>): Promise<string> {
    const { stdout, stderr } = await run("busybox", ["sh", "-c", script], {
      engine,
      remove: true,
      mounts: [{ type: "tmpfs", target: "/m", ...mount }],
    });
    return stdout + stderr;
  }

  const flags = "grep ' /m ' /proc/mounts | cut -d' ' -f4";

  it("is empty, writable, and without programs, set-user-ID and devices", async () => {
    expect(await shell(`ls /m; touch /m/x && ${flags}`, {})).toMatch(/^rw,nosuid,nodev,noexec,/);
  });

  it("has the size, mode and owner it is asked for", async () => {
    const script = "stat -c '%a %u:%g' /m; df -k /m | tail -1 | awk '{print $2}'";
    const mount = { sizeBytes: 1 << 20, mode: 0o750, options: ["uid=0", "gid=0"] };

    expect(await shell(script, mount)).toBe("750 0:0\n1024\n");
  });

  it("has as many inodes as it is asked for", async () => {
    expect(await shell("touch /m/a; touch /m/b", { options: ["nr_inodes=2"] })).toContain(
      "No space left on device",
    );
  });

  it("may have programs", async () => {
    expect(await shell("cp /bin/busybox /m/echo; /m/echo ran", { options: ["exec"] })).toBe(
      "ran\n",
    );
  });

  it("may be read-only", async () => {
    expect(await shell("touch /m/a", { readOnly: true })).toContain("Read-only file system");
  });

  it("has what the last of its options says", async () => {
    const options = ["exec", "noexec", "noatime", "size=1%", "size=8k"];

    expect(await shell(flags, { options })).toMatch(/noexec,noatime,size=8k/);
  });
});
