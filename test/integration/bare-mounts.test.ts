/** What a bundle's mounts ask for, as the kernel then has it. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Plan } from "../../lib/native/plan.ts";
import { type MappedMount, bundleMountOperations } from "../../lib/runtime/bundle-mounts.ts";
import { BareContainer } from "../helpers/bare.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const MOUNTINFO = ["cat", "/proc/self/mountinfo"];

function mounted(...mounts: readonly MappedMount[]): Plan {
  const ids = { kind: "helpers" } as const;
  const context = { bundle: "/", hasCgroup2: false, ownCgroups: false, ids };
  return mounts.flatMap((mount) => bundleMountOperations(mount, context));
}

async function shown(before: Plan, command: readonly string[]): Promise<string> {
  const box = await BareContainer.create({ command, before });
  expect(await box.start()).toBe("");
  return box.written(box.pid);
}

/** Of /proc/PID/mountinfo: the options of a mount point, how it passes mounts on, its file system's. */
function lineOf(mountinfo: string, point: string): string {
  const line = mountinfo.split("\n").find((one) => one.split(" ")[4] === point) ?? "";
  return line.split(" ").slice(5).join(" ");
}

describe.runIf(requireUserNamespaces())("the mounts of a bundle", () => {
  expectNothingLeft();

  it("have their options, their file systems too", async () => {
    const options = ["nosuid", "nodev", "noatime", "nodiratime", "nosymfollow", "mode=700"];
    const written = ["sync", "dirsync", "lazytime"];
    const text = await shown(
      mounted(
        { destination: "/a", type: "tmpfs", options },
        { destination: "/b", type: "tmpfs", options: [...written, "noexec", "silent"] },
        { destination: "/c", type: "tmpfs", options: [...written, "async", "noatime", "atime"] },
        { destination: "/d", type: "ramfs", options: ["rro"] },
        { destination: "/e", type: "tmpfs", options: ["rshared"] },
        { destination: "/f", type: "tmpfs", options: ["iversion", "slave", "strictatime"] },
      ),
      MOUNTINFO,
    );

    expect(lineOf(text, "/a")).toMatch(
      /^rw,nosuid,nodev,noatime,nodiratime,nosymfollow - tmpfs tmpfs rw.*,mode=700/,
    );
    expect(lineOf(text, "/b")).toMatch(
      /^rw,noexec,relatime - tmpfs tmpfs rw,sync,dirsync,lazytime/,
    );
    expect(lineOf(text, "/c")).toMatch(/^rw,relatime - tmpfs tmpfs rw,dirsync,lazytime/);
    expect(lineOf(text, "/d")).toMatch(/^ro,relatime - ramfs/);
    expect(lineOf(text, "/e")).toMatch(/^rw,relatime shared:\d+ - tmpfs/);
    expect(lineOf(text, "/f")).toMatch(/^rw - tmpfs/);
  });

  it("are bound with theirs, for themselves or for all that is below", async () => {
    const source = await temporaryFolder();
    const text = await shown(
      mounted(
        { destination: "/top", source: "/dev", options: ["rbind", "noexec", "nosymfollow"] },
        { destination: "/all", source: "/dev", options: ["rbind", "rro", "rnosymfollow"] },
        { destination: "/one", source, options: ["bind", "ro", "shared"] },
      ),
      MOUNTINFO,
    );

    expect(lineOf(text, "/top")).toMatch(/^rw,[^ ]*noexec[^ ]*nosymfollow/);
    expect(lineOf(text, "/top/pts")).not.toContain("nosymfollow");
    expect(lineOf(text, "/all")).toMatch(/^ro,[^ ]*nosymfollow/);
    expect(lineOf(text, "/all/pts")).toMatch(/^ro,[^ ]*nosymfollow/);
    expect(lineOf(text, "/one")).toMatch(/^ro,[^ ]* shared:\d+ /);
  });

  it("may change what is mounted already", async () => {
    const text = await shown(
      mounted(
        { destination: "/a", type: "tmpfs", options: ["size=1m", "nosuid"] },
        { destination: "/a", type: "tmpfs", options: ["remount", "ro", "size=2m"] },
        { destination: "/proc", options: ["remount", "bind", "ro", "noexec"] },
      ),
      MOUNTINFO,
    );

    expect(lineOf(text, "/a")).toMatch(/^ro,nosuid,relatime - tmpfs tmpfs ro,size=2048k/);
    expect(lineOf(text, "/proc")).toMatch(/^ro,noexec,relatime - proc proc rw/);
  });

  it("begin with what was there, on request", async () => {
    const tmpfs = { destination: "/data", type: "tmpfs" };
    const before: Plan = [
      ["directory", "/data/deep", 0o750],
      ["file", "/data/deep/file", 0o640, "copied\n"],
      ...mounted({ ...tmpfs, options: ["tmpcopyup", "nosuid", "mode=1777"] }),
    ];
    const script = "cat /data/deep/file; stat -c %a /data /data/deep; ls -A /data; echo > /data/x";

    expect(await shown(before, ["sh", "-c", `${script}; grep " /data " /proc/mounts`])).toMatch(
      /^copied\n1777\n750\ndeep\ntmpfs \/data tmpfs rw,nosuid,relatime/,
    );
  });

  it("take options that are longer than the kernel's newer calls do", async () => {
    const folder = await temporaryFolder();
    const lowers = ["one", "two"].map((name) => join(folder, name.padEnd(200, "-")));
    for (const lower of lowers) {
      mkdirSync(lower);
      writeFileSync(join(lower, lower.slice(folder.length + 1, folder.length + 4)), "");
    }
    const options = [`lowerdir=${lowers.join(":")}`, "userxattr"];

    expect(
      await shown(mounted({ destination: "/both", type: "overlay", options }), ["ls", "/both"]),
    ).toBe("one\ntwo\n");
  });

  it.for([
    [{ destination: "/a", type: "nosuchfs" }, "mount nosuchfs on /a", 19],
    [{ destination: "/a", type: "tmpfs", options: ["odd=1"] }, "mount tmpfs on /a: odd=1", 22],
    [{ destination: "/a", source: "/absent", options: ["bind"] }, "bind /absent on /a", 2],
    [{ destination: "/proc/self", type: "tmpfs" }, "mount on /proc/self: it would cover", 16],
    [{ destination: "/a", options: ["remount", "ro"] }, "open /a in the container", 2],
  ] as const)("say what cannot be: %j", async ([mount, what, errno]) => {
    const box = await BareContainer.begin({ command: ["true"], before: mounted(mount) });

    const failed = await box.expect("failed");

    expect(failed).toMatchObject({ errno });
    expect(failed["what"]).toContain(what);
    await box.starter.ended;
  });
});
