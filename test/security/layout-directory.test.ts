/** An OCI layout directory that belongs to somebody else, who changes it while it is read. */
import { spawnSync } from "node:child_process";
import { mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Archive } from "../../lib/images/archive.ts";
import { readDockerImage } from "../../lib/images/docker-archive.ts";
import { readLayout } from "../../lib/images/oci-layout.ts";
import { digestOf, hexOf } from "../../lib/oci/digest.ts";
import { hostPlatform } from "../../lib/oci/platform.ts";
import { testEngine } from "../helpers/engine.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { Layout, type Members, dockerMembers, image } from "../helpers/image-layouts.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const PLATFORM = { platform: hostPlatform() };

describe("a blob that is another when it is read again", () => {
  it.each(["manifest", "config"] as const)("is refused as a layout's %s", async (part) => {
    const layout = new Layout();
    const made = image(["layer"]);
    const manifest = layout.manifest(made);
    const digest = part === "manifest" ? manifest.digest : digestOf(made.config);
    const members = layout.done([manifest]);

    const archive = swapping(members, `blobs/sha256/${hexOf(digest)}`);

    await expect(readLayout(archive, { ...PLATFORM, tags: new Map() })).rejects.toMatchObject({
      code: "CORRUPT",
      message: expect.stringContaining(`blob ${digest} holds bytes of`) as unknown,
    });
  });

  it("is refused as the config that a docker archive names", async () => {
    const made = image(["layer"]);
    const config = `${hexOf(digestOf(made.config))}.json`;
    const layers = Object.keys(dockerMembers([made])).filter((name) => name.endsWith(".tar"));
    const archive = swapping(dockerMembers([made]), config);

    const reading = readDockerImage(archive, { config, layers, tags: [] }, PLATFORM);

    await expect(reading).rejects.toMatchObject({ code: "CORRUPT" });
  });

  /** Its files hash to what they should, and `swapped` is read as something else of that size. */
  function swapping(members: Members, swapped: string): Archive {
    const bytesOf = (name: string) => Buffer.from(members[name] as string);
    return {
      async find(name) {
        if (!Object.hasOwn(members, name)) return undefined;
        return { name, path: name, size: bytesOf(name).length };
      },
      async read({ name }) {
        const bytes = bytesOf(name);
        return name === swapped ? Buffer.from(bytes.toString().replace(/.$/, "} ")) : bytes;
      },
      async digest({ name }) {
        return digestOf(bytesOf(name));
      },
      async peek({ name }, count) {
        return bytesOf(name).subarray(0, count);
      },
      async take() {
        throw new Error("not asked for");
      },
    };
  }
});

describe.runIf(requireUserNamespaces())("a layout directory", () => {
  expectNothingLeft();

  it.each([
    ["a pipe for its index", "index.json", "pipe"],
    ["a pipe for a blob", "blob", "pipe"],
    ["a link to an endless device for its index", "index.json", "device"],
    ["a link to an endless device for a blob", "blob", "device"],
    ["a directory for a blob", "blob", "directory"],
  ] as const)("with %s is refused at once", async (_, what, kind) => {
    const layout = new Layout();
    const manifest = layout.manifest(image(["layer"]));
    const odd = what === "blob" ? `blobs/sha256/${manifest.digest.slice(7)}` : what;
    const folder = await written(layout.done([manifest]), odd);
    if (kind === "pipe") spawnSync("mkfifo", [join(folder, odd)]);
    if (kind === "device") await symlink("/dev/zero", join(folder, odd));
    if (kind === "directory") await mkdir(join(folder, odd));
    const engine = await testEngine();

    await expect(engine.images.load(folder)).rejects.toMatchObject({ code: "CORRUPT" });

    expect(await readdir(join(engine.root, "images"))).toEqual([]);
  });

  async function written(members: Members, but: string): Promise<string> {
    const folder = await temporaryFolder();
    for (const [name, content] of Object.entries(members)) {
      await mkdir(dirname(join(folder, name)), { recursive: true });
      if (name !== but) await writeFile(join(folder, name), content as string);
    }
    return folder;
  }
});
