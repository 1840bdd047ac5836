import { beforeAll, describe, expect, it } from "vitest";
import { run } from "../../lib/api/run.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import { testEngine } from "../helpers/engine.ts";
import { busyboxArchive } from "../helpers/images.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

// What docs/single-id.md says works, and what it lists as lost.
describe.runIf(requireUserNamespaces())("a container with one id", () => {
  expectNothingLeft();

  let engine: Engine;

  beforeAll(async () => {
    engine = await testEngine({ ids: "single" });
    await engine.images.load(busyboxArchive());
  });

  it("runs as root, and the result says that there is nobody else", async () => {
    const result = await shell("id -u; cat /proc/self/setgroups; wc -l < /proc/self/uid_map");

    expect(result).toMatchObject({ exitCode: 0, stdout: "0\ndeny\n1\n", stderr: "" });
    expect(result.isolation.ids).toBe("single");
    expect(result.isolation.notes).toEqual(["one id was asked for"]);
  });

  it("sees every file of the image as its own", async () => {
    const { stdout } = await shell("stat -c '%u:%g %a' /home/cook /bin/busybox /root /tmp");

    expect(stdout).toBe("0:0 755\n0:0 755\n0:0 700\n0:0 1777\n");
  });

  it("writes, makes links and changes modes as ever", async () => {
    const { stdout, stderr } = await shell(
      "cd /tmp && echo oi > a && ln a b && ln -s a c && chmod 4755 a && mkfifo d && stat -c %a%h a && cat c",
    );

    expect({ stdout, stderr }).toEqual({ stdout: "47552\noi\n", stderr: "" });
  });

  it.each([
    ["chown", "touch /tmp/x && chown 1000 /tmp/x", "Invalid argument"],
    ["setgroups, and so su", "su cook -c id", "Operation not permitted"],
  ])("has no %s", async (_, script, fault) => {
    const { exitCode, stderr } = await shell(script);

    expect(exitCode).not.toBe(0);
    expect(stderr).toContain(fault);
  });

  it("refuses to start as a user that does not exist here, with the way out", async () => {
    const running = run("busybox", ["id"], { engine, remove: true, user: "cook" });

    await expect(running).rejects.toMatchObject({
      code: "START_FAILED",
      hint: expect.stringContaining("/etc/subuid") as string,
      details: { exitCode: 125 },
    });
  });

  function shell(script: string) {
    return run("busybox", ["sh", "-c", script], { engine, remove: true, network: "none" });
  }
});
