import { randomBytes } from "node:crypto";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { busyboxLayer } from "../../fixtures/busybox.mjs";
import { image } from "../../fixtures/layout-writer.mjs";
import { tarArchive } from "../../fixtures/tar-writer.mjs";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { putImage } from "../helpers/registry-images.ts";
import { requireRegistry, startRegistry, type TestRegistry } from "../helpers/registry.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";
import { Cli, emptyCli } from "./cli-command.ts";

const able = requireUserNamespaces() && requireRegistry();
const base = () => busyboxLayer();
const layer = (content: string) => tarArchive([{ path: "menu", content }]);

describe.runIf(able)("marmita pull", () => {
  expectNothingLeft();

  let registry: TestRegistry;
  let cli: Cli;
  let digest: string;
  /** The layers' ids as they are shown. */
  let ids: readonly string[];

  beforeAll(async () => {
    registry = await startRegistry();
    const made = image([base(), layer("feijoada\n")], { config: { Cmd: ["cat", "/menu"] } });
    const put = await putImage(registry.url, "kitchen/lunch", "latest", made);
    digest = put.digest;
    ids = put.layers.map((each) => each.digest.slice("sha256:".length).slice(0, 12));
    for (const tag of ["monday", "tuesday"]) {
      await putImage(registry.url, "week", tag, image([base(), layer(tag)]));
    }
    cli = await emptyCli();
  });
  afterEach(async () => {
    await cli.removeContainers();
    await cli.call(["image", "prune", "-af"]);
  });

  const name = () => `${registry.host}/kitchen/lunch`;
  const sorted = (text: string) => text.split("\n").slice(0, -1).toSorted();

  it("tells what it does in Docker's words, a line for each step", async () => {
    const done = await cli.call(["pull", name()]);

    expect(done).toMatchObject({ exitCode: 0, stderr: "" });
    const lines = done.stdout.split("\n");
    expect(lines.slice(0, 2)).toEqual([
      "Using default tag: latest",
      "latest: Pulling from kitchen/lunch",
    ]);
    for (const id of ids) {
      expect(lines.filter((line) => line.startsWith(id))).toEqual([
        `${id}: Pulling fs layer`,
        `${id}: Verifying Checksum`,
        `${id}: Download complete`,
        `${id}: Pull complete`,
      ]);
    }
    expect(lines.slice(-4)).toEqual([
      `Digest: ${digest}`,
      `Status: Downloaded newer image for ${name()}:latest`,
      `${name()}:latest`,
      "",
    ]);
  });

  it("says when there is nothing to pull", async () => {
    await cli.call(["pull", "-q", name()]);

    const { stdout } = await cli.call(["image", "pull", `${name()}:latest`]);

    expect(stdout.split("\n")).toEqual([
      "latest: Pulling from kitchen/lunch",
      `Digest: ${digest}`,
      `Status: Image is up to date for ${name()}:latest`,
      `${name()}:latest`,
      "",
    ]);
  });

  it("names layers that are here already", async () => {
    await cli.call(["pull", "-q", `${registry.host}/week:monday`]);

    const { stdout } = await cli.call(["pull", `${registry.host}/week:tuesday`]);

    expect(stdout).toMatch(/^[0-9a-f]{12}: Already exists$/m);
    expect(stdout.match(/: Pull complete$/gm)).toHaveLength(1);
  });

  it("with -q prints the name in full, and nothing else", async () => {
    const done = await cli.call(["pull", "-q", name()]);

    expect(done).toEqual({ exitCode: 0, stdout: `${name()}:latest\n`, stderr: "" });
  });

  it("by digest gives the image no tag", async () => {
    const exact = `${name()}@${digest}`;

    const done = await cli.call(["pull", exact]);

    expect(done).toMatchObject({ exitCode: 0, stderr: "" });
    const lines = done.stdout.split("\n");
    expect(lines[0]).toBe(`${exact}: Pulling from kitchen/lunch`);
    expect(lines.slice(-3)).toEqual([`Status: Downloaded newer image for ${exact}`, exact, ""]);
    const { stdout } = await cli.call(["images", "--digests", "--format", "{{.Tag}} {{.Digest}}"]);
    expect(stdout).toBe(`<none> ${digest}\n`);
    expect((await cli.call(["run", "--rm", exact])).stdout).toBe("feijoada\n");
  });

  it("loses by rmi with its digest that alone, and goes with it when it has no tag", async () => {
    const exact = `${name()}@${digest}`;
    const tags = ["images", "--format", "{{.Tag}}"];
    await cli.call(["pull", "-q", name()]);

    expect((await cli.call(["rmi", exact])).stdout).toBe(`Untagged: ${exact}\n`);
    expect((await cli.call(tags)).stdout).toBe("latest\n");
    await cli.call(["rmi", name()]);

    await cli.call(["pull", "-q", exact]);
    const { stdout } = await cli.call(["rmi", exact]);
    expect(stdout).toMatch(new RegExp(`^Untagged: ${exact}\nDeleted: sha256:`));
    expect((await cli.call(tags)).stdout).toBe("");
  });

  it("with -a pulls every tag", async () => {
    const done = await cli.call(["pull", "-a", `${registry.host}/week`]);

    expect(done).toMatchObject({ exitCode: 0, stderr: "" });
    expect(done.stdout.match(/^(?:monday|tuesday): Pulling from week$/gm)).toHaveLength(2);
    expect(done.stdout.match(/^Digest: sha256:/gm)).toHaveLength(2);
    expect(done.stdout.split("\n").slice(-3)).toEqual([
      `Status: Downloaded newer image for ${registry.host}/week`,
      `${registry.host}/week`,
      "",
    ]);
    const { stdout } = await cli.call(["images", "--format", "{{.Tag}}"]);
    expect(sorted(stdout)).toEqual(["monday", "tuesday"]);
  });

  it("refuses a platform that there is not", async () => {
    const done = await cli.call(["pull", "--platform", "plan9", `${name()}:latest`]);

    expect(done).toMatchObject({ exitCode: 1, stdout: "" });
    expect(done.stderr).toContain("plan9");
  });

  it("says what is not there", async () => {
    const done = await cli.call(["pull", `${name()}:friday`]);

    expect(done.exitCode).toBe(1);
    expect(done.stdout).toBe("");
    expect(done.stderr).toMatch(/^marmita: .*friday/);
  });

  describe("by the way", () => {
    it("is told on stderr, and its output is the command's", async () => {
      const done = await cli.call(["run", "--rm", name()]);

      expect(done).toMatchObject({ exitCode: 0, stdout: "feijoada\n" });
      const lines = done.stderr.split("\n");
      expect(lines.slice(0, 2)).toEqual([
        `Unable to find image '${name()}:latest' locally`,
        "latest: Pulling from kitchen/lunch",
      ]);
      expect(lines.slice(-3)).toEqual([
        `Digest: ${digest}`,
        `Status: Downloaded newer image for ${name()}:latest`,
        "",
      ]);

      const again = await cli.call(["run", "--rm", name()]);
      expect(again).toEqual({ exitCode: 0, stdout: "feijoada\n", stderr: "" });
    });

    it("is not told with -q", async () => {
      const done = await cli.call(["run", "--rm", "-q", name()]);

      expect(done).toEqual({ exitCode: 0, stdout: "feijoada\n", stderr: "" });
    });

    it("comes before a container in the background, too", async () => {
      const done = await cli.call(["run", "-d", name()]);

      expect(done.exitCode).toBe(0);
      expect(done.stdout).toMatch(/^[0-9a-f]{64}\n$/);
      expect(done.stderr).toContain("Status: Downloaded newer image");
    });

    it("comes before create", async () => {
      const done = await cli.call(["create", name()]);

      expect(done.exitCode).toBe(0);
      expect(done.stdout).toMatch(/^[0-9a-f]{64}\n$/);
      expect(done.stderr).toContain("Unable to find image");
    });

    it("with --pull always asks whether there is something newer", async () => {
      const moving = `${registry.host}/moving:latest`;
      await putImage(registry.url, "moving", "latest", image([base(), layer("old\n")]));
      await cli.call(["pull", "-q", moving]);
      await putImage(registry.url, "moving", "latest", image([base(), layer("new\n")]));
      const run = (policy: string) => {
        return cli.call(["run", "--rm", "--pull", policy, moving, "cat", "/menu"]);
      };

      expect(await run("missing")).toEqual({ exitCode: 0, stdout: "old\n", stderr: "" });
      const newer = await run("always");
      expect(newer).toMatchObject({ exitCode: 0, stdout: "new\n" });
      expect(newer.stderr).toMatch(/^latest: Pulling from moving\n/);
      expect(newer.stderr).toContain("Status: Downloaded newer image for");
      const same = await run("always");
      expect(same).toMatchObject({ exitCode: 0, stdout: "new\n" });
      expect(same.stderr).toContain("Status: Image is up to date for");
    });

    it("is forbidden by --pull never", async () => {
      const before = (await registry.requests()).length;

      const done = await cli.call(["run", "--rm", "--pull", "never", name()]);

      expect(done).toMatchObject({ exitCode: 125, stdout: "" });
      expect(done.stderr).toMatch(/^marmita: no such image: /);
      expect(await registry.requests()).toHaveLength(before);
    });

    it("fails as run does when there is no such image", async () => {
      const done = await cli.call(["run", "--rm", `${name()}:friday`]);

      expect(done).toMatchObject({ exitCode: 125, stdout: "" });
      expect(done.stderr).toMatch(/^Unable to find image '.*' locally\nmarmita: .*friday/);
    });
  });

  it("ends with what is shown when nobody reads it any more", async () => {
    const big = tarArchive([{ path: "big", content: randomBytes(3_000_000) }]);
    await putImage(registry.url, "big", "latest", image([base(), big]));

    const called = cli.shell(
      `$MARMITA pull ${registry.host}/big | head -n 1; echo \${PIPESTATUS[0]}`,
    );

    expect((await called.ended).stdout).toBe("Using default tag: latest\n141\n");
  });
});

describe("the words after marmita pull", () => {
  it.each([
    [["X"], 'marmita: invalid image name "X": a name is in lower case\n'],
    [["-a", "busybox:1"], "marmita: tag can't be used with --all-tags/-a\n"],
    [["--disable-content-trust", "busybox"], "--disable-content-trust is not supported yet"],
    [["--creds", "a:b", "busybox"], "--creds is not supported yet"],
    [["a", "b"], "marmita: 'marmita pull' requires 1 argument\n"],
  ])("are refused when they are wrong: %j", async (args, message) => {
    const done = await new Cli("/no/such").call(["pull", ...args]);

    expect(done.exitCode).not.toBe(0);
    expect(done.stdout).not.toContain("Pulling");
    expect(done.stderr).toContain(message);
  });
});
