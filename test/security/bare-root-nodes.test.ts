/**
 * A root file system that comes with device nodes, for root without a user namespace, where nobody
 * holds the container to its device rules: they are useless, and all else is as it was.
 *
 * Red when lib/runtime/compile-bundle.ts leaves ROOT_NODEV out.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { busyboxLayer } from "../../fixtures/busybox.mjs";
import { runtime } from "../../lib/api/runtime.ts";
import { isMachineRoot } from "../../lib/bundles/cgroup-host.ts";
import type { RuntimeSpec } from "../../lib/oci/runtime-spec.ts";
import { defaultSpec } from "../../lib/runtime-cli/default-spec.ts";
import { fillRootfs } from "../helpers/bundles.ts";
import { output } from "../helpers/command.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { hostCannot } from "../helpers/user-namespaces.ts";

const fault = isMachineRoot() ? undefined : "it takes root of the machine";

describe("a root file system with nodes", () => {
  let bundle: string;
  expectNothingLeft();

  beforeEach((context) => {
    if (fault !== undefined) context.skip(hostCannot("make device nodes", fault));
  });
  beforeAll(async () => {
    if (fault !== undefined) return;
    bundle = join(await temporaryFolder(), "bundle");
    mkdirSync(join(bundle, "rootfs"), { recursive: true });
    fillRootfs(join(bundle, "rootfs"), busyboxLayer());
    output(["mknod", join(bundle, "rootfs/node"), "c", "1", "3"]);
  });

  async function run(script: string, change: (spec: RuntimeSpec) => RuntimeSpec) {
    const spec = defaultSpec();
    const process = { ...spec.process, terminal: false, args: ["sh", "-c", script] };
    writeFileSync(join(bundle, "config.json"), JSON.stringify(change({ ...spec, process })));
    const warnings: string[] = [];
    const { stdout = "" } = await runtime.run("box", bundle, {
      root: join(bundle, "../states"),
      cgroupManager: "disabled",
      onWarning: (text) => warnings.push(text),
    });
    return { stdout, warnings };
  }

  const SCRIPT = "for node in /node /dev/null; do (: < $node) 2> /dev/null && echo $node; done; :";

  it.each(["private", "shared", undefined] as const)(
    "gives none of them (%s)",
    async (rootfsPropagation) => {
      const ended = await run(SCRIPT, (spec) => ({
        ...spec,
        linux: { ...spec.linux, ...(rootfsPropagation !== undefined && { rootfsPropagation }) },
      }));

      expect(ended).toEqual({ stdout: "/dev/null\n", warnings: [] });
    },
  );

  it("gives them where no rule denies any", async () => {
    const ended = await run(SCRIPT, (spec) => ({
      ...spec,
      linux: { ...spec.linux, resources: {} },
    }));

    expect(ended).toEqual({ stdout: "/node\n/dev/null\n", warnings: [] });
  });

  it("is warned of where its own /dev has to be of use", async () => {
    const { stdout, warnings } = await run(SCRIPT, (spec) => ({
      ...spec,
      root: { path: "rootfs" },
      mounts: (spec.mounts ?? []).filter(({ destination }) => !destination.startsWith("/dev")),
    }));

    expect(stdout).toContain("/dev/null\n");
    expect(warnings).toEqual([expect.stringMatching(/^limits are not applied \(devices\): /)]);
  });
});
