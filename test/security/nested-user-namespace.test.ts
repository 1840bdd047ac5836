/**
 * User namespaces made inside a container give all capabilities again: over mounts of their own,
 * and so over the kernel's files, where the first user inside is root of the machine.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { run } from "../../lib/api/run.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import type { RunResult } from "../../lib/engine/options.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

describe.runIf(requireUserNamespaces())("a user namespace inside a container", () => {
  expectNothingLeft();

  let engine: Engine;

  beforeAll(async () => {
    engine = await busyboxEngine();
  });

  it.each(["proc", "sysfs"])("cannot mount a %s that nothing masks", async (type) => {
    const { exitCode, stderr } = await nested(`mount -t ${type} ${type} /tmp`);

    expect(exitCode).not.toBe(0);
    expect(stderr).toMatch(/permission denied|no space left|Operation not permitted/i);
  });

  it.each(["/proc/sys", "/proc/sysrq-trigger", "/sys"])("cannot make %s writable", async (path) => {
    const { exitCode } = await nested(`mount -o remount,rw,bind ${path} || umount ${path}`);

    expect(exitCode).not.toBe(0);
  });

  it.each(["/proc/kcore", "/proc/keys", "/sys/firmware"])("cannot uncover %s", async (path) => {
    const { exitCode } = await nested(`test -e ${path} && umount ${path}`);

    expect(exitCode).not.toBe(0);
  });

  it("is not to be had: the seccomp filter denies what makes one", async () => {
    const { exitCode, stderr } = await nested("true", "default");

    expect(exitCode).not.toBe(0);
    expect(stderr).toContain("unshare: unshare(0x");
    expect(stderr).toContain("Operation not permitted");
  });

  it("is not to be had without a filter either where root inside is root of the machine", async () => {
    const { exitCode, isolation } = await nested("true");

    expect(exitCode === 0).toBe(isolation.ids !== "root");
  });

  function nested(
    script: string,
    seccomp: "default" | "unconfined" = "unconfined",
  ): Promise<RunResult> {
    const words = ["unshare", "-U", "-r", "-m", "-p", "-f", "-n", "sh", "-c", script];
    return run("busybox", words, { engine, remove: true, seccomp });
  }
});
