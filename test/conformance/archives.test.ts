import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../../lib/engine/engine.ts";
import { output } from "../helpers/command.ts";
import { testEngine } from "../helpers/engine.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { subordinateIdsFault } from "../helpers/ids.ts";
import { busyboxArchive, busyboxWith } from "../helpers/images.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { type Podman, openPodman } from "../helpers/podman.ts";
import { hostCan, requireProgram, requireUserNamespaces } from "../helpers/user-namespaces.ts";

const able =
  requireUserNamespaces() &&
  ["podman", "buildah", "skopeo", "umoci"].every((name) => requireProgram(name)) &&
  hostCan("store images with podman", idsFault());

const LUNCH = "registry.example.com:5000/me/lunch:2";

describe("archives of images, between marmita and others", () => {
  expectNothingLeft();

  let engine: Engine;
  let folder: string;
  let tools: Podman;
  /** By name, id and digest of the manifest. */
  let ids: Record<string, string>;
  let digests: Record<string, string>;

  beforeAll(async () => {
    if (!able) return;
    engine = await testEngine();
    folder = await temporaryFolder();
    tools = await openPodman();
    await engine.images.load(busyboxArchive({ form: "oci", gzip: true }));
    const layers = [[{ path: "menu", content: "feijoada\n" }]];
    await engine.images.load(busyboxWith({ name: LUNCH, form: "oci", gzip: true, layers }));
    await engine.images.tag(LUNCH, "lunch:1");
    const images = await Promise.all(
      ["busybox:latest", LUNCH].map((each) => engine.images.get(each)),
    );
    ids = Object.fromEntries(images.flatMap(({ id, names }) => names.map((name) => [name, id])));
    digests = Object.fromEntries(
      images.flatMap(({ digest, names }) => names.map((name) => [name, digest])),
    );
  });

  afterEach(() => {
    if (able) tools.podman("rmi", "--all", "--force");
  });

  /** Names that podman shows, with the ids of their images. */
  function shownByPodman(): Record<string, string> {
    const format = "{{.Repository}}:{{.Tag}} sha256:{{.Id}}";
    const lines = tools.podman("images", "--no-trunc", "--format", format).trimEnd().split("\n");
    return Object.fromEntries(lines.map((line) => line.split(" ")));
  }

  async function saved(
    names: readonly string[],
    options: Parameters<Engine["images"]["save"]>[2] = {},
  ): Promise<string> {
    const path = join(await temporaryFolder(), "saved");
    await engine.images.save(names, path, options);
    return path;
  }

  it.each([
    ["as they are", {}],
    ["with plain layers", { uncompressed: true }],
  ])("podman loads all images that we saved, under their names, %s", async (_, options) => {
    const path = await saved(["busybox", LUNCH, "lunch:1"], options);

    tools.podman("load", "--quiet", "--input", path);

    expect(shownByPodman()).toEqual({
      "docker.io/library/busybox:latest": ids["busybox:latest"],
      "docker.io/library/lunch:1": ids["lunch:1"],
      [LUNCH]: ids[LUNCH],
    });
  });

  // A directory it names by its path.
  it.each(["docker-archive", "oci-archive"] as const)(
    "podman loads one image that we saved as %s",
    async (format) => {
      tools.podman("load", "--quiet", "--input", await saved([LUNCH], { format }));

      expect(shownByPodman()).toEqual({ [LUNCH]: ids[LUNCH] });
    },
  );

  it.each([
    ["oci-archive", "oci-archive"],
    ["docker-archive", "oci-archive"],
    ["oci-dir", "oci"],
  ] as const)("skopeo finds the images that we saved as %s in it", async (format, transport) => {
    const path = await saved(["busybox", "lunch:1"], { format });

    for (const name of ["busybox:latest", "lunch:1"]) {
      const inspected = output(["skopeo", "inspect", `${transport}:${path}:${name}`]);

      expect(JSON.parse(inspected)).toMatchObject({ Digest: digests[name] });
    }
  });

  it("skopeo copies an image of several out of what we saved for Docker", async () => {
    const path = await saved(["busybox", LUNCH]);
    const target = join(folder, "copied");

    output(["skopeo", "copy", "-q", `docker-archive:${path}:${LUNCH}`, `oci:${target}:lunch`]);

    const other = await testEngine();
    expect(await other.images.load(target)).toMatchObject([{ id: ids[LUNCH] }]);
    await other.close();
  });

  it("umoci unpacks what we saved as a directory", async () => {
    const bundle = join(folder, "bundle");
    const path = await saved(["busybox", "lunch:1"], { format: "oci-dir" });
    const rootless = process.getuid?.() === 0 ? [] : ["--rootless"];

    output(["umoci", "unpack", ...rootless, "--image", `${path}:lunch:1`, bundle]);

    expect(readFileSync(join(bundle, "rootfs/menu"), "utf8")).toBe("feijoada\n");
    expect(existsSync(join(bundle, "rootfs/bin/busybox"))).toBe(true);
  });

  it("buildah builds from what we saved", async () => {
    const path = await saved([LUNCH], { format: "oci-archive" });

    const container = tools.buildah("from", `oci-archive:${path}`).trim();
    tools.changeFiles(container, "cat menu > copy && rm menu");
    const target = join(folder, "built.tar");
    tools.buildah("commit", "--quiet", container, `docker-archive:${target}:built:1`);

    const other = await testEngine();
    expect(await other.images.load(target)).toMatchObject([{ names: ["built:1"] }]);
    await other.close();
    tools.buildah("rm", "--all");
  });

  it("we load all images and names that podman saved into one archive", async () => {
    tools.podman("load", "--quiet", "--input", await saved(["busybox", LUNCH]));
    tools.podman("tag", LUNCH, "localhost/dinner:1");
    const path = join(folder, "podman.tar");
    const names = ["docker.io/library/busybox:latest", LUNCH, "localhost/dinner:1"];
    tools.podman("save", "--quiet", "--multi-image-archive", "--output", path, ...names);
    const other = await testEngine();

    const loaded = await other.images.load(path);

    expect(loaded).toHaveLength(2);
    expect(loaded).toEqual(
      expect.arrayContaining([
        { id: ids["busybox:latest"], names: ["busybox:latest"] },
        { id: ids[LUNCH], names: expect.arrayContaining([LUNCH, "localhost/dinner:1"]) },
      ]),
    );
    await other.close();
  });

  it.each(["oci-dir", "oci-archive", "docker-archive"])(
    "we load what podman saved as %s of what we saved, with the same id",
    async (format) => {
      tools.podman("load", "--quiet", "--input", await saved([LUNCH]));
      const path = join(folder, `podman-${format}`);
      tools.podman("save", "--quiet", "--format", format, "--output", path, LUNCH);
      const other = await testEngine();

      expect(await other.images.load(path)).toEqual([{ id: ids[LUNCH], names: [LUNCH] }]);

      await other.close();
    },
  );

  it("we load an archive to which skopeo gave more names", async () => {
    const path = join(folder, "named.tar");
    const from = `oci:${await saved(["lunch:1"], { format: "oci-dir" })}:lunch:1`;
    const to = `docker-archive:${path}:lunch:1`;
    output(["skopeo", "copy", "-q", "--additional-tag", "me/lunch:3", from, to]);
    const other = await testEngine();

    const [image] = await other.images.load(path);

    expect(image?.id).toBe(ids["lunch:1"]);
    expect([...(image?.names ?? [])].sort()).toEqual(["lunch:1", "me/lunch:3"]);
    await other.close();
  });
});

// As root they need to own the machine; as anybody else, a range of ids.
function idsFault(): string | undefined {
  return process.getuid?.() === 0 ? undefined : subordinateIdsFault();
}
