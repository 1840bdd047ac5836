/** The tutorial's second page: a package installed over the network, which the next container has not. */
import { beforeAll, describe, expect, it } from "vitest";
import { debianArchive } from "../../fixtures/debian.mjs";
import { run } from "../../lib/api/run.ts";
import type { NetworkMode } from "../../lib/engine/container-options.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import { testEngine } from "../helpers/engine.ts";
import { subordinateIdsFault } from "../helpers/ids.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import {
  hostCan,
  hostCannot,
  needProgram,
  requireProgram,
  requireUserNamespaces,
} from "../helpers/user-namespaces.ts";

const MAKING_MS = 300_000;
const UPDATE =
  "apt-get update -o APT::Update::Error-Mode=any >/tmp/log 2>&1 || { cat /tmp/log; exit 1; }";
const INSTALL = "apt-get install -y figlet >/tmp/log 2>&1 || { cat /tmp/log; exit 1; }";

const able =
  requireUserNamespaces() &&
  requireProgram("mmdebstrap") &&
  hostCan("make a Debian", process.getuid?.() === 0 ? undefined : subordinateIdsFault());

describe("a Debian image with a network", () => {
  expectNothingLeft();

  let engine: Engine;
  /** Why this machine itself does not reach the sources of packages. */
  let fault: string | undefined;

  beforeAll(async () => {
    if (!able) return;
    engine = await testEngine();
    await engine.images.load(debianArchive());
    const { exitCode, stdout } = await bash("host", UPDATE);
    if (exitCode !== 0) fault = stdout.trim().split("\n").at(-1) ?? "";
  }, MAKING_MS);

  for (const network of ["pasta", "slirp4netns"] as const) {
    it(`installs figlet over ${network}`, async (context) => {
      needProgram(context, network);
      if (fault !== undefined) context.skip(hostCannot("reach its package sources", fault));

      const { stdout } = await bash(network, `${UPDATE}; ${INSTALL}; figlet -f small hello`);

      expect(stdout).toContain("|_||_\\___|_|_\\___/");
    });
  }

  it("says what is missing without one", async () => {
    const { exitCode, stdout } = await bash("none", UPDATE);

    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/Temporary failure resolving|Could not connect/);
  });

  it("is as it was for the next container", async () => {
    const { exitCode } = await bash("none", "command -v figlet");

    expect(exitCode).toBe(1);
  });

  async function bash(network: NetworkMode, script: string) {
    const env = Object.fromEntries(
      Object.entries(process.env).filter(([name]) => /^https?_proxy$/i.test(name)),
    );
    const options = { engine, remove: true, network, env };
    return run("debian:bookworm", ["bash", "-c", script], options);
  }
});
