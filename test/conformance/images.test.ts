import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { run } from "../../lib/api/run.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import { testEngine } from "../helpers/engine.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { subordinateIdsFault } from "../helpers/ids.ts";
import { busyboxArchive } from "../helpers/images.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { type Podman, openPodman } from "../helpers/podman.ts";
import { hostCan, requireProgram, requireUserNamespaces } from "../helpers/user-namespaces.ts";

const able =
  requireUserNamespaces() &&
  requireProgram("podman") &&
  requireProgram("buildah") &&
  hostCan("build images with buildah and podman", buildFault());

describe("images made by others", () => {
  expectNothingLeft();

  let engine: Engine;
  let folder: string;
  let tools: Podman;

  beforeAll(async () => {
    if (!able) return;
    engine = await testEngine();
    folder = await temporaryFolder();
    tools = await openPodman();
    tools.podman("load", "--quiet", "--input", busyboxArchive());
    buildLunch(tools, folder);
  });

  it.each([
    ["podman save", "docker-archive"],
    ["podman save", "oci-archive"],
  ])("loads and runs what %s --format %s wrote", async (_, format) => {
    const archive = join(folder, `podman-${format}.tar`);
    tools.podman("save", "--quiet", "--format", format, "--output", archive, "localhost/lunch:1");

    const images = await engine.images.load(archive);
    const result = await run("localhost/lunch:1", ["cat", "/menu"], { engine, remove: true });

    expect(images.flatMap(({ names }) => names)).toContain("localhost/lunch:1");
    expect(result.stdout).toBe("feijoada\n");
  });

  it.each(["docker-archive", "oci-archive", "oci"])(
    "loads and runs what buildah push %s: wrote",
    async (transport) => {
      const target = join(folder, `buildah-${transport}`);
      const name = `pushed-${transport}:latest`;
      tools.buildah("push", "--quiet", "localhost/lunch:1", `${transport}:${target}:${name}`);

      await engine.images.load(target);
      const result = await run(name, [], { engine, remove: true });

      expect(result.stdout).toBe("cook of feijoada in /srv\n");
    },
  );

  it("applies the whiteouts that buildah wrote", async () => {
    const archive = join(folder, "whiteouts.tar");
    tools.podman("save", "--quiet", "--output", archive, "localhost/lunch:2");

    await engine.images.load(archive);
    const result = await run("localhost/lunch:2", ["ls", "/plates"], { engine, remove: true });

    expect(result.stdout).toBe("fresh\n");
  });
});

/** Two images over busybox: one with a file, a user and a command; one that deletes from it. */
function buildLunch(tools: Podman, folder: string): void {
  const plates = join(folder, "plates");
  mkdirSync(plates);
  writeFileSync(join(plates, "old"), "");
  writeFileSync(join(folder, "menu"), "feijoada\n");

  const first = tools.buildah("from", "--pull-never", "localhost/busybox").trim();
  tools.buildah("copy", "--quiet", first, join(folder, "menu"), "/menu");
  tools.buildah("copy", "--quiet", first, plates, "/plates");
  tools.buildah(
    "config",
    "--user",
    "cook",
    "--workingdir",
    "/srv",
    "--env",
    "DISH=feijoada",
    "--cmd",
    '["sh", "-c", "echo $(id -un) of $DISH in $PWD"]',
    first,
  );
  tools.buildah("commit", "--quiet", first, "localhost/lunch:1");

  const second = tools.buildah("from", "--pull-never", "localhost/lunch:1").trim();
  tools.changeFiles(second, "rm plates/old && touch plates/fresh");
  tools.buildah("commit", "--quiet", second, "localhost/lunch:2");
}

// As root they need to own the machine; as anybody else, a range of ids.
function buildFault(): string | undefined {
  return process.getuid?.() === 0 ? undefined : subordinateIdsFault();
}
