/** Volumes beside Podman's: the same image, the same volumes, the same files in them. */
import { beforeAll, describe, expect, it } from "vitest";
import { run } from "../../lib/api/run.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import type { Mount } from "../../lib/engine/mounts.ts";
import { parseVolume } from "../../lib/cli/volume-flag.ts";
import { requirePodman } from "../helpers/compared.ts";
import { testEngine } from "../helpers/engine.ts";
import { busyboxWith } from "../helpers/images.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { type Podman, openPodman } from "../helpers/podman.ts";
import { hostCannot } from "../helpers/user-namespaces.ts";

const IMAGE = "localhost/filled:latest";
const FILE = { mode: 0o640, uid: 9, gid: 10, mtime: 2_000_000 };
const ARCHIVE = busyboxWith({
  name: IMAGE,
  config: { Volumes: { "/declared": {} } },
  layers: [
    [
      { path: "data", type: "directory", mode: 0o1753, uid: 7, gid: 8, mtime: 1_000_000 },
      { ...FILE, path: "data/file", content: "content" },
      { path: "data/suid", content: "x", mode: 0o6755, mtime: 3_000_000 },
      { path: "data/link", type: "symlink", target: "/nowhere", mtime: 4_000_000 },
      { ...FILE, path: "data/hard", type: "link", target: "data/file" },
      { path: "data/fifo", type: "fifo", mode: 0o600, mtime: 5_000_000 },
      { path: "data/deep/er/file", content: "deep", mtime: 6_000_000 },
      {
        path: "data/empty",
        type: "directory",
        mode: 0o700,
        uid: 1000,
        gid: 1000,
        mtime: 7_000_000,
      },
      { path: "declared/file", content: "declared", mtime: 8_000_000 },
    ],
  ],
});

/** Everything there is to see of a file, of directories without their times, which mounts change. */
const LOOK = String.raw`cd $1 && find . -exec stat -c '%n %F %a %u:%g %s %h' {} + | sort
  find . ! -type d -exec stat -c '%n %Y' {} + | sort; cat file`;

const able = requirePodman();

describe("a volume beside rootless Podman's", () => {
  expectNothingLeft();

  let engine: Engine;
  let podman: Podman;
  let fault: string | undefined;

  beforeAll(async () => {
    if (!able) return;
    engine = await testEngine();
    await engine.images.load(ARCHIVE);
    podman = await openPodman();
    podman.podman("load", "--quiet", "--input", ARCHIVE);
    fault = podman.runFault(IMAGE);
  });

  async function both(volumes: readonly string[], script: string, ...args: readonly string[]) {
    const command = ["sh", "-c", script, "sh", ...args];
    const flags = volumes.flatMap((volume) => ["-v", volume]);
    const theirs = podman.podman("run", "--rm", "--network=none", ...flags, IMAGE, ...command);
    const mounts: readonly Mount[] = volumes.map(parseVolume);
    const options = { engine, remove: true, network: "none", mounts } as const;
    const { stdout } = await run(IMAGE, command, options);
    return { ours: stdout, theirs };
  }

  it.for([
    ["a named one, filled", ["named:/data"], LOOK, "/data"],
    ["one without a name, filled", ["/data"], LOOK, "/data"],
    ["one that the image declares", [], LOOK, "/declared"],
    [
      "one of an empty directory",
      ["empty:/data/empty"],
      "stat -c '%a %u:%g' $1; ls -A $1",
      "/data/empty",
    ],
    ["one of nothing", ["nothing:/nothing"], "stat -c '%a %u:%g' $1; ls -A $1", "/nothing"],
    ["one that has files", ["named:/bin/there"], "ls $1", "/bin/there"],
    ["one that is read-only", ["ro:/data:ro"], "touch $1/x 2>&1; ls $1", "/data"],
    ["one that may not be executed", ["noexec:/data:noexec"], "$1/suid; echo $?", "/data"],
    ["one that is not filled", ["nocopy:/data:nocopy"], "ls -A $1", "/data"],
    ["one in another", ["outer:/data", "inner:/data/deep"], "ls -R $1", "/data"],
  ] as const)("is the same: %s", async ([, volumes, script, path], context) => {
    if (fault !== undefined) context.skip(hostCannot("start containers with podman", fault));

    const { ours, theirs } = await both(volumes, script, path);

    expect(ours).toBe(theirs);
  });
});
