import { spawnSync } from "node:child_process";
import { beforeAll, describe, expect, it } from "vitest";
import { finished } from "../helpers/command.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { busyboxArchive } from "../helpers/images.ts";
import { hostCan, requireUserNamespaces } from "../helpers/user-namespaces.ts";

const INDEX = new URL("../../dist/index.js", import.meta.url).href;

/** A mount namespace of our own, where a small file system in memory can be the data root. */
const WITHIN = ["unshare", "--user", "--map-root-user", "--mount", "--propagation", "private"];
const MOUNT = 'mount -t tmpfs -o mode=700,size="$1" tmpfs "$2" && shift 2 && exec "$@"';

/** The parts of every script: what fails, in a few words, and what there is of containers. */
const HEAD = `
  import { readdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
  import { openEngine } from ${JSON.stringify(INDEX)};
  const [, root, archive] = process.argv;
  const failure = (work) => work.then(() => "none", ({ code, errno, hint }) => ({ code, errno, hint }));
  const traces = () => ["containers", "names", "live", "trash"].flatMap((kind) =>
    readdirSync(root + "/" + kind));
  const fill = () => { try { writeFileSync(root + "/filler", Buffer.alloc(1 << 26)); } catch {} };
  const room = () => { const { bavail, bsize } = statfsSync(root); return bavail * bsize; };
  const free = () => rmSync(root + "/filler");
  const engine = await openEngine({ root });`;

const FULL = {
  code: "UNAVAILABLE",
  errno: "ENOSPC",
  hint: expect.stringContaining("full") as string,
};

describe.runIf(requireUserNamespaces() && mayMount())("a full disk under the data root", () => {
  let root: string;

  beforeAll(async () => {
    root = await temporaryFolder();
  });

  function within(size: string, text: string): unknown {
    const script = `${HEAD}\n${text}\nawait engine.close();`;
    const argv = [
      process.execPath,
      "--input-type=module",
      "--eval",
      script,
      root,
      busyboxArchive(),
    ];
    const done = finished([...WITHIN, "sh", "-c", MOUNT, "sh", size, root, ...argv]);
    if (done.status !== 0) throw new Error(done.stderr);
    return JSON.parse(done.stdout);
  }

  it("refuses a container, keeps nothing of it, and takes one when there is room again", () => {
    const result = within(
      "32m",
      `await engine.images.load(archive);
       fill();
       const create = await failure(engine.containers.create({ image: "busybox" }));
       const run = await failure(engine.containers.run("busybox", ["true"]));
       const before = traces();
       free();
       const { stdout } = await engine.containers.run("busybox", ["echo", "oi"], { remove: true });
       console.log(JSON.stringify({ create, run, before, stdout, after: traces() }));`,
    );

    expect(result).toEqual({ create: FULL, run: FULL, before: [], stdout: "oi\n", after: [] });
  });

  it("keeps nobody from removing a container, nor from telling how it ended", () => {
    const result = within(
      "32m",
      `await engine.images.load(archive);
       const box = await engine.containers.create({ image: "busybox",
         command: ["sh", "-c", "dd if=/dev/zero of=/big bs=4k 2>&1; exit 3"] });
       const started = await box.start({ stdout: "ignore" });
       const { exitCode } = await started.wait();
       const next = await openEngine({ root });
       const { state } = (await next.containers.list())[0];
       await next.containers.remove(box.id);
       await next.close();
       console.log(JSON.stringify({ exitCode, state, after: traces() }));`,
    );

    expect(result).toMatchObject({
      exitCode: 3,
      state: { status: "exited", exitCode: 3 },
      after: [],
    });
  });

  it("leaves a volume empty that it keeps from being filled, until there is room", () => {
    const result = within(
      "32m",
      `await engine.images.load(archive);
       const mounts = [{ type: "volume", source: "tools", target: "/bin" }];
       const options = { remove: true, network: "none", mounts, entrypoint: ["/bin/sh", "-c"] };
       await engine.containers.run("busybox", ["true"], { ...options, mounts: [{ ...mounts[0], target: "/x" }] });
       fill();
       // Room for the container, and for a part of what is copied.
       rmSync(root + "/filler");
       writeFileSync(root + "/filler", Buffer.alloc(room() - (768 << 10)));
       const run = await failure(engine.containers.run("busybox", ["true"], options));
       const left = readdirSync(root + "/volumes/tools").sort();
       const data = readdirSync(root + "/volumes/tools/_data").length;
       free();
       const { stdout } = await engine.containers.run("busybox", ["echo oi"], options);
       console.log(JSON.stringify({ run, left, data, stdout, after: traces() }));`,
    );

    expect(result).toEqual({
      run: { code: "START_FAILED", errno: "ENOSPC", hint: FULL.hint },
      left: ["_data", "users", "volume.json"],
      data: 0,
      stdout: "oi\n",
      after: [],
    });
  });

  it("is what a command in a container meets that fills it, and can be removed", () => {
    const result = within(
      "32m",
      `await engine.images.load(archive);
       const command = ["dd", "if=/dev/zero", "of=/big", "bs=1M"];
       const { exitCode, stderr } = await engine.containers.run("busybox", command, { remove: true });
       console.log(JSON.stringify({ exitCode, stderr, after: traces() }));`,
    );

    expect(result).toEqual({
      exitCode: 1,
      stderr: expect.stringContaining("No space left on device") as string,
      after: [],
    });
  });
});

function mayMount(): boolean {
  const tried = spawnSync(
    "unshare",
    [...WITHIN.slice(1), "mount", "-t", "tmpfs", "tmpfs", "/mnt"],
    {
      encoding: "utf8",
    },
  );
  return hostCan(
    "mount a small file system",
    tried.status === 0 ? undefined : (tried.error?.message ?? tried.stderr.trim()),
  );
}
