import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";
import { busyboxCli, type Cli } from "./cli-command.ts";

const STATUS = ["grep", "-E", "^(CapBnd|NoNewPrivs|Seccomp):", "/proc/self/status"];

describe.runIf(requireUserNamespaces())("marmita run, told how to confine", () => {
  expectNothingLeft();

  let cli: Cli;

  beforeAll(async () => {
    cli = await busyboxCli();
  });

  it.each([
    ["", "CapBnd:\t00000000a80425fb\nNoNewPrivs:\t0\nSeccomp:\t2\n"],
    [
      "--cap-add=sys_time --cap-drop ALL",
      "CapBnd:\t0000000002000000\nNoNewPrivs:\t0\nSeccomp:\t2\n",
    ],
    [
      "--security-opt no-new-privileges --security-opt seccomp=unconfined",
      "CapBnd:\t00000000a80425fb\nNoNewPrivs:\t1\nSeccomp:\t0\n",
    ],
    [
      "--security-opt label=disable --security-opt seccomp=builtin",
      "CapBnd:\t00000000a80425fb\nNoNewPrivs:\t0\nSeccomp:\t2\n",
    ],
  ])("does so: %s", async (line, expected) => {
    const flags = line === "" ? [] : line.split(" ");

    const { stdout, stderr } = await cli.call(["run", "--rm", ...flags, "busybox", ...STATUS]);

    expect(stderr).toBe("");
    expect(stdout).toBe(expected);
  });

  it("reads a profile from where it is called", async () => {
    const cwd = await temporaryFolder();
    const syscalls = [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 25 }];
    const profile = { defaultAction: "SCMP_ACT_ALLOW", syscalls };
    writeFileSync(join(cwd, "profile.json"), JSON.stringify(profile));
    const flags = ["--security-opt", "seccomp=profile.json"];

    const ended = await cli.call(["run", "--rm", ...flags, "busybox", "mkdir", "/x"], { cwd });

    expect(ended.exitCode).toBe(1);
    expect(ended.stderr).toMatch(/Inappropriate ioctl|Not a tty/);
  });

  it.each([
    ["--cap-add NET_ADMN", 'no such capability: "NET_ADMN" (did you mean CAP_NET_ADMIN?)'],
    ["--security-opt seccomp=none.json", "none.json: no such file or directory"],
    ["--security-opt seccomp=/etc/hosts", "seccomp profile /etc/hosts is not JSON"],
    ["--security-opt apparmor=x", "--security-opt apparmor=x is not supported yet"],
    ["--security-opt mask=etc", 'expected "systemPaths.mask[0]" to be an absolute path'],
  ])("refuses %s", async (line, message) => {
    const { exitCode, stderr } = await cli.call(["run", ...line.split(" "), "busybox", "true"]);

    expect(exitCode).toBe(125);
    expect(stderr).toContain(message);
  });

  it("gives a privileged container all that there is", async () => {
    const text = "mount -t tmpfs tmpfs /tmp && echo mounted";

    const ended = await cli.call(["run", "--rm", "--privileged", "busybox", "sh", "-c", text]);

    expect(ended).toMatchObject({ exitCode: 0, stdout: "mounted\n" });
  });
});
