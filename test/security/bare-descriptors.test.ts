/**
 * Descriptors that a runtime forgets to close: a working directory below /proc/self/fd led out of
 * the container through one of them, of `create` as of `exec` (CVE-2024-21626).
 *
 * Red when workdir_enter() in native/init/workdir.c is a chdir(): with a listener `exec` has this
 * machine's /proc open by then. And when moving_carry_out() in native/init/moving.c leaves a directory
 * of the machine open, which is seen at process 1. A container's own working directory would be refused
 * still, as it is made without following such links (native/core/inside.c).
 */
import { closeSync, openSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runtime } from "../../lib/api/runtime.ts";
import { isMarmitaError } from "../../lib/errors.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { type BundleChanges, BundleFolder } from "../helpers/oci-bundle.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const able = requireUserNamespaces();
/** What Node, the starter and the child may have open, and some more. */
const NUMBERS = Array.from({ length: 40 }, (_, index) => index + 3);
const NAMES = "etc usr home ../etc ../usr ../home";
const LOOK = ["sh", "-c", `ls -d ${NAMES} 2>/dev/null; echo at $(pwd)`];
/** A directory of the container has none of these names, nor beside it; the machine's root has. */
const OUTSIDE = /^(?:\.\.\/)?(?:etc|usr|home)$/m;
const NOBODY = "nobody to ask";
const WAYS = [NOBODY, "a listener of system calls"];

type Asked = NonNullable<BundleChanges["linux"]>;

describe.runIf(able)("descriptors of the machine", () => {
  let folder: BundleFolder;
  let root: string;
  let open: readonly number[];
  let listener: Server;
  /** With it the machine's /proc is open until the command begins. */
  let listened: Asked;

  beforeAll(async () => {
    folder = await BundleFolder.open();
    root = folder.states;
    const listenerPath = join(folder.folder, "listener");
    listener = createServer((socket) => socket.resume());
    await new Promise<void>((resolve) => listener.listen(listenerPath, resolve));
    listened = {
      seccomp: {
        defaultAction: "SCMP_ACT_ALLOW",
        listenerPath,
        syscalls: [{ names: ["swapoff"], action: "SCMP_ACT_NOTIFY" }],
      },
    };
    open = Array.from({ length: 8 }, () => openSync("/", "r"));
  });
  afterAll(() => {
    for (const fd of open) closeSync(fd);
    listener.close();
  });
  expectNothingLeft();

  it.for(WAYS)("are no working directory of a container with %s", async (way) => {
    const found: string[] = [];
    for (const number of NUMBERS) {
      const bundle = folder.make(LOOK, {
        process: { cwd: `/proc/self/fd/${number}` },
        linux: way === NOBODY ? {} : listened,
      });
      found.push(await outputOf(runtime.run("box", bundle, { root, cgroupManager: "disabled" })));
    }

    expect(found.filter((text) => OUTSIDE.test(text))).toEqual([]);
  });

  it.for(WAYS)("are no working directory of an exec, nor open in it, with %s", async (way) => {
    const bundle = folder.make(["sleep", "1000"], { linux: way === NOBODY ? {} : listened });
    const streams = { stdin: "ignore", stdout: "ignore", stderr: "ignore" } as const;
    await runtime.create("box", bundle, { root, cgroupManager: "disabled", ...streams });
    await runtime.start("box", { root });
    try {
      const found = await Promise.all(
        NUMBERS.map((number) =>
          outputOf(runtime.exec("box", LOOK, { root, cwd: `/proc/self/fd/${number}` })),
        ),
      );
      const numbers = await outputOf(runtime.exec("box", ["ls", "/proc/self/fd"], { root }));

      expect(found.filter((text) => OUTSIDE.test(text))).toEqual([]);
      // 3 is the directory that is listed.
      expect(numbers.trim().split("\n")).toEqual(["0", "1", "2", "3"]);
    } finally {
      await runtime.delete("box", { root, force: true });
    }
  });

  it("of process 1 lead nowhere from inside", async () => {
    const script = "for fd in /proc/1/fd/*; do readlink $fd; ls -d $fd/etc; done 2>/dev/null";
    const bundle = folder.make(["sleep", "1000"]);
    await runtime.create("box", bundle, {
      root,
      cgroupManager: "disabled",
      stdin: "ignore",
      stdout: "ignore",
      stderr: "ignore",
    });
    await runtime.start("box", { root });
    try {
      const text = await outputOf(runtime.exec("box", ["sh", "-c", script], { root }));

      expect(text.trim().split("\n")).toEqual(["/dev/null", "/dev/null", "/dev/null"]);
    } finally {
      await runtime.delete("box", { root, force: true });
    }
  });
});

/** A refusal is an answer, too. */
async function outputOf(running: Promise<{ readonly stdout?: string }>): Promise<string> {
  try {
    return (await running).stdout ?? "";
  } catch (error) {
    if (isMarmitaError(error, "START_FAILED")) return "";
    throw error;
  }
}
