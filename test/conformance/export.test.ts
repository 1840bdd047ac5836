import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { exportContainer } from "../../lib/api/containers.ts";
import { run } from "../../lib/api/run.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import { output } from "../helpers/command.ts";
import { testEngine } from "../helpers/engine.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { subordinateIdsFault } from "../helpers/ids.ts";
import { busyboxWith } from "../helpers/images.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { type Podman, openPodman } from "../helpers/podman.ts";
import { hostCan, requireProgram, requireUserNamespaces } from "../helpers/user-namespaces.ts";

const able =
  requireUserNamespaces() &&
  requireProgram("podman") &&
  hostCan("store images with podman", idsFault());

/** All kinds of changes; no fifo, over which Podman's export waits for ever. */
const SCRIPT = `
  cd /data && rm one && echo two >> two && chmod 600 two && rm -r gone && mkdir kept/new
  mkdir -p /new/deep && cd /new
  echo hi > a && ln a b && ln -s a link && chown 5:6 a && chmod 4755 a && chmod 1777 deep
  rm -r /replaced && echo file > /replaced && mv /data/moved /new/moved
  touch "/new/$(printf 'n%.0s' $(seq 200))"
  touch -h -d @86400 /new/link /new/a /new/deep`;

describe("export, beside podman's", () => {
  expectNothingLeft();

  let engine: Engine;
  let tools: Podman;
  let image: string;

  beforeAll(async () => {
    if (!able) return;
    const directory = (path: string) => ({ path, type: "directory" as const, mode: 0o755 });
    const layers = [
      [
        ...["data/", "data/gone/", "data/kept/", "replaced/", "data/moved/"].map(directory),
        ...["data/one", "data/gone/x", "data/kept/y", "replaced/z", "data/moved/m"].map((path) => ({
          path,
          content: path,
          uid: 12,
          gid: 34,
        })),
      ],
      [{ path: "data/.wh.one" }, { path: "data/one", content: "1\n" }, { path: "data/two" }],
    ];
    image = busyboxWith({ name: "localhost/export:1", layers });
    engine = await testEngine();
    tools = await openPodman();
    await engine.images.load(image);
    tools.podman("load", "--quiet", "--input", image);
  });

  it("has the same files, owners, modes, sizes and links", async (context) => {
    const fault = tools.runFault("localhost/export:1");
    if (fault !== undefined) context.skip(`podman runs nothing here: ${fault}`);
    const folder = await temporaryFolder();
    const [ours, theirs] = [join(folder, "ours.tar"), join(folder, "theirs.tar")];
    const command = ["sh", "-c", SCRIPT];

    const { exitCode } = await run("localhost/export:1", command, { engine, name: "changed" });
    await exportContainer("changed", ours, { engine });
    tools.podman("run", "--network=none", "--name=changed", "localhost/export:1", ...command);
    tools.podman("export", "--output", theirs, "changed");

    expect(exitCode).toBe(0);
    expect(listing(ours)).toEqual(listing(theirs));
    for (const name of ["data/two", "new/a", "replaced", "new/moved/m"]) {
      const [one, other] = [ours, theirs].map((path) => output(["tar", "-xOf", path, name]));
      expect(one).toBe(other);
    }
    tools.podman("rm", "--all", "--force");
  });
});

/** What the runtimes put there for themselves, mount points and files of /etc. */
const THEIRS = /^(?:dev|proc|sys|run|etc\/(?:hosts|hostname|resolv\.conf|mtab))(?:[/ ]|$)/;

/** One line for each entry: its name, type and mode, owner and size; whether its time is ours. */
function listing(path: string): readonly string[] {
  const pattern = /^(\S+) (\S+) +(\d+) (\S+ \S+) (.*)$/;
  const lines = output(["tar", "--utc", "--numeric-owner", "-tvf", path]).trimEnd().split("\n");
  return lines
    .flatMap((line) => {
      const [, mode, owner, size, time, name = ""] = pattern.exec(line) ?? [];
      const old = time === "1970-01-02 00:00" ? " in 1970" : "";
      return name === "./" || THEIRS.test(name) ? [] : [`${name} ${mode} ${owner} ${size}${old}`];
    })
    .sort();
}

// As root they need to own the machine; as anybody else, a range of ids.
function idsFault(): string | undefined {
  return process.getuid?.() === 0 ? undefined : subordinateIdsFault();
}
