import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../helpers/eventually.ts";
import { startFaultProxy } from "../helpers/fault-proxy.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { busyboxWith } from "../helpers/images.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { type TestRegistry, requireRegistry, startRegistry } from "../helpers/registry.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";
import { type Cli, emptyCli } from "./cli-command.ts";

const able = requireUserNamespaces() && requireRegistry();
expectNothingLeft();

describe.runIf(able)("marmita push", () => {
  let registry: TestRegistry;
  let cli: Cli;

  beforeAll(async () => {
    registry = await startRegistry();
    cli = await emptyCli();
    const layers = [[{ path: "menu", content: "feijoada\n" }]];
    await cli.call(["load", "-i", busyboxWith({ name: "lunch:latest", layers })]);
  });

  async function tagged(...names: readonly string[]): Promise<void> {
    for (const name of names) await cli.call(["tag", "lunch", `${registry.host}/${name}`]);
  }

  it("tells each layer and the digest, in Docker's words", async () => {
    await tagged("told");

    const first = await cli.call(["push", `${registry.host}/told`]);

    expect(first).toMatchObject({ exitCode: 0, stderr: "" });
    const lines = first.stdout.split("\n");
    expect(lines.slice(0, 2)).toEqual([
      "Using default tag: latest",
      `The push refers to repository [${registry.host}/told]`,
    ]);
    expect(lines.filter((line) => /^[0-9a-f]{12}: Preparing$/.test(line))).toHaveLength(2);
    expect(lines.filter((line) => /^[0-9a-f]{12}: Pushed$/.test(line))).toHaveLength(2);
    expect(lines.at(-2)).toMatch(/^latest: digest: sha256:[0-9a-f]{64} size: \d+$/);

    const second = await cli.call(["image", "push", `${registry.host}/told:latest`]);
    expect(second.stdout).not.toContain("Using default tag");
    expect(second.stdout.match(/: Layer already exists$/gm)).toHaveLength(2);
    expect(second.stdout.split("\n").at(-2)).toBe(lines.at(-2));
  });

  it("with -q prints the name in full, and writes the digest where it is told to", async () => {
    await tagged("quiet:1");
    const file = join(await temporaryFolder(), "digest");

    const done = await cli.call(["push", "-q", "--digestfile", file, `${registry.host}/quiet:1`]);

    expect(done).toEqual({ exitCode: 0, stdout: `${registry.host}/quiet:1\n`, stderr: "" });
    expect(await readFile(file, "utf8")).toMatch(/^sha256:[0-9a-f]{64}$/);
  });

  it("with -a pushes all tags", async () => {
    await tagged("all:1", "all:2");

    const done = await cli.call(["push", "-a", `${registry.host}/all`]);

    expect(done.exitCode).toBe(0);
    expect(done.stdout.match(/^[12]: digest: /gm)).toEqual(["1: digest: ", "2: digest: "]);
  });

  it("compresses plain layers as it is told", async () => {
    await tagged("zstd:1");

    await cli.call(["push", "-q", "--compression-format", "zstd", `${registry.host}/zstd:1`]);

    const manifest = await fetch(`${registry.url}/v2/zstd/manifests/1`, {
      headers: { accept: "application/vnd.oci.image.manifest.v1+json" },
    });
    expect(await manifest.text()).toContain(".tar+zstd");
  });

  it("ends at ^C, and leaves nothing here", async () => {
    const proxy = await startFaultProxy(registry.url);
    proxy.misbehave({ at: ["upload-patch", "upload-put"], does: { kind: "silence" }, times: 9 });
    await cli.call(["tag", "lunch", `${proxy.host}/slow`]);
    const { child, ended } = cli.start(["push", `${proxy.host}/slow`]);
    await eventually("an upload", () => proxy.count("upload-patch", "upload-put") > 0 || undefined);

    child.kill("SIGINT");

    expect(await ended).toMatchObject({ exitCode: 130, stderr: "" });
    const left = await readdir(join(cli.root, "images"));
    expect(left.filter((name) => name.startsWith("."))).toEqual([]);
  });

  it.each([
    ["an image that is not there", ["none:1"], 1, "no such image"],
    ["a tag with -a", ["-a", "lunch:latest"], 1, "tag can't be used with --all-tags/-a"],
    ["a compression it does not know", ["--compression-format", "xz", "lunch"], 125, "gzip"],
    ["no name", [], 1, "requires 1 argument"],
    ["what is Docker's only", ["--disable-content-trust", "lunch"], 125, "disable-content-trust"],
  ])("refuses %s", async (_, words, exitCode, message) => {
    const done = await cli.call(["push", ...words]);

    expect(done.exitCode).toBe(exitCode);
    expect(done.stderr).toContain(message);
    expect(done.stdout).not.toContain("digest:");
  });
});
