import { execFileSync, spawnSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { TarEntry } from "../../fixtures/tar-writer.mjs";
import { createBundle, openBundle } from "../../lib/api/bundles.ts";
import { create } from "../../lib/api/lifecycle.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import { chooseIdMapping } from "../../lib/runtime/id-maps.ts";
import { testEngine } from "../helpers/engine.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { busyboxWith } from "../helpers/images.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const canRun = requireUserNamespaces();
expectNothingLeft();

const LOWER: readonly TarEntry[] = [
  { path: "etc/passwd", content: "root:x:0:0::/root:/bin/sh\ncook:x:7:8::/home/cook:/bin/sh\n" },
  { path: "real/group", content: "root:x:0:\nkitchen:x:9:cook\n" },
  { path: "etc/group", type: "symlink", target: "/../real/group" },
  { path: "pots/old", content: "old" },
  { path: "pots/gone", content: "gone" },
  { path: "pans", type: "directory" },
  { path: "pans/hidden", content: "hidden" },
  { path: "first", content: "the same" },
  { path: "second", type: "link", target: "first" },
  { path: "bin/sticky", mode: 0o4755, content: "setuid" },
  { path: "spoon", type: "fifo", mode: 0o600 },
];

const UPPER: readonly TarEntry[] = [
  { path: "pots/.wh.gone", content: "" },
  { path: "pans/.wh..wh..opq", content: "" },
  { path: "pans/new", content: "new" },
];

const image = () =>
  busyboxWith({
    name: "kitchen",
    layers: [LOWER, UPPER],
    config: {
      User: "cook",
      Env: ["DISH=feijoada"],
      Labels: { "org.opencontainers.image.author": "label", course: "main" },
      ExposedPorts: { "80/tcp": {} },
      StopSignal: "SIGINT",
      WorkingDir: "/pots",
      Volumes: { "/pots": {} },
    },
  });

describe.runIf(canRun)("createBundle", () => {
  let engine: Engine;

  beforeAll(async () => {
    engine = await testEngine();
    await engine.images.load(image());
  });

  const newDirectory = async () => join(await temporaryFolder(), "bundle");

  it("unpacks all layers of an image into one directory", async () => {
    const { rootfs, directory } = await createBundle("kitchen", {
      engine,
      directory: await newDirectory(),
    });

    expect(rootfs).toBe(join(directory, "rootfs"));
    expect(readdirSync(join(rootfs, "pots"))).toEqual(["old"]);
    expect(readdirSync(join(rootfs, "pans"))).toEqual(["new"]);
    expect(statSync(join(rootfs, "first")).ino).toBe(statSync(join(rootfs, "second")).ino);
    expect(lstatSync(join(rootfs, "bin/sticky")).mode & 0o7777).toBe(0o4755);
    expect(lstatSync(join(rootfs, "spoon")).isFIFO()).toBe(true);
    expect(readlinkSync(join(rootfs, "etc/group"))).toBe("/../real/group");
    expect(statSync(rootfs).mode & 0o7777).toBe(0o755);
  });

  it("describes a process with numbers for names, and the image's own settings", async () => {
    const { spec } = await createBundle("kitchen", { engine, directory: await newDirectory() });

    // runc takes no further groups from an ordinary user.
    const groups = (await chooseIdMapping()).mode === "root" ? { additionalGids: [9] } : {};
    expect(spec.process.user).toEqual({ uid: 7, gid: 8, ...groups });
    expect(spec.process.cwd).toBe("/pots");
    expect(spec.process.env).toEqual(
      expect.arrayContaining(["DISH=feijoada", "HOME=/home/cook", "HOSTNAME=bundle"]),
    );
    expect(spec.annotations).toEqual({
      course: "main",
      "org.opencontainers.image.architecture": expect.any(String),
      "org.opencontainers.image.author": "label",
      "org.opencontainers.image.created": expect.any(String),
      "org.opencontainers.image.exposedPorts": "80/tcp",
      "org.opencontainers.image.os": "linux",
      "org.opencontainers.image.stopSignal": "SIGINT",
    });
  });

  it("takes what the caller asks for over that", async () => {
    const source = await temporaryFolder();

    const { spec } = await createBundle("kitchen", {
      engine,
      directory: await newDirectory(),
      command: ["sh", "-c", "true"],
      user: "0",
      groupAdd: ["kitchen"],
      env: { HOME: "/srv", DISH: "moqueca" },
      hostname: "stove",
      readOnly: true,
      network: "host",
      annotations: { a: "b" },
      stopSignal: "SIGQUIT",
      capDrop: ["ALL"],
      mounts: [{ type: "bind", source, target: "/mnt", readOnly: true }],
    });

    expect(spec).toMatchObject({
      root: { path: "rootfs", readonly: true },
      hostname: "stove",
      process: {
        args: ["sh", "-c", "true"],
        user: { uid: 0, gid: 0, additionalGids: [9] },
        capabilities: { bounding: [] },
      },
      annotations: { a: "b", "org.opencontainers.image.stopSignal": "SIGQUIT" },
    });
    expect(spec.process.env).toEqual(expect.arrayContaining(["HOME=/srv", "DISH=moqueca"]));
    expect(spec.mounts).toContainEqual(expect.objectContaining({ destination: "/mnt", source }));
    expect(spec.linux.namespaces).not.toContainEqual({ type: "network" });
  });

  it("names its own files so that it may be moved", async () => {
    const { spec, directory } = await createBundle("kitchen", {
      engine,
      directory: await newDirectory(),
    });

    const sources = (spec.mounts ?? []).flatMap(({ source = "" }) => source);
    expect(sources).toEqual(expect.arrayContaining(["hosts", "hostname", "resolv.conf"]));
    expect(JSON.stringify(spec)).not.toContain(directory);
  });

  it("fills a directory that is there and empty", async () => {
    const directory = await newDirectory();
    mkdirSync(directory);

    await createBundle("kitchen", { engine, directory });

    expect(existsSync(join(directory, "config.json"))).toBe(true);
  });

  it.each(["a file", "a directory with a file", "a link to nowhere"])(
    "leaves %s alone",
    async (what) => {
      const directory = await newDirectory();
      if (what === "a file") writeFileSync(directory, "mine");
      else if (what === "a link to nowhere") symlinkSync("nowhere", directory);
      else {
        mkdirSync(directory);
        writeFileSync(join(directory, "mine"), "");
      }

      const making = createBundle("kitchen", { engine, directory });

      await expect(making).rejects.toMatchObject({
        code: "ALREADY_EXISTS",
        details: { directory },
      });
      expect(readdirSync(join(directory, ".."))).toEqual(["bundle"]);
    },
  );

  it("makes one of two that are to be at the same place", async () => {
    const directory = await newDirectory();

    const both = [1, 2].map(() => createBundle("kitchen", { engine, directory }));
    const ended = await Promise.allSettled(both);

    expect(ended.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    expect(ended.find(({ status }) => status === "rejected")).toMatchObject({
      reason: { code: "ALREADY_EXISTS" },
    });
    expect(readdirSync(join(directory, ".."))).toEqual(["bundle"]);
  });

  it.each([
    ["an image that is not there", { image: "none", pull: "never" }, "NOT_FOUND"],
    ["a user that is not there", { user: "chef" }, "NOT_FOUND"],
    ["the image host", { image: "host" }, "UNSUPPORTED"],
    ["a volume", { mounts: [{ type: "volume", target: "/v" }] }, "UNSUPPORTED"],
    [
      "a source that is not there",
      { mounts: [{ type: "bind", source: "/no/such", target: "/v" }] },
      "INVALID_ARGUMENT",
    ],
    ["another platform", { platform: "linux/s390x", pull: "never" }, "UNSUPPORTED"],
    ["options of kept containers", { remove: true }, "INVALID_ARGUMENT"],
    ["a memory limit", { memoryBytes: 5 }, "UNSUPPORTED"],
    ["no directory", { directory: undefined }, "INVALID_ARGUMENT"],
    [
      "sysctls of a network that is shared",
      { network: "host", sysctls: { "net.a": "1" } },
      "INVALID_ARGUMENT",
    ],
  ] as const)("leaves nothing behind for %s", async (_, asked, code) => {
    const directory = await newDirectory();
    const { image: name = "kitchen", ...options } = { image: undefined, ...asked };

    const making = createBundle(name, { engine, directory, ...options } as never);

    await expect(making).rejects.toMatchObject({ code });
    expect(readdirSync(join(directory, ".."))).toEqual([]);
  });

  it("says which directory is missing around it", async () => {
    const directory = join(await temporaryFolder(), "no", "such");

    const making = createBundle("kitchen", { engine, directory });

    await expect(making).rejects.toMatchObject({
      code: "NOT_FOUND",
      details: { directory: join(directory, "..") },
    });
  });

  it("leaves nothing behind when it is aborted", async () => {
    const directory = await newDirectory();
    const abort = new AbortController();

    const making = createBundle("kitchen", { engine, directory, signal: abort.signal });
    setTimeout(() => abort.abort(), 5);

    await expect(making).rejects.toMatchObject({ name: "AbortError" });
    expect(readdirSync(join(directory, ".."))).toEqual([]);
  });

  it("is removed whole, again and again, whoever owns its files", async () => {
    const bundle = await createBundle("kitchen", { engine, directory: await newDirectory() });

    await bundle.remove();
    await bundle.remove();

    expect(readdirSync(join(bundle.directory, ".."))).toEqual([]);
  });

  it("leaves the engine without it: the image can go", async () => {
    const own = await testEngine();
    await own.images.load(image());
    const { rootfs } = await createBundle("kitchen", {
      engine: own,
      directory: await newDirectory(),
    });

    await own.images.remove("kitchen");

    expect(readFileSync(join(rootfs, "first"), "utf8")).toBe("the same");
  });
});

describe.runIf(canRun)("openBundle", () => {
  it("opens the bundle of a container that we made", async () => {
    const engine = await testEngine();
    await engine.images.load(image());
    const box = await create("kitchen", ["true"], { engine });
    const directory = join(engine.root, "containers", box.id);

    const bundle = await openBundle(directory);

    expect(bundle).toMatchObject({ directory, rootfs: join(directory, "rootfs") });
  });

  it("follows a link to the root file system, relative or absolute", async () => {
    const directory = await temporaryFolder();
    const elsewhere = await temporaryFolder();
    symlinkSync(elsewhere, join(directory, "files"));
    writeConfig(directory, { root: { path: "files" } });

    expect((await openBundle(directory)).rootfs).toBe(elsewhere);
    writeConfig(directory, { root: { path: elsewhere } });
    expect((await openBundle(directory)).rootfs).toBe(elsewhere);
  });

  it("deletes a bundle, and not what its root file system leads to", async () => {
    const directory = mkdtempSync(join(await temporaryFolder(), "opened-"));
    const elsewhere = await temporaryFolder();
    writeFileSync(join(elsewhere, "mine"), "");
    symlinkSync(elsewhere, join(directory, "rootfs"));
    writeConfig(directory, {});

    await (await openBundle(directory)).remove();

    expect(existsSync(directory)).toBe(false);
    expect(readdirSync(elsewhere)).toEqual(["mine"]);
  });

  it.each([
    ["no directory", "true", "NOT_FOUND"],
    ["no config.json", "mkdir b", "NOT_FOUND"],
    ["a file for a directory", "touch b", "NOT_FOUND"],
    ["a pipe for a config.json", "mkdir b && mkfifo b/config.json", "INVALID_ARGUMENT"],
    ["a directory for a config.json", "mkdir -p b/config.json", "INVALID_ARGUMENT"],
    ["a config.json without end", "mkdir b && ln -s /dev/zero b/config.json", "INVALID_ARGUMENT"],
    ["a huge config.json", "mkdir b && truncate -s 9M b/config.json", "INVALID_ARGUMENT"],
    ["no root file system", "mkdir b && cp config.json b", "NOT_FOUND"],
    [
      "a file for a root file system",
      "mkdir b && cp config.json b && touch b/rootfs",
      "INVALID_ARGUMENT",
    ],
    [
      "a loop for a root file system",
      "mkdir b && cp config.json b && ln -s rootfs b/rootfs",
      "INVALID_ARGUMENT",
    ],
  ])("says %s", async (_, make, code) => {
    const folder = await temporaryFolder();
    writeConfig(folder, {});
    execFileSync("sh", ["-c", make], { cwd: folder });

    await expect(openBundle(join(folder, "b"))).rejects.toMatchObject({ code });
  });
});

const SPEC = {
  ociVersion: "1.0.2",
  process: { user: { uid: 0, gid: 0 }, args: ["true"], cwd: "/" },
  root: { path: "rootfs" },
  linux: { namespaces: [{ type: "mount" }] },
};

function writeConfig(directory: string, changes: object): void {
  writeFileSync(join(directory, "config.json"), JSON.stringify({ ...SPEC, ...changes }));
}

it.runIf(canRun && spawnSync("newuidmap").error === undefined)(
  "gives a bundle's files to the ids that its config.json maps",
  async () => {
    const engine = await testEngine();
    const owned = [{ path: "theirs", uid: 7, gid: 8, content: "x" }];
    await engine.images.load(busyboxWith({ name: "owned", layers: [owned] }));
    const directory = join(await temporaryFolder(), "bundle");

    const bundle = await createBundle("owned", { engine, directory });
    const { rootfs, spec } = bundle;

    const outside = (id: number, lines: NonNullable<typeof spec.linux.uidMappings>) => {
      const line = lines.find(
        ({ containerID, size }) => id >= containerID && id < containerID + size,
      );
      return line && line.hostID + id - line.containerID;
    };
    const { uid, gid } = statSync(join(rootfs, "theirs"));
    const { uidMappings = [], gidMappings = [] } = spec.linux;
    expect(uid).toBe(outside(7, uidMappings) ?? outside(0, uidMappings));
    expect(gid).toBe(outside(8, gidMappings) ?? outside(0, gidMappings));
    await bundle.remove();
    expect(existsSync(directory)).toBe(false);
  },
);
