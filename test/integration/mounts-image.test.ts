/** Images as mounts: their files, read-only or with a layer of the container's over them. */
import { beforeAll, describe, expect, it } from "vitest";
import { run } from "../../lib/api/run.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import type { ImageMount } from "../../lib/engine/mounts.ts";
import { testEngine } from "../helpers/engine.ts";
import { busyboxArchive, busyboxWith } from "../helpers/images.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

/** Two layers, the second of which takes something of the first away. */
const ARCHIVE = busyboxWith({
  name: "tools",
  layers: [
    [
      { path: "opt/tool", content: "#!/bin/sh\necho tool\n", mode: 0o755 },
      { path: "opt/gone", content: "" },
      { path: "opt/out", type: "symlink", target: "/etc" },
    ],
    [{ path: "opt/.wh.gone", content: "" }],
  ],
});

describe.runIf(requireUserNamespaces())("an image as a mount", () => {
  expectNothingLeft();

  let engine: Engine;

  beforeAll(async () => {
    engine = await testEngine();
    await engine.images.load(busyboxArchive());
    await engine.images.load(ARCHIVE);
  });

  const image = (rest: Partial<ImageMount> = {}): ImageMount => {
    return { type: "image", source: "tools", target: "/m", ...rest };
  };

  async function shell(script: string, mount: ImageMount): Promise<string> {
    const command = ["sh", "-c", script];
    const { stdout, stderr } = await run("busybox", command, {
      engine,
      remove: true,
      network: "none",
      mounts: [mount],
    });
    return stdout + stderr;
  }

  it("shows its files as a container of it would, and nobody can write", async () => {
    expect(await shell("/m/opt/tool; ls /m/opt; touch /m/x", image())).toBe(
      "tool\nout\ntool\ntouch: /m/x: Read-only file system\n",
    );
  });

  it("of one layer is the same", async () => {
    const mount = image({ source: "busybox" });

    expect(await shell("ls -d /m/bin; touch /m/bin/x", mount)).toBe(
      "/m/bin\ntouch: /m/bin/x: Read-only file system\n",
    );
  });

  it("may be written, which no other container sees", async () => {
    const mount = image({ readOnly: false });

    expect(await shell("echo x > /m/opt/new; rm /m/opt/tool; ls /m/opt", mount)).toBe("new\nout\n");
    expect(await shell("ls /m/opt", mount)).toBe("out\ntool\n");
  });

  it("may be a part of it, of which no link leads out", async () => {
    expect(await shell("ls /m", image({ subpath: "opt" }))).toBe("out\ntool\n");
    expect(await shell("/m", image({ subpath: "opt/tool" }))).toBe("tool\n");
    await expect(shell("ls /m", image({ subpath: "opt/out" }))).rejects.toMatchObject({
      code: "START_FAILED",
      errno: "EXDEV",
    });
  });

  it("must be there, and is not the machine itself", async () => {
    await expect(shell("true", image({ source: "nobody" }))).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
    await expect(shell("true", image({ source: "host" }))).rejects.toMatchObject({
      code: "UNSUPPORTED",
    });
  });

  it("is in use while the container is there", async () => {
    const container = await engine.containers.create({
      image: "busybox",
      command: ["/m/opt/tool"],
      mounts: [image()],
    });

    await expect(engine.images.remove("tools")).rejects.toMatchObject({ code: "CONFLICT" });
    const { Mounts, HostConfig } = await container.inspect();

    expect(Mounts).toEqual([
      expect.objectContaining({ Type: "image", Source: "tools", Destination: "/m", RW: false }),
    ]);
    expect(HostConfig.Mounts).toMatchObject([{ Type: "image", Source: "tools", ReadOnly: true }]);
    await container.remove();
  });
});
