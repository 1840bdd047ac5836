/**
 * The data root lies in most users' homes. A container that has the home mounted must not find its own
 * root there once more, with a /proc that nothing masks.
 */
import { dirname } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { run } from "../../lib/api/run.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

describe.runIf(requireUserNamespaces())("a directory with the data root in it, mounted", () => {
  expectNothingLeft();

  let engine: Engine;

  beforeAll(async () => {
    engine = await busyboxEngine();
  });

  it.each([
    ["as it is", () => dirname(engine.root)],
    ["with all of the machine", () => "/"],
  ])("%s, has no second root of the container", async (_how, source) => {
    const script =
      "ls -d /m/*/containers/*/rootfs/* /m/*/*/containers/*/rootfs/*; cut -d' ' -f5 /proc/self/mountinfo";
    const options = {
      engine,
      remove: true,
      network: "none",
      mounts: [{ type: "bind", source: source(), target: "/m" }],
    } as const;

    const { stdout } = await run("busybox", ["sh", "-c", script], options);

    expect(stdout).toContain("/m\n");
    expect(stdout.split("\n").filter((line) => line.includes("/rootfs"))).toEqual([]);
  });

  it("is still made read-only where a path of the root itself is", async () => {
    const { stdout } = await run(
      "busybox",
      ["sh", "-c", "touch /m/x /y 2>&1; echo > /proc/sys/kernel/x"],
      {
        engine,
        remove: true,
        network: "none",
        readOnly: true,
        mounts: [{ type: "bind", source: "/", target: "/m", readOnly: true }],
      },
    );

    expect(stdout).toBe("touch: /m/x: Read-only file system\ntouch: /y: Read-only file system\n");
  });
});
