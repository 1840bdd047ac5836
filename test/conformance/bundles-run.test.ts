/** What crun and runc write as an example, run here; and beside them, where they run it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { busyboxLayer } from "../../fixtures/busybox.mjs";
import { fillRootfs } from "../helpers/bundles.ts";
import { output } from "../helpers/command.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { changeConfig, findJudge, judgeMade, ownBundle, runMade } from "../helpers/judges.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireProgram, requireUserNamespaces } from "../helpers/user-namespaces.ts";

const able = requireUserNamespaces() && requireProgram("crun") && requireProgram("runc");

const COMMAND = ["sh", "-c", "hostname; id -u; id -g; pwd; ls /; ls -d /dev/null /dev/shm"];

describe.runIf(able)("a bundle that others write", () => {
  expectNothingLeft();

  it.each([
    ["crun", []],
    ["crun", ["--rootless"]],
    ["runc", []],
    ["runc", ["--rootless"]],
  ] as const)("runs here: %s spec %j", async (name, flags) => {
    const bundle = await temporaryFolder();
    fillRootfs(join(bundle, "rootfs"), busyboxLayer());
    output([name, "spec", ...flags], { cwd: bundle });
    quiet(bundle);

    const { status, stdout, stderr } = runMade(bundle);

    expect({ status, stderr: errors(stderr) }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(/^(?:crun|runc)\n0\n0\n\/\nbin\n[^]*\/dev\/null\n\/dev\/shm\n$/);
  });

  it.for(["crun", "runc"] as const)("shows its command what %s shows", async (name, context) => {
    const judge = await findJudge(name, context);
    const bundle = await ownBundle(judge);
    quiet(bundle);
    const theirs = judgeMade(judge, bundle);
    changeConfig(bundle, ({ linux }) => {
      for (const line of linux.uidMappings ?? []) line.hostID = process.getuid?.() ?? 0;
      for (const line of linux.gidMappings ?? []) line.hostID = process.getgid?.() ?? 0;
    });

    const ours = runMade(bundle);

    expect({ status: ours.status, stdout: ours.stdout }).toEqual({
      status: theirs.status,
      stdout: theirs.stdout,
    });
    expect(theirs.status).toBe(0);
  });

  it("ends as its command does", async () => {
    const bundle = await temporaryFolder();
    fillRootfs(join(bundle, "rootfs"), busyboxLayer());
    output(["runc", "spec", "--rootless"], { cwd: bundle });
    writeFileSync(join(bundle, "rootfs/end"), "#!/bin/sh\nkill -TERM $$\n", { mode: 0o755 });
    changeConfig(bundle, (config) => {
      config.process.terminal = false;
      config.process.args = ["sh", "-c", "sh /end; echo $?; exit 7"];
    });

    expect(runMade(bundle)).toMatchObject({ status: 7, stdout: "143\n" });
  });
});

function quiet(bundle: string): void {
  changeConfig(bundle, (config) => {
    config.process.terminal = false;
    config.process.args = COMMAND;
  });
}

/** Warnings are about what of limits this host has. */
function errors(stderr: string): string {
  return stderr.replaceAll(/^.*level=warning.*\n/gm, "");
}
