import { mkdir, mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { hostDefaults, makeHostDirectories, readHostRoot } from "../../../lib/runtime/host-root.ts";

describe("hostDefaults", () => {
  it("passes on what a shell needs, and no secret", () => {
    const env = { PATH: "/bin", HOME: "/h", LC_ALL: "C", API_KEY: "x", LD_PRELOAD: "y.so" };

    expect(hostDefaults({ ...env, SHELL: "/bin/zsh" }, "/srv")).toEqual({
      Env: ["PATH=/bin", "HOME=/h", "LC_ALL=C", "SHELL=/bin/zsh"],
      Cmd: ["/bin/zsh"],
      WorkingDir: "/srv",
    });
  });

  it("starts at home where the current directory is not the same inside", () => {
    expect(hostDefaults({ HOME: "/h" }, "/dev/shm/x").WorkingDir).toBe("/h");
  });
});

describe("readHostRoot", () => {
  it("refuses other storage drivers than the kernel's", async () => {
    const driver = { name: "fuse-overlayfs", program: "/f" } as const;

    const reading = readHostRoot({ id: "1", bundle: "/d/c/1", dataRoot: "/d", driver });

    await expect(reading).rejects.toMatchObject({ code: "UNSUPPORTED" });
  });
});

describe("makeHostDirectories", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "host-root-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const rootOf = (extra: string) => ({
    operations: [],
    extraPaths: [extra],
    notes: [],
    directories: [
      { path: "/data/1/upper", mode: 0o700 },
      { path: "/data/1/upper/0-tmp", mode: 0o1777 },
      { path: extra, mode: 0o700 },
    ],
  });

  it("makes them in the draft and beside it, with exact modes", async () => {
    const extra = join(folder, "marmita-1", "1");

    await makeHostDirectories(rootOf(extra), { bundle: "/data/1", draft: join(folder, "d") });

    expect((await stat(join(folder, "d/upper/0-tmp"))).mode & 0o7777).toBe(0o1777);
    expect((await stat(join(folder, "marmita-1"))).mode & 0o7777).toBe(0o700);
    expect((await stat(extra)).isDirectory()).toBe(true);
  });

  it("refuses a shared place that others may enter", async () => {
    const parent = join(folder, "marmita-1");
    await mkdir(parent, { mode: 0o755 });

    const making = makeHostDirectories(rootOf(join(parent, "1")), {
      bundle: "/data/1",
      draft: join(folder, "d"),
    });

    await expect(making).rejects.toMatchObject({ code: "CONFLICT", details: { path: parent } });
  });
});
