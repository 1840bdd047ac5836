/** What other runtimes write as a beginning of a bundle, and what a config.json can ask for, run. */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { busyboxLayer } from "../../fixtures/busybox.mjs";
import { runBareBundle } from "../helpers/bare-bundle.ts";
import { fillRootfs, type Spec } from "../helpers/bundles.ts";
import { output } from "../helpers/command.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireProgram, requireUserNamespaces } from "../helpers/user-namespaces.ts";

const able = requireUserNamespaces();

describe("a bundle's config.json", () => {
  expectNothingLeft();

  let bundle: string;
  let runs = 0;

  beforeAll(async () => {
    bundle = await temporaryFolder();
    if (able) fillRootfs(join(bundle, "rootfs"), busyboxLayer());
  });

  /** As `runtime` writes it, with another command and these changes. */
  function written(runtime: string, options: readonly string[]): Spec {
    rmSync(join(bundle, "config.json"), { force: true });
    output([runtime, "spec", ...options], { cwd: bundle });
    return JSON.parse(readFileSync(join(bundle, "config.json"), "utf8")) as Spec;
  }

  function run(spec: object) {
    runs += 1;
    return runBareBundle(bundle, {
      config: JSON.stringify(spec),
      states: join(bundle, `state-${runs}`),
    });
  }

  it.for([
    ["crun", []],
    ["crun", ["--rootless"]],
    ["runc", []],
    ["runc", ["--rootless"]],
  ] as const)("runs as %s spec %j writes it", async ([runtime, options]) => {
    if (!requireProgram(runtime)) return;
    const spec = written(runtime, options);
    const script = "id -u; echo $$; hostname; ls /dev/null /dev/pts/ptmx; touch /a";
    const process = { ...spec.process, args: ["sh", "-c", script], terminal: false };

    const { output: printed } = await run({ ...spec, process });

    expect(printed).toBe(
      `0\n1\n${runtime}\n/dev/null\n/dev/pts/ptmx\ntouch: /a: Read-only file system\n`,
    );
  });
});
