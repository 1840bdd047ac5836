import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";
import { busyboxCli, type Cli, type Ended } from "./cli-command.ts";

describe.runIf(requireUserNamespaces())("marmita run with mounts", () => {
  expectNothingLeft();

  let cli: Cli;
  let folder: string;

  beforeAll(async () => {
    cli = await busyboxCli();
    folder = await temporaryFolder();
  });

  function run(flags: readonly string[], script: string): Promise<Ended> {
    const line = ["run", "--rm", "--network", "none", ...flags, "busybox", "sh", "-c", script];
    return cli.call(line, { cwd: folder });
  }

  it("makes a directory for -v, seen from the current one", async () => {
    expect(await run(["-v", "./made:/m"], "echo x > /m/file")).toMatchObject({ exitCode: 0 });
    expect(await readdir(join(folder, "made"))).toEqual(["file"]);
  });

  it("makes none for --mount", async () => {
    const flags = ["--mount", "type=bind,source=none,target=/m"];

    expect(await run(flags, "true")).toMatchObject({
      exitCode: 125,
      stderr: `marmita: mount source does not exist: ${join(folder, "none")}\n`,
    });
  });

  it("takes paths with commas and colons by --mount", async () => {
    await mkdir(join(folder, "a,b:c"));
    await writeFile(join(folder, "a,b:c", "file"), "odd");
    const flags = ["--mount", `type=bind,"source=${folder}/a,b:c",target=/m:n,readonly`];

    expect(await run(flags, "cat /m:n/file; touch /m:n/x")).toMatchObject({
      stdout: "odd",
      stderr: "touch: /m:n/x: Read-only file system\n",
    });
  });

  it("keeps what is in a volume, and gives it to others", async () => {
    await run(["-v", "data:/m"], "echo kept > /m/file");
    await cli.call([
      "run",
      "--name",
      "holder",
      "--network",
      "none",
      "-v",
      "data:/m",
      "busybox",
      "true",
    ]);

    expect(await run(["--volumes-from", "holder:ro"], "cat /m/file; touch /m/x")).toMatchObject({
      stdout: "kept\n",
      stderr: "touch: /m/x: Read-only file system\n",
    });
    const path = join(cli.root, "volumes/data/_data/file");
    expect(await readFile(path, "utf8")).toBe("kept\n");
    await cli.call(["rm", "holder"]);
  });

  it("mounts an image", async () => {
    const flags = ["--mount", "type=image,source=busybox,target=/m,subpath=bin"];

    expect(await run(flags, "ls /m | head -1")).toMatchObject({
      stdout: "[\n",
    });
  });

  it.each([
    [["-v", "x:/m"], "'x' is no name for a volume"],
    [["-v", "/a:/b:U"], "-v with the option U is not supported yet"],
    [["--mount", "type=volume,target=/m,volume-driver=nfs"], "volume-driver=nfs is not supported"],
    [["--volumes-from", "nobody"], "no such container: nobody"],
    [["--volumes-from", "a:b:c"], "expected a container's name and :ro or :rw"],
    [["-v", "/tmp:/m", "--tmpfs", "/m"], "more than one mount for /m"],
    [["-v", "/tmp:/"], "cannot mount over the root directory of a container"],
    [["-v", "/tmp:/proc"], "cannot mount at /proc: /proc is the container's own"],
  ])("refuses %j", async (flags, words) => {
    const { exitCode, stderr } = await run(flags, "true");

    expect(exitCode).toBe(125);
    expect(stderr).toContain(words);
  });
});
