/** What an image or a mount puts where a terminal is made, and what of it a container can reach. */
import { spawnSync } from "node:child_process";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../../lib/engine/engine.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { busyboxWith } from "../helpers/images.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

describe.runIf(requireUserNamespaces())("a container's terminal", () => {
  expectNothingLeft();

  let engine: Engine;

  beforeAll(async () => {
    engine = await busyboxEngine();
  });

  const tty = { tty: true, remove: true } as const;
  const run = (command: readonly string[], options: object = {}) =>
    engine.containers.run("busybox", command, { ...tty, ...options });

  it("is all that its process has of terminals: no master, nothing of the keeper's", async () => {
    const { stdout } = await run(["ls", "-l", "/proc/self/fd"]);

    const targets = stdout.split("\r\n").flatMap((line) => / -> (.*)/.exec(line)?.[1] ?? []);
    expect(targets.filter((path) => !path.startsWith("/proc/"))).toEqual([
      "/dev/pts/0",
      "/dev/pts/0",
      "/dev/pts/0",
    ]);
  });

  it("is in a devpts of the container's own", async () => {
    const { stdout } = await run(["ls", "/dev/pts"]);

    expect(stdout.split(/\s+/).filter((name) => name !== "")).toEqual(["0", "ptmx"]);
  });

  it("does not follow what an image has at /dev", async () => {
    const path = busyboxWith({
      name: "devices:odd",
      layers: [
        [
          { path: "dev/console", type: "symlink", target: "/etc/passwd" },
          { path: "dev/pts", type: "symlink", target: "/etc" },
          { path: "dev/ptmx", content: "not a device" },
        ],
      ],
    });
    await engine.images.load(path);

    const { stdout } = await engine.containers.run("devices:odd", ["tty"], tty);

    expect(stdout).toBe("/dev/pts/0\r\n");
  });

  describe("is refused where /dev is somebody else's and its ptmx is", () => {
    it.each([
      ["a file", (path: string) => writeFile(path, "")],
      ["a pipe, which nobody writes to", async (path: string) => void spawnSync("mkfifo", [path])],
      ["a link to the machine's", (path: string) => symlink("/dev/ptmx", path)],
      ["a link to another file", (path: string) => symlink("/etc/passwd", path)],
      ["missing", async () => undefined],
    ])("%s", async (_, put) => {
      const source = await temporaryFolder();
      await mkdir(join(source, "pts"));
      await put(join(source, "pts/ptmx"));

      const mounts = [{ type: "bind", source, target: "/dev" }];

      await expect(run(["true"], { mounts })).rejects.toMatchObject({
        code: "START_FAILED",
        step: "terminal",
      });
    });
  });

  it("is not mounted where a link in place of /dev/console leads", async () => {
    const source = await temporaryFolder();
    await mkdir(join(source, "pts"));
    await symlink("/etc/target", join(source, "console"));
    const mounts = [
      { type: "bind", source, target: "/dev" },
      { type: "bind", source: "/dev/pts", target: "/dev/pts" },
    ];

    // Where the machine's own ptmx may not be opened it ends there; never at the link's target.
    await expect(run(["true"], { mounts })).rejects.toMatchObject({ step: "terminal" });
    expect(await readFile("/etc/passwd", "utf8")).toContain("root");
  });
});
