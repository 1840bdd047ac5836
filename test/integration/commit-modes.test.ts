/** Commit where ids, or the file system below, are not what they are elsewhere. */
import { accessSync, constants, readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { commit } from "../../lib/api/commit.ts";
import { run } from "../../lib/api/run.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import type { EngineOptions } from "../../lib/engine/options.ts";
import { testEngine } from "../helpers/engine.ts";
import { eventually, lineOf } from "../helpers/eventually.ts";
import { busyboxArchive } from "../helpers/images.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import {
  hostCan,
  hostCannot,
  requireProgram,
  requireUserNamespaces,
} from "../helpers/user-namespaces.ts";

const WRITE = `
  mkdir -p /d/e; echo lunch > /d/e/f; ln /d/e/f /g; ln -s f /d/e/h; chmod 4750 /d; mkfifo /p
  rm /etc/passwd; rm -rf /home; mkdir /home; touch /home/new; chmod 700 /root`;
const LOOK = `
  stat -c '%n %a %u:%g %F' /d /d/e/f /g /d/e/h /p /home/new /root; stat -c %h /g; cat /g
  ls -A /home; ls /etc/passwd 2>&1`;

function fuseFault(): string | undefined {
  try {
    accessSync("/dev/fuse", constants.R_OK | constants.W_OK);
    return undefined;
  } catch (error) {
    return String(error);
  }
}

const hasFuse = () => requireProgram("fuse-overlayfs") && hostCan("use FUSE", fuseFault());

describe.runIf(requireUserNamespaces())("an image made of a container", () => {
  expectNothingLeft();

  /** What the container itself sees, and what a container of its image sees. */
  async function looks(engine: Engine): Promise<readonly string[]> {
    const seen = await run("busybox", ["sh", "-c", `${WRITE}; ${LOOK}`], { engine });
    await commit(seen.id, "mine", { engine });
    const { stdout } = await run("mine", ["sh", "-c", LOOK], { engine, remove: true });
    return [seen.stdout, stdout];
  }

  async function engineWith(options: Omit<EngineOptions, "root">): Promise<Engine> {
    const engine = await testEngine(options);
    await engine.images.load(busyboxArchive());
    return engine;
  }

  it.each([
    ["all the ids there are", {}],
    ["one id", { ids: "single" }],
  ] as const)("is what its container was: with %s", async (_what, options) => {
    const [before, after] = await looks(await engineWith(options));

    expect(before).toContain("/d 4750 0:0");
    expect(after).toBe(before);
  });

  it("is what its container was: with fuse-overlayfs", async (context) => {
    if (!hasFuse()) context.skip("fuse-overlayfs cannot be used here");
    const [before, after] = await looks(await engineWith({ storageDriver: "fuse-overlayfs" }));

    expect(before).toContain("/d 4750 0:0");
    expect(after).toBe(before);
  });

  it("has the ids of the container, also where the caller keeps its own", async (context) => {
    const engine = await engineWith({});
    const { ids } = await engine.info();
    if (ids !== "subids") context.skip(hostCannot("keep ids", `ids are ${ids}`));
    const kept = { engine, userns: "keep-id" } as const;
    const uid = process.getuid?.();

    const { id } = await run("busybox", ["sh", "-c", "touch /tmp/a"], kept);
    await commit(id, "mine", { engine });

    const look = ["stat", "-c", "%u", "/tmp/a"];
    expect(await run("mine", look, { engine })).toMatchObject({ stdout: `${uid}\n` });
    expect(await run("mine", look, kept)).toMatchObject({ stdout: `${uid}\n` });
    expect((await engine.images.get("mine")).config.config).not.toHaveProperty("User");
  });

  it("has what was written to open files, on fuse-overlayfs too", async (context) => {
    if (!hasFuse()) context.skip("fuse-overlayfs cannot be used here");
    const engine = await engineWith({ storageDriver: "fuse-overlayfs" });
    const { container, process } = await engine.containers.createAndStart({
      image: "busybox",
      // Whoever closes a file, or a copy of its descriptor, writes it out: nobody does.
      command: ["sh", "-c", "exec > /a; exec sh -c 'echo lunch; exec sleep 60'"],
      remove: true,
    });
    await using _running = process;
    await eventually("a process that has written", () => {
      const words = readFileSync(`/proc/${process.pid}/cmdline`, "utf8");
      return words.startsWith("sleep") ? true : undefined;
    });

    const { id } = await container.commit();

    expect(await run(id, ["cat", "/a"], { engine, remove: true })).toMatchObject({
      stdout: "lunch\n",
    });
  });
});

describe.runIf(requireUserNamespaces())("a container that runs", () => {
  expectNothingLeft();

  let engine: Engine;

  beforeAll(async () => {
    engine = await testEngine();
    await engine.images.load(busyboxArchive());
  });

  it.each([
    ["with pids of its own", {}],
    ["with the machine's pids", { pid: "host" }],
    ["with a first process of ours", { init: true }],
    ["with a terminal", { tty: true }],
  ] as const)("is committed and goes on: %s", async (_what, options) => {
    const command = "echo a > /a; echo ready; read word; echo b > /b; echo over; exec sleep 60";
    const { container, process } = await engine.containers.createAndStart(
      {
        image: "busybox",
        command: ["sh", "-c", command],
        network: "none",
        remove: true,
        ...options,
      },
      { stdin: "pipe" },
    );
    await using _running = process;
    await lineOf(process.stdout!, /ready/);

    const first = await container.commit();
    process.stdin!.write("go on\n");
    await lineOf(process.stdout!, /over/);
    const second = await container.commit(undefined, { pause: false });

    const look = (image: string) =>
      run(image, ["sh", "-c", "cat /a /b 2>&1"], { engine, remove: true });
    expect((await look(first.id)).stdout).toMatch(/^a\n.*\/b/);
    expect((await look(second.id)).stdout).toBe("a\nb\n");
  });
});
