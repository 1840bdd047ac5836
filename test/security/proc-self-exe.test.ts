/**
 * The helper's own file, which a process is about to become the command of a container from:
 * /proc/self/exe names it one last time (CVE-2019-5736).
 */
import { access, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { run } from "../../lib/api/run.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import type { Mount } from "../../lib/engine/mounts.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

describe.runIf(requireUserNamespaces())("a command that is the helper itself", () => {
  expectNothingLeft();

  let engine: Engine;
  let shared: string;
  let mounts: readonly Mount[];

  beforeAll(async () => {
    engine = await busyboxEngine();
    shared = await temporaryFolder();
    mounts = [{ type: "bind", source: shared, target: "/shared" }];
  });

  it("does none of its work", async () => {
    const victim = join(shared, "victim");
    await writeFile(victim, "");
    const words = ["/proc/self/exe", "remove", "/shared/victim"];

    const { exitCode, stderr } = await run("busybox", words, { engine, mounts, remove: true });

    await access(victim);
    expect({ exitCode, stderr }).toEqual({
      exitCode: 1,
      stderr: "marmita-init is started by marmita, not by hand\n",
    });
  });

  it("starts no program that could open the helper's file", async () => {
    const bin = join(shared, "bin");
    await mkdir(bin);
    const program = "#!/bin/sh\nexec 9</proc/1/exe && : >/shared/opened\n";
    await writeFile(join(bin, "newuidmap"), program, { mode: 0o755 });
    const words = ["/proc/self/exe", "mapped", "helpers", "0 0 1\n", "0 0 1\n"];
    const env = { PATH: "/shared/bin:/bin" };

    const { exitCode } = await run("busybox", words, { engine, mounts, env, remove: true });

    expect(exitCode).toBe(1);
    await expect(access(join(shared, "opened"))).rejects.toThrow("ENOENT");
  });

  it("is not reached by way of a script either", async () => {
    await writeFile(join(shared, "script"), "#!/proc/self/exe remove\n", { mode: 0o755 });

    const { exitCode } = await run("busybox", ["/shared/script"], {
      engine,
      mounts,
      remove: true,
    });

    expect(exitCode).toBe(1);
    await access(join(shared, "script"));
  });
});
