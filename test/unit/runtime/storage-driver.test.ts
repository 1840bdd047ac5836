import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { UserNamespace } from "../../../lib/native/helper.ts";
import { singleMapping } from "../../../lib/runtime/id-maps.ts";
import {
  chooseStorageDriver,
  type OverlayProbe,
  type StorageHost,
  type StoragePlace,
} from "../../../lib/runtime/storage-driver.ts";
import { Paths } from "../../../lib/store/paths.ts";

const GOOD: OverlayProbe = { overlay: true, errno: "", what: "" };
const REFUSED: OverlayProbe = { overlay: false, errno: "EINVAL", what: "mount overlay of 2" };
const NAMESPACE: UserNamespace = { fd: 9, uids: [], gids: [], close: () => undefined };

let root: string;
let place: StoragePlace;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "driver-"));
  const mapping = singleMapping({ uid: 1500, gid: 1500 }, "asked for");
  place = { paths: new Paths(root), namespace: NAMESPACE, mapping };
});
afterEach(() => rm(root, { recursive: true }));

function host(given: Partial<StorageHost> = {}): StorageHost {
  return {
    env: () => undefined,
    probe: async () => GOOD,
    findFuseOverlayfs: async () => "/usr/bin/fuse-overlayfs",
    canOpenFuse: async () => true,
    hint: () => undefined,
    ...given,
  };
}

describe("chooseStorageDriver", () => {
  it("takes the kernel's overlay where it works, and probes once", async () => {
    const probe = vi.fn<StorageHost["probe"]>(async () => GOOD);

    expect(await chooseStorageDriver(place, "auto", host({ probe }))).toEqual({ name: "overlay" });
    expect(await chooseStorageDriver(place, "auto", host({ probe }))).toEqual({ name: "overlay" });

    expect(probe).toHaveBeenCalledTimes(1);
  });

  it("probes anew where something else was found out", async () => {
    const probe = vi.fn<StorageHost["probe"]>(async () => GOOD);
    await writeFile(join(root, "storage-driver.json"), '{"format":1,"kernel":"2.6"}');

    await chooseStorageDriver(place, "auto", host({ probe }));

    expect(probe).toHaveBeenCalledTimes(1);
    expect(await readFile(join(root, "storage-driver.json"), "utf8")).not.toContain('"2.6"');
  });

  it("takes fuse-overlayfs next, and tries the kernel again the next time", async () => {
    const probe = vi.fn<StorageHost["probe"]>(async () => REFUSED);
    const fuse = { name: "fuse-overlayfs", program: "/usr/bin/fuse-overlayfs" };

    expect(await chooseStorageDriver(place, "auto", host({ probe }))).toEqual(fuse);
    expect(await chooseStorageDriver(place, "auto", host({ probe }))).toEqual(fuse);

    expect(probe).toHaveBeenCalledTimes(2);
  });

  it("names both ways out where neither works", async () => {
    const choosing = chooseStorageDriver(
      place,
      "auto",
      host({ probe: async () => REFUSED, canOpenFuse: async () => false, hint: () => "Do this." }),
    );

    await expect(choosing).rejects.toMatchObject({
      code: "UNSUPPORTED",
      errno: "EINVAL",
      hint: expect.stringMatching(/^Do this\. Or: Make \/dev\/fuse/),
    });
  });

  it("takes what was asked for, or nothing", async () => {
    const options = { probe: async () => REFUSED, findFuseOverlayfs: async () => undefined };

    await expect(chooseStorageDriver(place, "overlay", host(options))).rejects.toMatchObject({
      code: "UNSUPPORTED",
      step: "overlay",
    });
    await expect(chooseStorageDriver(place, "fuse-overlayfs", host(options))).rejects.toMatchObject(
      { code: "UNSUPPORTED", step: "fuse-overlayfs" },
    );
  });

  it("obeys the environment, and an option before it", async () => {
    const env = () => "fuse-overlayfs";

    expect(await chooseStorageDriver(place, "auto", host({ env }))).toMatchObject({
      name: "fuse-overlayfs",
    });
    expect(await chooseStorageDriver(place, "overlay", host({ env }))).toEqual({ name: "overlay" });
  });

  it("refuses a driver that there is not, and quotes it", async () => {
    const choosing = chooseStorageDriver(place, "auto", host({ env: () => "vfs" }));

    await expect(choosing).rejects.toThrow(
      'MARMITA_STORAGE_DRIVER to be "overlay", "fuse-overlayfs" or "auto", got "vfs"',
    );
  });
});
