import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { beforeAll, describe, expect, it } from "vitest";
import { diff } from "../../lib/api/containers.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import { changesOf } from "../helpers/changing.ts";
import { testEngine } from "../helpers/engine.ts";
import { eventually } from "../helpers/eventually.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { busyboxArchive, busyboxWith } from "../helpers/images.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { hostCannot, requireUserNamespaces } from "../helpers/user-namespaces.ts";
import { busyboxCli } from "./cli-command.ts";

describe.runIf(requireUserNamespaces())("what containers of all kinds changed", () => {
  expectNothingLeft();
  let engine: Engine;

  beforeAll(async () => {
    engine = await testEngine();
    await engine.images.load(busyboxArchive());
  });

  it("is nothing for one that was never started", async () => {
    const box = await engine.containers.create({ image: "busybox" });

    expect(await box.diff()).toEqual([]);
    await box.remove();
  });

  it("is without mount points, and without what was made on the way to them", async () => {
    const folder = await temporaryFolder();
    const mounts = [
      { type: "bind", source: folder, target: "/mnt/a/b" },
      { type: "bind", source: "/etc/passwd", target: "/etc/deep/file" },
      { type: "tmpfs", target: "/mnt/a/tmpfs" },
      { type: "volume", target: "/volume" },
      { type: "image", source: "busybox", target: "/image", readOnly: false },
    ] as const;
    const script =
      "touch /mnt/a/b/inside /mnt/a/tmpfs/inside /volume/inside /image/inside && chmod 700 /volume";

    expect(await changesOf(engine, script, { image: "busybox", mounts })).toEqual([]);
    expect(await changesOf(engine, "touch /mnt/a/own", { image: "busybox", mounts })).toEqual([
      "A /mnt",
      "A /mnt/a",
      "A /mnt/a/own",
    ]);
  });

  it("is without mount points that links lead to", async () => {
    const name = "busybox:links";
    const entries = [
      { path: "run/", type: "directory", mode: 0o755 },
      { path: "var/run", type: "symlink", target: "/run" },
    ] as const;
    await engine.images.load(busyboxWith({ name, layers: [entries] }));
    const mounts = [{ type: "bind", source: "/etc/passwd", target: "/var/run/x.sock" }] as const;

    const changes = await changesOf(engine, "ls /run/x.sock", { image: name, mounts });

    expect(changes).toEqual([]);
  });

  it("has the working directory that was made, as under Docker", async () => {
    const options = { image: "busybox", workdir: "/made/here" };

    expect(await changesOf(engine, "true", options)).toEqual(["A /made", "A /made/here"]);
  });

  it("is told while it runs, and grows", async () => {
    const command = ["sh", "-c", "echo 1 > /first; read line; echo 2 > /second; read line"];
    const box = await engine.containers.create({ image: "busybox", command, network: "none" });
    const process = await box.start({ stdin: "pipe" });
    const paths = async () => (await box.diff()).map(({ path }) => path).join();

    const once = await eventually("its first file", async () => (await paths()) || undefined);
    process.stdin?.write("\n");
    const twice = await eventually("its second file", async () => {
      const all = await paths();
      return all === once ? undefined : all;
    });
    process.kill("SIGKILL");
    await process.wait();
    await box.remove();

    expect([once, twice]).toEqual(["/first", "/first,/second"]);
  });

  it("is told of one whose caller keeps its ids", async (context) => {
    const { ids } = await engine.info();
    if (ids === "root") context.skip(hostCannot("keep ids", "to root each id is itself already"));
    const options = { image: "busybox", userns: "keep-id" } as const;

    const changes = await changesOf(engine, "mkdir -m 700 /tmp/mine && touch /tmp/mine/x", options);

    expect(changes).toEqual(["C /tmp", "A /tmp/mine", "A /tmp/mine/x"]);
  });

  it("holds for files of other users that nobody else may read", async () => {
    const { ids } = await engine.info();
    const owner = ids === "single" ? "0" : "1000";
    const script = `mkdir -m 0 /locked /locked/in && touch /locked/in/x && chmod 0 /locked/in/x && chown -R ${owner} /locked`;

    const changes = await changesOf(engine, script, { image: "busybox" });

    expect(changes).toEqual(["A /locked", "A /locked/in", "A /locked/in/x"]);
  });

  it("of a name as long as may be, and of paths that are too long for any system call", async () => {
    const long = "n".repeat(255);
    const changes = await changesOf(engine, `touch /${long}`, { image: "busybox" });
    const half = Array.from({ length: 10 }, () => long).join("/");
    const deep = `mkdir -p /a/${half} /b/${half} && mv /b /a/${half}/`;

    expect(changes).toEqual([`A /${long}`]);
    const tooLong = { code: "UNSUPPORTED", errno: "ENAMETOOLONG" };
    await expect(changesOf(engine, deep, { image: "busybox" })).rejects.toMatchObject(tooLong);

    const { id } = await engine.containers.run("busybox", ["sh", "-c", deep]);
    const box = await engine.containers.get(id);
    await expect(box.commit("deep")).rejects.toMatchObject(tooLong);
    await expect(box.export(new PassThrough().resume())).rejects.toMatchObject(tooLong);
  });

  it("is NOT_FOUND of one that is removed meanwhile", async () => {
    const box = await engine.containers.create({ image: "busybox" });
    await box.remove();

    await expect(box.diff()).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(diff("nobody", { engine })).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("can be given up", async () => {
    const box = await engine.containers.create({ image: "busybox" });
    const signal = AbortSignal.abort();

    await expect(box.diff({ signal })).rejects.toMatchObject({ name: "AbortError" });
    await box.remove();
  });

  it("is in the parts of image host what was written to them", async () => {
    const folder = await mkdtemp(join(homedir(), ".marmita-diff-"));
    await writeFile(join(folder, "old"), "");
    const script = `cd ${folder} && echo > new && rm old`;

    const changes = await changesOf(engine, script, { image: "host" });
    await rm(folder, { recursive: true });

    expect(changes.slice(-3)).toEqual([`C ${folder}`, `A ${folder}/new`, `D ${folder}/old`]);
    expect(changes.slice(0, -3)).toEqual(parentsOf(folder).map((path) => `C ${path}`));
  });
});

describe.runIf(requireUserNamespaces())("marmita diff", () => {
  expectNothingLeft();

  it("prints a line for each change, in both spellings", async () => {
    const cli = await busyboxCli();
    const script = "touch '/a b' && rm /etc/group && touch \"$(printf '/odd\\nD \\033name')\"";
    await cli.call(["run", "--network", "none", "--name", "box", "busybox", "sh", "-c", script]);

    const { stdout, stderr, exitCode } = await cli.call(["diff", "box"]);
    const other = await cli.call(["container", "diff", "box"]);

    expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 0 });
    expect(stdout).toBe("A /a b\nC /etc\nD /etc/group\nA /odd\\u000aD \\u001bname\n");
    expect(other).toEqual({ stdout, stderr, exitCode });
    await cli.call(["rm", "box"]);
  });

  it("refuses what it does not know by name", async () => {
    const cli = await busyboxCli();
    const errorOf = async (...args: string[]) => (await cli.call(["diff", ...args])).stderr;

    expect(await errorOf("nobody")).toBe("marmita: no such container: nobody\n");
    expect(await errorOf("busybox")).toContain("busybox is an image: diff takes a container");
    expect(await errorOf("--format", "json", "x")).toContain("--format is not supported yet");
    expect(await errorOf()).toContain("requires");
  });
});

function parentsOf(path: string): readonly string[] {
  const names = path.split("/").slice(1, -1);
  return names.map((_, index) => `/${names.slice(0, index + 1).join("/")}`);
}
