/** capsh of a Debian image, in our container and in Podman's. */
import { beforeAll, describe, expect, it } from "vitest";
import { debianToolsArchive } from "../../fixtures/debian.mjs";
import { run } from "../../lib/api/run.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import { type Facts, requirePodman, split, undocumented } from "../helpers/compared.ts";
import { testEngine } from "../helpers/engine.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { type Podman, openPodman } from "../helpers/podman.ts";
import { hostCannot, requireProgram } from "../helpers/user-namespaces.ts";

const IMAGE = "localhost/debian:tools";
const MAKING_MS = 300_000;

const able = requirePodman() && requireProgram("mmdebstrap");

describe("capsh beside rootless Podman", () => {
  expectNothingLeft();

  let engine: Engine;
  let podman: Podman;
  let fault: string | undefined;

  beforeAll(async () => {
    if (!able) return;
    engine = await testEngine();
    await engine.images.load(debianToolsArchive());
    podman = await openPodman();
    podman.podman("load", "--quiet", "--input", debianToolsArchive());
    fault = podman.runFault(IMAGE);
  }, MAKING_MS);

  it("differs only as the documentation says", async ({ skip }) => {
    if (fault !== undefined) skip(hostCannot("start containers with podman", fault));

    const theirs = podman.podman("run", "--rm", "--network=none", IMAGE, "capsh", "--print");
    const { stdout } = await run("debian:tools", ["capsh", "--print"], {
      engine,
      remove: true,
      network: "none",
    });

    expect(capsh(stdout).size).toBeGreaterThan(5);
    expect(undocumented(capsh(stdout), capsh(theirs))).toEqual([]);
  });
});

/** `capsh Bounding set` → the names. */
function capsh(text: string): Facts {
  const lines = text.trim().split("\n");
  return new Map(
    lines.map((line) => {
      const [name, value] = split(line, /\s*[:=]\s*(.*)/);
      return [`capsh ${name.trim()}`, value];
    }),
  );
}
