import { describe, expect, it } from "vitest";
import { formatInfo, infoObject } from "../../../lib/cli/info.ts";
import type { EngineInfo } from "../../../lib/engine/info.ts";

const INFO: EngineInfo = {
  version: "1.2.3",
  node: "v24.0.0",
  kernel: "6.1.0",
  architecture: "x64",
  root: "/data",
  ids: "single",
  idsReason: "no subordinate ids",
  rootfs: "overlay",
  containers: { total: 6, running: 3, paused: 1, stopped: 2 },
  images: 4,
  network: "none",
  networkHelpers: [],
  networkReason: "neither is installed",
  cgroups: "v2",
  ownCgroups: false,
  hostname: "box",
  operatingSystem: "Some\u001b[31m Linux",
  processors: 2,
  memoryBytes: 8 * 1_024 ** 3,
};

describe("info", () => {
  it("has Docker's lines, and says why something is less than it could be", () => {
    const lines = formatInfo(INFO).split("\n");

    expect(lines).toEqual(
      expect.arrayContaining([
        "Containers: 6",
        " Running: 3",
        " Paused: 1",
        " Stopped: 2",
        "Images: 4",
        "Storage Driver: overlay",
        "Cgroup Version: 2",
        "Pause: signals",
        "Network: none",
        " Reason: neither is installed",
        "Ids: single",
        " Reason: no subordinate ids",
        "Operating System: Some\\u001b[31m Linux",
        "Total Memory: 8GiB",
        "Data Root: /data",
      ]),
    );
    expect(formatInfo({ ...INFO, ownCgroups: true })).toContain("Pause: freezer\n");
  });

  it("has Docker's keys", () => {
    expect(infoObject(INFO)).toMatchObject({
      Containers: 6,
      ContainersRunning: 3,
      ContainersPaused: 1,
      ContainersStopped: 2,
      Driver: "overlay",
      CgroupVersion: "2",
      NCPU: 2,
      Warnings: ["no subordinate ids", "neither is installed"],
      SecurityOptions: ["name=seccomp,profile=builtin", "name=rootless"],
    });
    expect(infoObject({ ...INFO, ids: "root" })).toMatchObject({
      SecurityOptions: ["name=seccomp,profile=builtin"],
    });
  });
});
