import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../../lib/engine/engine.ts";
import { output } from "../helpers/command.ts";
import { testEngine } from "../helpers/engine.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { busyboxArchive, manyLayersArchive } from "../helpers/images.ts";
import { requireProgram, requireUserNamespaces } from "../helpers/user-namespaces.ts";

interface Inspected {
  readonly Digest: string;
  readonly Architecture: string;
  readonly Layers: readonly string[];
  readonly Env: readonly string[];
}

const able = requireUserNamespaces() && requireProgram("skopeo") && requireProgram("umoci");

describe("the image store, read by others", () => {
  let engine: Engine;
  let layout: string;

  beforeAll(async () => {
    if (!able) return;
    engine = await testEngine();
    layout = join(engine.root, "images");
    await engine.images.load(busyboxArchive());
    await engine.images.load(manyLayersArchive(3));
  });

  it("is an OCI layout that skopeo inspects by name", async () => {
    const inspected = JSON.parse(
      output(["skopeo", "inspect", `oci:${layout}:busybox:latest`]),
    ) as Inspected;

    const image = await engine.images.get("busybox");
    expect(inspected.Digest).toBe(image.digest);
    expect(inspected.Layers).toEqual(image.layers.map(({ descriptor }) => descriptor.digest));
    expect(inspected.Env).toEqual([expect.stringMatching(/^PATH=/)]);
  });

  it("holds images that skopeo copies elsewhere whole", async () => {
    const target = join(await temporaryFolder(), "copy");

    output(["skopeo", "copy", "--quiet", `oci:${layout}:layers:3`, `dir:${target}`]);

    const copied = readdirSync(target).filter((name) => /^[0-9a-f]{64}$/.test(name));
    expect(copied).toHaveLength(4); // three layers and the configuration
  });

  it("holds images that umoci unpacks", async () => {
    const bundle = join(await temporaryFolder(), "bundle");
    const rootless = process.getuid?.() === 0 ? [] : ["--rootless"];

    output(["umoci", "unpack", ...rootless, "--image", `${layout}:busybox:latest`, bundle]);

    expect(existsSync(join(bundle, "rootfs/bin/busybox"))).toBe(true);
    expect(readFileSync(join(bundle, "rootfs/etc/passwd"), "utf8")).toMatch(/^root:x:0:0/);
  });
});
