/** What one program commits, the others show: owner, mode, time, links, attributes, content. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { save } from "../../lib/api/images.ts";
import { run } from "../../lib/api/run.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import { IMAGE, changeAll, changesArchive } from "../helpers/changes/image.ts";
import { lookAt, seen } from "../helpers/changes/look.ts";
import { OURS, changedByUs } from "../helpers/changes/ours.ts";
import { THEIRS, committedByPodman } from "../helpers/changes/peers.ts";
import { output } from "../helpers/command.ts";
import { requirePodman } from "../helpers/compared.ts";
import { testEngine } from "../helpers/engine.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { type Podman, openPodman } from "../helpers/podman.ts";
import { hostCannot, needProgram, requireProgram } from "../helpers/user-namespaces.ts";

const LOOK = lookAt("/cases");

const able = requirePodman() && requireProgram("skopeo");

describe("an image of many changes", () => {
  expectNothingLeft();

  let engine: Engine;
  let podman: Podman;
  let fault: string | undefined;
  /** The store of ours, as others name it. */
  let layout: string;
  /** What our container of our image shows. */
  let ours: readonly string[];

  afterAll(() => able && podman.close());

  beforeAll(async () => {
    if (!able) return;
    engine = await testEngine();
    layout = `oci:${join(engine.root, "images")}:${OURS}`;
    podman = await openPodman("overlay");
    podman.podman("load", "--quiet", "--input", changesArchive());
    fault = podman.runFault(IMAGE);
    await engine.images.load(changesArchive());
    await changedByUs(engine, { image: IMAGE, script: changeAll() });
    ours = await shown(OURS);
    const archive = join(await temporaryFolder(), "ours.tar");
    await save(OURS, archive, { engine });
    podman.podman("load", "--quiet", "--input", archive);
  });

  async function shown(image: string): Promise<readonly string[]> {
    const options = { engine, remove: true, network: "none" } as const;
    const { stdout } = await run(image, ["sh", "-c", LOOK], options);
    return seen(stdout);
  }

  function shownByPodman(image: string): readonly string[] {
    return seen(podman.podman("run", "--rm", "--network=none", image, "sh", "-c", LOOK));
  }

  it("committed by marmita, is the same in podman", (context) => {
    if (fault !== undefined) context.skip(hostCannot("start containers with podman", fault));

    const theirs = shownByPodman(OURS);

    expect(ours.length).toBeGreaterThan(2_000);
    expect(withoutAncient(theirs)).toEqual(withoutAncient(ours));
  });

  it("committed by marmita, is the same in a container of buildah", () => {
    const container = podman.buildah("from", "--quiet", "--pull-never", OURS).trim();
    const within = ["chroot", ".", "/bin/sh", "-c", quoted(LOOK)].join(" ");

    const theirs = seen(podman.changeFiles(container, within));

    expect(withoutAncient(theirs)).toEqual(withoutAncient(ours));
  });

  it("committed by marmita, is the same unpacked by umoci", async (context) => {
    needProgram(context, "umoci");
    const rootfs = join(await temporaryFolder(), "rootfs");
    const from = join(engine.root, "images");
    const unpack = `umoci raw unpack --image '${from}:${OURS}' '${rootfs}' >&2`;
    const enter = `chroot '${rootfs}' /bin/sh -c ${quoted(LOOK)}`;

    const theirs = seen(podman.unshare(`${unpack} && ${enter}`));

    expect(theirs).toEqual(ours);
  });

  it("committed by marmita, comes back by way of skopeo and an old archive", async () => {
    const archive = join(await temporaryFolder(), "archive.tar");
    output(["skopeo", "copy", "--quiet", layout, `docker-archive:${archive}:localhost/back:1`]);

    await engine.images.load(archive);

    expect(await shown("localhost/back:1")).toEqual(ours);
  });

  it("committed by podman, is the same in marmita", async (context) => {
    if (fault !== undefined) context.skip(hostCannot("start containers with podman", fault));
    const folder = join(await temporaryFolder(), "layout");
    mkdirSync(folder);
    committedByPodman(podman, { image: IMAGE, script: changeAll() });
    podman.podman("push", "--quiet", THEIRS, `oci:${folder}:${THEIRS}`);

    await engine.images.load(folder);

    expect(withoutAncient(await shown(THEIRS))).toEqual(withoutAncient(shownByPodman(THEIRS)));
  });
});

/** Podman reads times before 1970 as 1970. */
function withoutAncient(lines: readonly string[]): readonly string[] {
  return lines.filter((line) => !line.startsWith("stat|./times-are-far/file|"));
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
