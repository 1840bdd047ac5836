import { beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../../lib/engine/engine.ts";
import type { RunOptions } from "../../lib/engine/options.ts";
import { testEngine } from "../helpers/engine.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { busyboxArchive } from "../helpers/images.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { needProgram, requireUserNamespaces } from "../helpers/user-namespaces.ts";

const INDEX = new URL("../../dist/index.js", import.meta.url).href;

/** A container inside, from the archive and in the data root that are mounted there. */
const INSIDE = `
  const { openEngine } = await import(${JSON.stringify(INDEX)});
  const say = ({ code, step, errno, hint }) => console.log(JSON.stringify({ code, step, errno, hint }));
  try {
    const engine = await openEngine({ root: "/inner" });
    await engine.images.load("/busybox.tar");
    const words = ["sh", "-c", "grep ^Seccomp: /proc/self/status; ls /proc | grep -c '^[0-9]'"];
    const { stdout, isolation } = await engine.containers.run("busybox", words, { remove: true });
    console.log(JSON.stringify({ stdout, seccomp: isolation.seccomp }));
    await engine.close();
  } catch (error) { say(error); }`;

describe.runIf(requireUserNamespaces())("a container in a container", () => {
  expectNothingLeft();

  let engine: Engine;

  beforeAll(async () => {
    engine = await testEngine();
  });

  async function inside(options: RunOptions): Promise<unknown> {
    const mounts = [
      { type: "bind", source: await temporaryFolder(), target: "/inner" },
      { type: "bind", source: busyboxArchive(), target: "/busybox.tar", readOnly: true },
    ] as const;
    const argv = [process.execPath, "--input-type=module", "--eval", INSIDE];
    const { stdout, stderr } = await engine.containers.run("host", argv, {
      remove: true,
      mounts,
      ...options,
    });
    return stdout === "" ? stderr : JSON.parse(stdout);
  }

  it("runs where the outer one is privileged, as confined as any", async () => {
    expect(await inside({ privileged: true })).toEqual({
      stdout: expect.stringMatching(/^Seccomp:\t2\n[1-4]\n$/) as string,
      seccomp: "default",
    });
  });

  it("does not run where it is not, and says why", async () => {
    expect(await inside({})).toMatchObject({
      code: "UNSUPPORTED",
      step: "namespace",
      hint: expect.stringContaining("seccomp=unconfined") as string,
    });
  });

  it("may be bubblewrap's", async (context) => {
    needProgram(context, "bwrap");
    const words = [
      "bwrap",
      "--unshare-all",
      "--ro-bind",
      "/",
      "/",
      "--proc",
      "/proc",
      "echo",
      "oi",
    ];

    const { stdout } = await engine.containers.run("host", words, {
      remove: true,
      privileged: true,
    });

    expect(stdout).toBe("oi\n");
  });
});
