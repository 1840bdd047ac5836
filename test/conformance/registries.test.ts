/** Images through a registry, between marmita and the tools that people have. */
import { readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { run } from "../../lib/api/run.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import type { PushCompression } from "../../lib/images/pushed-layer.ts";
import { output } from "../helpers/command.ts";
import { testEngine } from "../helpers/engine.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { subordinateIdsFault } from "../helpers/ids.ts";
import { Layout, image, named } from "../helpers/image-layouts.ts";
import { busyboxWith } from "../helpers/images.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { type Podman, openPodman } from "../helpers/podman.ts";
import { type TestRegistry, requireRegistry, startRegistry } from "../helpers/registry.ts";
import { hostCan, requireProgram, requireUserNamespaces } from "../helpers/user-namespaces.ts";
import { archiveOf } from "../../fixtures/layout-writer.mjs";
import { tarArchive } from "../../fixtures/tar-writer.mjs";

const able =
  requireUserNamespaces() &&
  requireRegistry() &&
  ["podman", "skopeo"].every((name) => requireProgram(name)) &&
  hostCan("store images with podman", idsFault());

const DOCKER = "application/vnd.docker";
const OCI = "application/vnd.oci.image";

describe("images in a registry, between marmita and others", () => {
  expectNothingLeft();

  let registry: TestRegistry;
  let engine: Engine;
  let tools: Podman;
  /** The archive of `lunch:1`: its layers plain tars, over busybox a file `menu`. */
  let archive: string;
  let id: string;

  beforeAll(async () => {
    if (!able) return;
    registry = await startRegistry();
    engine = await testEngine();
    tools = await openPodman();
    const layers = [[{ path: "menu", content: "feijoada\n" }]];
    archive = busyboxWith({ name: "lunch:1", layers });
    id = (await engine.images.load(archive))[0]?.id ?? "";
  });

  afterEach(() => {
    if (able) tools.podman("rmi", "--all", "--force");
  });

  /** Another engine, which has nothing of it yet. */
  async function elsewhere<T>(work: (other: Engine) => Promise<T>): Promise<T> {
    const other = await testEngine();
    try {
      return await work(other);
    } finally {
      await other.close();
    }
  }

  /** Where they remember no blob, whatever its compression: they would send none of them again. */
  async function unknownHost(): Promise<string> {
    return (await startRegistry()).host;
  }

  async function pushed(path: string, compression: PushCompression) {
    const name = `${registry.host}/${path}`;
    await engine.images.tag("lunch:1", name);
    return { ...(await engine.images.push(name, { compression })), name };
  }

  /** The manifest or index as skopeo gets it. */
  function raw(name: string): { mediaType: string; layers: { mediaType: string }[] } {
    return JSON.parse(
      output(["skopeo", "inspect", "--tls-verify=false", "--raw", `docker://${name}`]),
    );
  }

  /** From or to the registry. */
  function copy(from: string, to: string, ...options: readonly string[]): void {
    const tls = ["--src-tls-verify=false", "--dest-tls-verify=false"];
    output(["skopeo", "copy", "-q", "--insecure-policy", ...tls, ...options, from, to]);
  }

  const forms = [
    ["gzip", ".tar+gzip"],
    ["zstd", ".tar+zstd"],
    ["keep", ".tar"],
  ] as const;

  describe("that we pushed", () => {
    it.each(forms)("skopeo finds, with layers as for %s", async (compression, ending) => {
      const { name, digest } = await pushed(`skopeo-${compression}:1`, compression);

      const found = JSON.parse(
        output(["skopeo", "inspect", "--tls-verify=false", `docker://${name}`]),
      );

      expect(found).toMatchObject({ Digest: digest, RepoTags: ["1"] });
      const types = raw(name).layers.map(({ mediaType }) => mediaType);
      expect(types).toEqual([`${OCI}.layer.v1${ending}`, `${OCI}.layer.v1${ending}`]);
    });

    it.each(forms)("skopeo copies, as for %s, and we load the copy", async (compression) => {
      const { name } = await pushed(`copied-${compression}:1`, compression);
      const layout = join(await temporaryFolder(), "layout");

      copy(`docker://${name}`, `oci:${layout}:lunch:2`, "--dest-oci-accept-uncompressed-layers");

      const loaded = await elsewhere((other) => other.images.load(layout));
      expect(loaded).toEqual([{ id, names: ["lunch:2"] }]);
    });

    it.each(forms)("podman pulls, as for %s, with the same id and files", async (compression) => {
      const { name } = await pushed(`podman-${compression}:1`, compression);

      const pulled = tools.podman("pull", "--quiet", "--tls-verify=false", name).trim();

      expect(`sha256:${pulled}`).toBe(id);
      expect(await menuOfPodman(tools, name)).toBe("feijoada\n");
    });
  });

  describe("that others pushed", () => {
    it.each([
      ["oci", "gzip", `${OCI}.manifest.v1+json`, `${OCI}.layer.v1.tar+gzip`],
      ["oci", "zstd", `${OCI}.manifest.v1+json`, `${OCI}.layer.v1.tar+zstd`],
      [
        "v2s2",
        "gzip",
        `${DOCKER}.distribution.manifest.v2+json`,
        `${DOCKER}.image.rootfs.diff.tar.gzip`,
      ],
    ])("we pull from podman: %s with %s", async (format, compression, manifestType, layerType) => {
      const name = `${await unknownHost()}/by-podman:${format}-${compression}`;
      tools.podman("load", "--quiet", "--input", archive);
      const how = [`--format=${format}`, `--compression-format=${compression}`];

      tools.podman("push", "--quiet", "--tls-verify=false", ...how, "lunch:1", name);

      const { mediaType, layers } = raw(name);
      expect([mediaType, layers[0]?.mediaType]).toEqual([manifestType, layerType]);
      await elsewhere(async (other) => {
        const image = await other.images.pull(name);
        expect(image.manifest.mediaType).toBe(manifestType);
        expect(await menuOf(other, name)).toBe("feijoada\n");
      });
    });

    it.each([
      ["oci", "gzip", `${OCI}.layer.v1.tar+gzip`],
      ["oci", "zstd", `${OCI}.layer.v1.tar+zstd`],
      ["v2s2", "gzip", `${DOCKER}.image.rootfs.diff.tar.gzip`],
    ])("we pull from skopeo: %s with %s", async (format, compression, layerType) => {
      const name = `${await unknownHost()}/by-skopeo:${format}-${compression}`;
      const how = [`--format=${format}`, `--dest-compress-format=${compression}`];

      copy(`docker-archive:${archive}`, `docker://${name}`, ...how);

      expect(raw(name).layers.map(({ mediaType }) => mediaType)).toEqual([layerType, layerType]);
      await elsewhere(async (other) => {
        const image = await other.images.pull(name);
        expect(image.config.rootfs.diff_ids).toHaveLength(2);
        expect(await menuOf(other, name)).toBe("feijoada\n");
      });
    });

    /** By skopeo, which keeps what is in a layout, and by podman, which writes an index anew. */
    const writers = {
      skopeo(layout: string, name: string) {
        copy(`oci:${layout}:several`, `docker://${name}`, "--all", "--preserve-digests");
      },
      podman(layout: string, name: string) {
        tools.podman("manifest", "create", "several", "--all", `oci:${layout}:several`);
        const how = ["--all", "--quiet", "--tls-verify=false", "--format=v2s2"];
        tools.podman("manifest", "push", ...how, "several", `docker://${name}`);
      },
    };

    it.each([
      ["skopeo", `${OCI}.index.v1+json`],
      ["podman", `${DOCKER}.distribution.manifest.list.v2+json`],
    ] as const)("we pull of %s's index of two platforms what was meant", async (by, mediaType) => {
      const layout = join(await temporaryFolder(), "layout");
      const menu = (content: string) => tarArchive([{ path: "menu", content }]);
      const amd64 = image([menu("amd64\n")], { architecture: "amd64" });
      const arm64 = image([menu("arm64\n")], { architecture: "arm64" });
      await writeIndex(layout, { amd64, arm64 });
      const name = `${registry.host}/several:${by}`;

      writers[by](layout, name);

      expect(raw(name)).toMatchObject({ mediaType });
      const index = JSON.parse(
        output(["skopeo", "inspect", "--tls-verify=false", `docker://${name}`]),
      ).Digest;
      for (const architecture of ["amd64", "arm64"]) {
        await elsewhere(async (other) => {
          const pulled = await other.images.pull(name, { platform: `linux/${architecture}` });
          expect(pulled.config.architecture).toBe(architecture);
          expect(pulled.repoDigests).toContain(`${registry.host}/several@${index}`);
        });
      }
    });

    it("we push again as they were, under another name and to skopeo's eyes the same", async () => {
      const theirs = `${registry.host}/theirs:1`;
      const ours = `${registry.host}/ours:1`;
      copy(`docker-archive:${archive}`, `docker://${theirs}`, "--format=v2s2");

      await elsewhere(async (other) => {
        const { digest } = await other.images.pull(theirs);
        await other.images.tag(theirs, ours);
        expect(await other.images.push(ours)).toMatchObject({ digest });
      });

      expect(raw(ours)).toEqual(raw(theirs));
    });
  });
});

/** The file `/menu` of an image of podman's, which need not be able to run here. */
async function menuOfPodman(tools: Podman, image: string): Promise<string> {
  const container = tools.podman("create", "--network=none", image, "true").trim();
  const file = join(await temporaryFolder(), "menu");
  tools.podman("cp", `${container}:/menu`, file);
  tools.podman("rm", "--force", container);
  return readFileSync(file, "utf8");
}

async function menuOf(engine: Engine, image: string): Promise<string> {
  const { stdout } = await run(image, ["cat", "/menu"], { engine, network: "none", remove: true });
  return stdout;
}

/** A layout with an index of that name. */
async function writeIndex(
  folder: string,
  images: Readonly<Record<string, ReturnType<typeof image>>>,
): Promise<void> {
  const layout = new Layout();
  const manifests = Object.entries(images).map(([architecture, each]) =>
    layout.manifest(each, { platform: { os: "linux", architecture } }),
  );
  const index = layout.index(manifests);
  const tar = archiveOf(layout.done([{ ...index, ...named("several") }]));
  await mkdir(folder);
  output(["tar", "-x", "-C", folder], { input: tar });
}

// As root they need to own the machine; as anybody else, a range of ids.
function idsFault(): string | undefined {
  return process.getuid?.() === 0 ? undefined : subordinateIdsFault();
}
