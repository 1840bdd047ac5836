/**
 * Links in an image where the kernel's file systems go. A /proc that is mounted and then covered is
 * out of reach of masks, yet lets a user namespace inside mount another one that has none.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { run } from "../../lib/api/run.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import type { Mount } from "../../lib/engine/mounts.ts";
import { testEngine } from "../helpers/engine.ts";
import { busyboxWith } from "../helpers/images.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

describe.runIf(requireUserNamespaces())("an image whose links lead /proc or /sys astray", () => {
  expectNothingLeft();

  let engine: Engine;

  beforeAll(async () => {
    engine = await testEngine();
  });

  it.each([
    ["proc", "dev/elsewhere"],
    ["proc", "tmp"],
    ["sys", "dev/elsewhere"],
  ])("cannot have /%s mounted at %s", async (path, target) => {
    const name = await imageWithLink(path, target);

    await expect(run(name, ["true"], { engine, remove: true })).rejects.toMatchObject({
      code: "START_FAILED",
      step: "mount",
      message: expect.stringContaining(`/${path}: a symbolic link`) as unknown,
    });
  });

  it.each([
    ["dev", "proc", undefined],
    ["data", "/proc", { type: "tmpfs", target: "/data" }],
    ["data", "/proc/self/..", { type: "tmpfs", target: "/data" }],
    ["data", "/proc", { type: "bind", source: "/usr", target: "/data" }],
  ] satisfies readonly (readonly [string, string, Mount | undefined])[])(
    "cannot have /%s mounted over %s",
    async (path, target, mount) => {
      const name = await imageWithLink(path, target);
      const mounts = mount === undefined ? [] : [mount];

      await expect(run(name, ["true"], { engine, remove: true, mounts })).rejects.toMatchObject({
        code: "START_FAILED",
        message: expect.stringContaining("would cover the kernel's files") as unknown,
      });
    },
  );

  async function imageWithLink(path: string, target: string): Promise<string> {
    const name = `${path}-to${target.replaceAll(/\W+/g, "-")}x:latest`;
    await engine.images.load(busyboxWith({ name, layers: [[{ path, type: "symlink", target }]] }));
    return name;
  }
});
