import { writeFile } from "node:fs/promises";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import { tarArchive } from "../../fixtures/tar-writer.mjs";
import { eventually } from "../helpers/eventually.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { busyboxArchive } from "../helpers/images.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";
import { emptyCli, type Cli } from "./cli-command.ts";

const canRun = requireUserNamespaces();
expectNothingLeft();

describe.runIf(canRun)("images on the command line", () => {
  let cli: Cli;
  beforeAll(async () => {
    cli = await emptyCli();
  });

  it("are loaded from a file", async () => {
    expect(await cli.call(["load", "-i", busyboxArchive()])).toEqual({
      exitCode: 0,
      stdout: "Loaded image: busybox:latest\n",
      stderr: "",
    });
  });

  it("are loaded from stdin", async () => {
    const input = readFileSync(busyboxArchive());

    expect(await cli.call(["image", "load"], { input })).toMatchObject({
      exitCode: 0,
      stdout: "Loaded image: busybox:latest\n",
    });
  });

  it.each([
    ["load", []],
    ["import", ["-"]],
  ])("are let go of when %s is interrupted", async (command, args) => {
    const store = join(cli.root, "images");
    const before = readdirSync(store).toSorted();
    const called = cli.start([command, ...args], { stdin: "pipe" });
    called.child.stdin?.write(readFileSync(busyboxArchive()).subarray(0, 100_000));
    await eventually(
      "its draft",
      () => readdirSync(store).length > before.length || undefined,
      15_000,
    );

    called.child.kill("SIGINT");

    expect(await called.ended).toEqual({ exitCode: 130, stdout: "", stderr: "" });
    expect(readdirSync(store).toSorted()).toEqual(before);
  });

  it("are imported from a root file system, with changes", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "root.tar"), tarArchive([{ path: "motd", content: "oi" }]));

    const changes = ["-c", 'CMD ["/bin/sh"]', "-c", "ENV A=1", "-m", "mine"];
    const done = await cli.call(["import", ...changes, join(folder, "root.tar"), "mine:1"]);
    const { stdout } = await cli.call(["inspect", "mine:1"]);

    expect(done).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^sha256:\w{64}\n$/) });
    const [image] = JSON.parse(stdout);
    expect(image).toMatchObject({
      Id: done.stdout.trim(),
      RepoTags: ["mine:1"],
      Comment: "mine",
      Config: { Cmd: ["/bin/sh"], Env: ["A=1"] },
    });
  });

  it("are imported from stdin", async () => {
    const input = Buffer.from(tarArchive([{ path: "motd", content: "oi" }]));

    expect(await cli.call(["import", "-", "piped"], { input })).toMatchObject({ exitCode: 0 });
  });

  it("are imported for another platform, in Docker's words or in Podman's", async () => {
    const input = Buffer.from(tarArchive([{ path: "motd", content: "oi" }]));
    const flags = ["--os", "linux", "--arch", "arm", "--variant", "v6", "--quiet"];
    for (const each of [flags, ["--platform", "linux/arm/v6"]]) {
      await cli.call(["import", ...each, "-", "small:arm"], { input });

      const { stdout } = await cli.call(["inspect", "small:arm"]);
      const [image] = JSON.parse(stdout);
      expect(image).toMatchObject({ Architecture: "arm", Variant: "v6", Os: "linux" });
      await cli.call(["rmi", "small:arm"]);
    }
  });

  it("are imported from a URL", async () => {
    const tar = gzipSync(tarArchive([{ path: "motd", content: "oi" }]));
    const server = createServer((request, response) => {
      response.statusCode = request.url === "/root.tar.gz" ? 200 : 404;
      response.end(request.url === "/root.tar.gz" ? tar : "no such page");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/root.tar.gz`;

    const done = await cli.call(["import", url, "fetched:1"]);
    const missing = await cli.call(["import", `${url}.sig`]);

    await new Promise((resolve) => server.close(resolve));
    expect(done).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^sha256:\w{64}\n$/) });
    const { stdout } = await cli.call(["inspect", "fetched:1"]);
    expect(JSON.parse(stdout)).toMatchObject([{ Comment: `Imported from ${url}` }]);
    expect(missing).toMatchObject({ exitCode: 1, stdout: "" });
    expect(missing.stderr).toContain("404 Not Found");
    await cli.call(["rmi", "fetched:1"]);
  });

  it("are listed in Docker's columns", async () => {
    const { stdout } = await cli.call(["images", "busybox"]);

    expect(stdout).toMatch(
      /^REPOSITORY {3}TAG {7}IMAGE ID {7}CREATED +SIZE\nbusybox {6}latest {4}[0-9a-f]{12} {3}\S.* +[\d.]+MB\n$/,
    );
  });

  it("are listed by id alone", async () => {
    const short = await cli.call(["images", "-q", "busybox"]);
    const long = await cli.call(["image", "ls", "-q", "--no-trunc", "busybox"]);

    expect(short.stdout).toMatch(/^[0-9a-f]{12}\n$/);
    expect(long.stdout).toMatch(new RegExp(`^sha256:${short.stdout.trim()}[0-9a-f]{52}\n$`));
  });

  it("are listed with digests", async () => {
    const { stdout } = await cli.call(["images", "--digests", "busybox"]);

    expect(stdout).toMatch(/DIGEST/);
    expect(stdout).toMatch(/sha256:[0-9a-f]{64}/);
  });

  it("are removed by name, several at a time, and what is missing is told", async () => {
    const done = await cli.call(["rmi", "mine:1", "no-such", "piped"]);

    expect(done.exitCode).toBe(1);
    expect(done.stdout).toMatch(/^Untagged: mine:1\n(Deleted: sha256:\w{64}\n)+Untagged: piped/);
    expect(done.stderr).toMatch(/^marmita: .*no-such/);
    expect((await cli.call(["images", "-q"])).stdout.split("\n")).toHaveLength(2);
  });

  it.each([
    ["a file that is not there", ["load", "-i", "/no/such"], "/no/such"],
    ["a file that is no archive", ["load", "-i", "/etc/passwd"], "marmita: "],
    ["a reserved name", ["import", "/etc/passwd", "host"], "host"],
    [
      "a URL of nobody",
      ["import", "http://127.0.0.1:1/x.tar"],
      "download http://127.0.0.1:1/x.tar: ",
    ],
    [
      "two words for one platform",
      ["import", "--platform", "linux/arm64", "--arch", "arm64", "/etc/passwd"],
      "exclude each other",
    ],
  ])("fail with words for %s", async (_, args, message) => {
    const done = await cli.call(args);

    expect(done.exitCode).toBeGreaterThan(0);
    expect(done.stdout).toBe("");
    expect(done.stderr).toContain(message);
    expect(done.stderr).not.toMatch(/^ +at /m);
  });
});
