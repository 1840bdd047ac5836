import { symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { usableDevices } from "../../lib/runtime/host-devices.ts";
import { temporaryFolder } from "../helpers/folder.ts";

describe("the devices of this machine", () => {
  it("are those that the caller may open, but for what a container makes itself", async () => {
    const devices = await usableDevices();

    expect(devices).toEqual(devices.toSorted());
    expect(devices.filter((path) => !path.startsWith("/dev/"))).toEqual([]);
    for (const path of ["/dev/null", "/dev/tty", "/dev/ptmx", "/dev/console", "/dev/tty1"]) {
      expect(devices).not.toContain(path);
    }
  });

  it("are no files, no links and nothing of what cannot be read", async () => {
    const folder = await temporaryFolder();
    writeFileSync(join(folder, "file"), "");
    symlinkSync("/dev/fuse", join(folder, "link"));

    expect(await usableDevices(folder)).toEqual([]);
    expect(await usableDevices(join(folder, "none"))).toEqual([]);
  });
});
