/** A container that changes what a command brought into it relies on, while it comes. */
import { closeSync, openSync } from "node:fs";
import { access, chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { Container } from "../../lib/engine/container.ts";
import type { CreateOptions } from "../../lib/engine/container-options.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { lineOf } from "../helpers/eventually.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

describe.runIf(requireUserNamespaces())("a command in a hostile container", () => {
  expectNothingLeft();

  let engine: Engine;
  beforeAll(async () => {
    engine = await busyboxEngine();
  });

  async function start(script: string, options: Partial<CreateOptions> = {}): Promise<Container> {
    const { container, process } = await engine.containers.createAndStart({
      image: "busybox",
      command: ["sh", "-c", `${script}; echo ready; exec sleep 600`],
      network: "none",
      remove: true,
      ...options,
    });
    if (process.stdout !== undefined) await lineOf(process.stdout, /ready/);
    return container;
  }

  it("does not wait for a pipe in the place of the user's files", async () => {
    const container = await start("rm -f /etc/passwd /etc/group; mkfifo /etc/passwd /etc/group");
    await using _gone = container;

    expect(await container.exec(["echo", "hi"], { timeoutMs: 20_000 })).toMatchObject({
      exitCode: 0,
      stdout: "hi\n",
      timedOut: false,
    });
    await expect(container.exec(["true"], { user: "cook" })).rejects.toMatchObject({
      code: "START_FAILED",
      step: "user",
    });
  });

  it("does not wait for a pipe that comes and goes there", async () => {
    const container = await start(
      "(while :; do rm -f /etc/passwd; mkfifo /etc/passwd; rm -f /etc/passwd;" +
        " echo root:x:0:0::/:/bin/sh > /etc/passwd; done) >/dev/null 2>&1 & :",
    );
    await using _gone = container;

    for (let at = 0; at < 60; at++) {
      const { exitCode } = await container.exec(["true"], { timeoutMs: 20_000 });
      expect(exitCode).toBe(0);
    }
  });

  it("reads no file of the helper's by links there", async () => {
    for (const target of ["/proc/self/exe", "/proc/self/fd/3", "/proc/self/mem", "/proc/1/mem"]) {
      const container = await start(`rm /etc/passwd; ln -s ${target} /etc/passwd`);
      await using _gone = container;

      const outcome = await container.exec(["true"], { timeoutMs: 20_000 }).then(
        ({ exitCode }) => String(exitCode),
        (error: { step?: string }) => error.step,
      );
      expect(["0", "user"]).toContain(outcome);
    }
  });

  it("gets no directory of this machine by a descriptor", async () => {
    const open = Array.from({ length: 8 }, () => openSync("/", "r"));
    const container = await start(":");
    await using _gone = container;
    try {
      const { stdout } = await container.exec(["sh", "-c", "ls /proc/$$/fd; true"]);
      expect(stdout.trim().split("\n")).toEqual(["0", "1", "2"]);
      for (let number = 0; number < 16; number++) {
        for (const workdir of [`/proc/self/fd/${number}`, `/proc/1/fd/${number}`]) {
          await expect(container.exec(["true"], { workdir })).rejects.toMatchObject({
            step: "workdir",
          });
        }
      }
    } finally {
      for (const fd of open) closeSync(fd);
    }
  });

  it("is not led out by a link in the place of its directory", async () => {
    const container = await start("ln -s /proc/1/root/.. /out; ln -s /../../../.. /up");
    await using _gone = container;

    const { stdout } = await container.exec(["sh", "-c", "pwd -P; ls"], { workdir: "/up" });
    expect(stdout).toMatch(/^\/\n/);
    expect(stdout).toContain("bin\n");
    // A link of the kernel's, whose text says nothing of where it leads.
    await expect(container.exec(["true"], { workdir: "/out" })).rejects.toMatchObject({
      step: "workdir",
      errno: "ELOOP",
    });
  });

  it("that is the helper itself does none of its work", async () => {
    const shared = await temporaryFolder();
    const victim = join(shared, "victim");
    await writeFile(victim, "");
    await writeFile(join(shared, "script"), "#!/proc/self/exe remove\n", { mode: 0o755 });
    const bin = join(shared, "bin");
    await mkdir(bin);
    await writeFile(join(bin, "newuidmap"), "#!/bin/sh\nexec 9</proc/1/exe && : >/shared/opened\n");
    await chmod(join(bin, "newuidmap"), 0o755);
    const container = await start(":", {
      mounts: [{ type: "bind", source: shared, target: "/shared" }],
    });
    await using _gone = container;

    for (const command of [
      ["/proc/self/exe", "remove", "/shared/victim"],
      ["/shared/script", "/shared/victim"],
      ["/proc/self/exe", "mapped", "helpers", "0 0 1\n", "0 0 1\n"],
      ["/proc/self/exe", "exec", "/shared/script"],
    ]) {
      const { exitCode } = await container.exec(command, { env: { PATH: "/shared/bin:/bin" } });
      expect(exitCode).toBe(1);
    }

    await access(victim);
    await expect(access(join(shared, "opened"))).rejects.toThrow("ENOENT");
  });

  it("takes no terminal but one of a devpts", async () => {
    const container = await start(
      "mkdir /tmp/pts; : > /tmp/pts/ptmx; mount -o bind /tmp/pts /dev/pts",
      { privileged: true },
    );
    await using _gone = container;

    await expect(container.exec(["true"], { tty: true })).rejects.toMatchObject({
      code: "START_FAILED",
      step: "terminal",
    });
  });

  it("follows a first process into namespaces of its own, which lie inside the container's", async () => {
    const container = await start(":", {
      command: ["unshare", "-Um", "sh", "-c", "echo ready; exec sleep 600"],
      privileged: true,
    });
    await using _gone = container;

    const outcome = await container.exec(["true"], { timeoutMs: 20_000 }).then(
      ({ exitCode }) => exitCode,
      (error: { code: string }) => error.code,
    );

    expect([0, "START_FAILED"]).toContain(outcome);
  });

  it("has no more rights than the container's own, whatever setuid programs there are", async () => {
    const container = await start("cp /bin/busybox /tmp/su; chmod 4755 /tmp/su", {
      noNewPrivileges: true,
      capDrop: ["ALL"],
    });
    await using _gone = container;

    const { stdout } = await container.exec([
      "sh",
      "-c",
      "grep -E 'CapEff|CapBnd|NoNewPrivs' /proc/self/status",
    ]);

    expect(stdout.replaceAll(/\s+/g, " ").trim()).toBe(
      "CapEff: 0000000000000000 CapBnd: 0000000000000000 NoNewPrivs: 1",
    );
  });
});
