/** `marmita cp`: Docker's grammar, output and exit codes. */
import { existsSync, readFileSync, readdirSync, readlinkSync, statSync } from "node:fs";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { tarArchive } from "../../fixtures/tar-writer.mjs";
import { eventually } from "../helpers/eventually.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { TestTerminal } from "../helpers/terminal.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";
import { busyboxCli, type Cli, PROGRAM } from "./cli-command.ts";

expectNothingLeft();

describe.runIf(requireUserNamespaces())("marmita cp", () => {
  let cli: Cli;
  let folder: string;
  let id: string;
  const DONE = { exitCode: 0, stdout: "", stderr: "" };
  const cp = async (...args: readonly string[]) => cli.call(["cp", ...args], { cwd: folder });

  beforeAll(async () => {
    cli = await busyboxCli();
    folder = await temporaryFolder();
    await mkdir(join(folder, "dir"));
    await writeFile(join(folder, "dir/file"), "feijoada");
    await symlink("dir", join(folder, "link"));
    const script = "mkdir /lunch && echo couve > /lunch/menu && ln -s /lunch /link";
    await cli.call(["run", "--name", "cook", "busybox", "sh", "-c", script]);
    id = (await cli.call(["ps", "-aq", "--no-trunc"])).stdout.trim();
  });

  it("copies a file there and back, by any name of the container", async () => {
    expect(await cp("dir/file", "cook:/tmp")).toEqual(DONE);
    expect(await cp(`${id.slice(0, 8)}:tmp/file`, "back")).toEqual(DONE);
    expect(await cli.call(["container", "cp", "-q", `${id}:/tmp/file`, folder])).toEqual(DONE);

    expect(readFileSync(join(folder, "back"), "utf8")).toBe("feijoada");
    expect(readFileSync(join(folder, "file"), "utf8")).toBe("feijoada");
  });

  it("copies to and from one that runs under an init of ours", async () => {
    const options = ["--init", "--network=none", "--user=1000", "--name=nanny"];
    await cli.call(["run", "-d", ...options, "busybox", "sleep", "1000"]);
    try {
      expect(await cp("dir/file", "nanny:/tmp/running")).toEqual(DONE);
      expect(await cp("nanny:/tmp/running", "from-running")).toEqual(DONE);
    } finally {
      await cli.call(["rm", "-f", "nanny"]);
    }
    expect(readFileSync(join(folder, "from-running"), "utf8")).toBe("feijoada");
  });

  it("copies what a link leads to with -L, or with a slash behind it", async () => {
    expect(await cp("-L", "link", "cook:/followed")).toEqual(DONE);
    expect(await cp("link/", "cook:/slashed")).toEqual(DONE);
    expect(await cp("cook:/link", "as-link")).toEqual(DONE);
    expect(await cp("-L", "cook:/link", "as-directory")).toEqual(DONE);

    expect(await cp("cook:/followed/file", "one")).toEqual(DONE);
    expect(await cp("cook:/slashed/file", "two")).toEqual(DONE);
    expect(readlinkSync(join(folder, "as-link"))).toBe("/lunch");
    expect(readFileSync(join(folder, "as-directory/menu"), "utf8")).toBe("couve\n");
  });

  it("takes a tar from stdin, and gives one to stdout", async () => {
    const input = tarArchive([{ path: "from/stdin", content: "oi" }]);

    expect(await cli.call(["cp", "-", "cook:/tmp"], { input })).toEqual(DONE);
    const listed = await cli.shell("$MARMITA cp cook:/tmp/from - | tar -tf -").ended;

    expect(listed).toEqual({ exitCode: 0, stdout: "from/\nfrom/stdin\n", stderr: "" });
  });

  it("keeps the set-id bits of nobody else's programs, and owners where it may", async () => {
    await cli.call([
      "run",
      "--name",
      "owner",
      "busybox",
      "sh",
      "-c",
      "cp /bin/busybox /su; chmod 4755 /su; mkfifo -m 600 /fifo",
    ]);

    expect(await cp("owner:/su", "su")).toEqual(DONE);
    expect(await cp("owner:/fifo", "fifo")).toEqual(DONE);
    const kept = await cp("-a", "owner:/su", "su-owned");

    expect(statSync(join(folder, "su")).mode & 0o7777).toBe(0o755);
    expect(kept.exitCode).toBe(0);
    const isKept = (statSync(join(folder, "su-owned")).mode & 0o4000) !== 0;
    expect(isKept).toBe(kept.stderr === "");
    expect(statSync(join(folder, "fifo")).isFIFO()).toBe(true);
  });

  it.each([
    [["dir/file", "cook:/no/such"], 1, "no such file or directory"],
    [["none", "cook:/"], 1, "no such file or directory"],
    [["dir", "cook:/etc/passwd"], 1, "not a directory"],
    [["dir/file", "nobody:/"], 1, "no such container: nobody"],
    [["dir/file", "other"], 1, "must specify at least one container source"],
    [["cook:/lunch", "owner:/"], 125, "copying between containers is not supported yet"],
    [["--overwrite", "dir/file", "cook:/"], 125, "--overwrite is not supported yet"],
    [["dir/file"], 1, "requires 2 arguments"],
    [["dir/file", "cook:"], 1, "a path cannot be empty"],
  ])("%j exits with %d", async (args, code, message) => {
    const { exitCode, stderr, stdout } = await cp(...args);

    expect({ exitCode, stdout }).toEqual({ exitCode: code, stdout: "" });
    expect(stderr).toContain(message);
  });

  it.each(["SIGKILL", "SIGINT"] as const)(
    "ended half-way by %s leaves no half file, and the container free",
    async (signal) => {
      const tar = tarArchive([{ path: "half", content: "x".repeat(5_000) }]);
      const upper = join(cli.root, "containers", id, "upper/tmp");
      const copying = cli.start(["cp", "-", "cook:/tmp"], { stdin: "pipe" });
      copying.child.stdin?.write(tar.subarray(0, 2_048));
      await eventually("half a file", () => (existsSync(join(upper, "half")) ? true : undefined));

      copying.child.kill(signal);
      const { exitCode } = await copying.ended;

      expect(exitCode).toBe(signal === "SIGKILL" ? null : 130);
      await eventually("no half file", () => (existsSync(join(upper, "half")) ? undefined : true));
      expect(readdirSync(upper).filter((name) => name.startsWith(".marmita"))).toEqual([]);
      expect((await cp("dir/file", "cook:/tmp/after")).stderr).toBe("");
      expect((await cli.call(["ps", "-a", "--format", "{{.State}}"])).stdout).toMatch(
        /^(exited\n)+$/,
      );
    },
  );

  it("says on a terminal how much it was, unless it is to be quiet", async () => {
    const command = `${process.execPath} ${PROGRAM} cp`;
    const copy = `${command} ${folder}/dir cook:/new; ${command} -q ${folder}/dir cook:/quiet`;
    const env = { ...process.env, MARMITA_ROOT: cli.root };
    await using terminal = new TestTerminal(["sh", "-c", `${copy}; echo end`], { env });

    await terminal.shows(/end\r\n/);

    expect(terminal.text).toMatch(/^Successfully copied [\d.]+kB to cook:\/new\r\nend\r\n$/);
  });

  it("writes no tar to a terminal", async () => {
    const env = { ...process.env, MARMITA_ROOT: cli.root };
    const words = [process.execPath, PROGRAM, "cp", "cook:/lunch", "-"];
    await using terminal = new TestTerminal(words, { env });

    const [shown] = await terminal.shows(/cannot .*/);

    expect(shown).toContain("cannot write a tar to a terminal");
  });
});
