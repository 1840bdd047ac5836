import { existsSync, readFileSync, readdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { tarArchive } from "../../fixtures/tar-writer.mjs";
import { eventually } from "../helpers/eventually.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { TestTerminal } from "../helpers/terminal.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";
import { busyboxCli, PROGRAM, type Cli } from "./cli-command.ts";

const canRun = requireUserNamespaces();
expectNothingLeft();

describe.runIf(canRun)("marmita save", () => {
  let cli: Cli;
  let folder: string;

  beforeAll(async () => {
    cli = await busyboxCli();
    folder = await temporaryFolder();
    await cli.call(["tag", "busybox", "me/box:2"]);
    // Large enough to be met at work.
    const input = tarArchive([{ path: "zeros", content: Buffer.alloc(64 << 20) }]);
    await cli.call(["import", "-", "large"], { input });
  });

  it.each([
    ["a file", ["save", "-o"]],
    ["a file, as image save", ["image", "save", "--output"]],
  ])("writes images to %s, and says nothing", async (_, words) => {
    const path = join(folder, "images.tar");

    const done = await cli.call([...words, path, "busybox", "me/box"]);

    expect(done).toEqual({ exitCode: 0, stdout: "", stderr: "" });
    expect(await cli.call(["load", "-i", path])).toEqual({
      exitCode: 0,
      stdout: "Loaded image: busybox:latest\nLoaded image: me/box:2\n",
      stderr: "",
    });
  });

  it("goes through a pipe into load, by id too", async () => {
    const { stdout: id } = await cli.call(["images", "-q", "busybox"]);

    const { ended } = cli.shell(`$MARMITA save ${id.trim()} | gzip | $MARMITA load`);

    expect(await ended).toEqual({
      exitCode: 0,
      stdout: expect.stringMatching(new RegExp(`^Loaded image ID: sha256:${id.trim()}`)),
      stderr: "",
    });
  });

  it("writes a layout directory with --format oci-dir", async () => {
    const path = join(folder, "layout");

    const done = await cli.call(["save", "--format", "oci-dir", "-o", path, "busybox"]);

    expect(done.exitCode).toBe(0);
    expect(readdirSync(path).sort()).toEqual(["blobs", "index.json", "oci-layout"]);
  });

  it("refuses to write to a terminal", async () => {
    const env = { ...process.env, MARMITA_ROOT: cli.root };
    await using terminal = new TestTerminal([process.execPath, PROGRAM, "save", "busybox"], {
      env,
    });

    const words = "cowardly refusing to save to a terminal. Use the -o flag or redirect";
    expect((await terminal.shows(/cowardly .*/))[0]).toContain(words);
  });

  it("ends as others do when nobody reads on", async () => {
    const { ended } = cli.shell(
      '$MARMITA save busybox | head -c 10 >/dev/null; echo "${PIPESTATUS[0]}"',
    );

    expect(await ended).toEqual({ exitCode: 0, stdout: "141\n", stderr: "" });
  });

  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("leaves no half file behind when it is ended by %s", async (signal, exitCode) => {
    const place = await temporaryFolder();
    const called = cli.start(["save", "-o", join(place, "images.tar"), "large"]);
    await eventually("its draft", () => readdirSync(place).length > 0 || undefined, 15_000);

    called.child.kill(signal);

    expect(await called.ended).toEqual({ exitCode, stdout: "", stderr: "" });
    expect(readdirSync(place)).toEqual([]);
  });

  it("leaves what was there when it is killed", async () => {
    const place = await temporaryFolder();
    const path = join(place, "images.tar");
    await writeFile(path, "before");
    const called = cli.start(["save", "-o", path, "large"]);
    await eventually("its draft", () => readdirSync(place).length > 1 || undefined, 15_000);

    called.child.kill("SIGKILL");
    await called.ended;

    expect(readFileSync(path, "utf8")).toBe("before");
    expect((await cli.call(["save", "-o", path, "busybox"])).exitCode).toBe(0);
    expect((await cli.call(["load", "-i", path])).exitCode).toBe(0);
  });

  it.each([
    ["an image that is not there", ["save", "-o", "x.tar", "no-such"], "no such image: no-such"],
    ["no image", ["save"], "'marmita save' requires at least 1 argument"],
    ["a directory without a name", ["save", "--format", "oci-dir", "busybox"], "needs -o"],
    [
      "a format of nobody",
      ["save", "--format", "zip", "busybox"],
      'invalid argument "zip" for "--format" flag: expected docker-archive, oci-archive, oci-dir',
    ],
    ["a format of Podman's", ["save", "--format", "docker-dir", "busybox"], "is not supported yet"],
    ["a platform it is not for", ["save", "--platform", "s390x", "busybox"], "asked for was"],
    ["several platforms", ["save", "--platform", "amd64,arm64", "busybox"], "platform"],
    ["--compress", ["save", "--compress", "busybox"], "--compress is not supported yet"],
  ])("fails with words for %s", async (_, args, message) => {
    const done = await cli.call(args, { cwd: folder });

    expect(done.exitCode).toBeGreaterThan(0);
    expect(done.stdout).toBe("");
    expect(done.stderr).toContain(message);
    expect(existsSync(join(folder, "x.tar"))).toBe(false);
  });
});
