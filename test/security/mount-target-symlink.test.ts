/** Links in an image where mounts and the working directory are to be made. */
import { readdir, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { tarArchive } from "../../fixtures/tar-writer.mjs";
import { busyboxLayer } from "../../fixtures/busybox.mjs";
import { run } from "../../lib/api/run.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import type { RunOptions } from "../../lib/engine/options.ts";
import { testEngine } from "../helpers/engine.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { archive, dockerMembers, image } from "../helpers/image-layouts.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

describe.runIf(requireUserNamespaces())("an image with links out of itself", () => {
  expectNothingLeft();

  let engine: Engine;
  /** On the machine, and named by the image's links. */
  let outside: string;
  let source: string;

  beforeAll(async () => {
    engine = await testEngine();
    outside = await temporaryFolder();
    source = await temporaryFolder();
    await writeFile(join(source, "file"), "mounted");
    const links = {
      absolute: outside,
      climbing: `../../../../../../../../../../../../..${outside}`,
      "by-proc": `/proc/1/root${outside}`,
      "by-cwd": `/proc/self/cwd/${relative("/", outside)}`,
    };
    const layer = tarArchive([
      ...Object.entries(links).map(([path, target]) => ({
        path,
        type: "symlink" as const,
        target,
      })),
      { path: "to-root", type: "symlink", target: "/" },
    ]);
    const made = image([busyboxLayer(), layer]);
    await engine.images.load(await archive(dockerMembers([{ ...made, tags: ["links"] }])));
  });

  const links = ["absolute", "climbing", "by-proc", "by-cwd"];

  describe.each(links)("%s", (link) => {
    it.each([
      ["a directory", (target: string) => ({ mounts: [{ type: "bind", source, target }] })],
      [
        "a file",
        (target: string) => ({ mounts: [{ type: "bind", source: join(source, "file"), target }] }),
      ],
      ["a tmpfs", (target: string) => ({ mounts: [{ type: "tmpfs", target }] })],
      ["a device", (target: string) => ({ devices: [{ source: "/dev/zero", target }] })],
      ["a working directory", (target: string) => ({ workdir: target })],
    ] satisfies readonly (readonly [string, (target: string) => RunOptions])[])(
      "leads %s nowhere but into the container",
      async (_, options) => {
        const command = ["true"];

        // Whether it can be made there is another matter: links through /proc are not followed.
        await run("links", command, { engine, remove: true, ...options(`/${link}/new`) }).catch(
          () => undefined,
        );

        expect(await readdir(outside)).toEqual([]);
        expect(await readdir(source)).toEqual(["file"]);
      },
    );
  });

  it("to its own root does not lay a mount over it", async () => {
    const { stdout } = await run("links", ["sh", "-c", "ls -d /bin /proc/sys; id -u"], {
      engine,
      remove: true,
      mounts: [{ type: "bind", source, target: "/to-root" }],
    });

    expect(stdout).toBe("/bin\n/proc/sys\n0\n");
  });
});
