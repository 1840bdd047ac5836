/**
 * Descriptors that a runtime forgets to close: a working directory below /proc/self/fd led out of
 * the container through one of them, of `create` as of `exec` (CVE-2024-21626).
 *
 * Red when moving_carry_out() in native/init/moving.c leaves a directory of this machine open: `exec`
 * begins there, and it is seen at process 1. The first test would be green still: a container's
 * working directory is made without following such links (native/core/inside.c).
 */
import { closeSync, openSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runtime } from "../../lib/api/runtime.ts";
import { isMarmitaError } from "../../lib/errors.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { BundleFolder } from "../helpers/oci-bundle.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const able = requireUserNamespaces();
/** What Node, the starter and the child may have open, and some more. */
const NUMBERS = Array.from({ length: 40 }, (_, index) => index + 3);
const LOOK = ["sh", "-c", "ls -d etc usr home 2>/dev/null; echo at $(pwd)"];
/** A directory of the container has none of these names; the machine's root has. */
const OUTSIDE = /^(?:etc|usr|home)$/m;

describe.runIf(able)("descriptors of the machine", () => {
  let folder: BundleFolder;
  let root: string;
  let open: readonly number[];

  beforeAll(async () => {
    folder = await BundleFolder.open();
    root = folder.states;
    open = Array.from({ length: 8 }, () => openSync("/", "r"));
  });
  afterAll(() => {
    for (const fd of open) closeSync(fd);
  });
  expectNothingLeft();

  it("are no working directory of a container", async () => {
    const found: string[] = [];
    for (const number of NUMBERS) {
      const bundle = folder.make(LOOK, { process: { cwd: `/proc/self/fd/${number}` } });
      found.push(await outputOf(runtime.run("box", bundle, { root, cgroupManager: "disabled" })));
    }

    expect(found.filter((text) => OUTSIDE.test(text))).toEqual([]);
  });

  it("are no working directory of a further process, and not open in it", async () => {
    const bundle = folder.make(["sleep", "1000"]);
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
