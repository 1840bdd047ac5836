/** `marmita info`. */
import type { EngineInfo } from "../engine/info.ts";
import { hostPlatform } from "../oci/platform.ts";
import type { Command } from "./command.ts";
import { openCliEngine } from "./engine.ts";
import { OBJECT_FORMAT } from "./format-flag.ts";
import { print } from "./output.ts";
import { readTemplate } from "./read-template.ts";
import { formatBinarySize } from "./units.ts";
import { visible } from "./visible.ts";

export const info: Command = {
  usage: "[OPTIONS]",
  arguments: { min: 0, max: 0 },
  flags: [OBJECT_FORMAT],
  refused: { switches: "debug|D" },
  async run({ flags, engine: options }) {
    const format = flags.last("format") ?? "";
    const template = format === "" ? undefined : await templateOf(format);
    await using engine = await openCliEngine(options);
    const found = await engine.info();
    if (template === undefined) print(formatInfo(found));
    else {
      const shown = { shown: visible, typeName: "Info" };
      print(`${template.execute(infoObject(found), shown)}\n`);
    }
    return 0;
  },
};

async function templateOf(format: string) {
  const { Template } = await import("./template/template.ts");
  return readTemplate(() => {
    return new Template(format === "json" ? "{{json .}}" : format, { name: "info" });
  });
}

/** Docker's lines, where there is such a thing here, and then ours. */
export function formatInfo(found: EngineInfo): string {
  const { containers, networkHelpers, networkReason, idsReason } = found;
  const lines: readonly (readonly [name: string, value: string | number])[] = [
    ["Containers", containers.total],
    [" Running", containers.running],
    [" Paused", containers.paused],
    [" Stopped", containers.stopped],
    ["Images", found.images],
    ["Version", found.version],
    ["Storage Driver", found.rootfs],
    ["Logging Driver", "k8s-file"],
    ["Cgroup Version", found.cgroups === "v2" ? 2 : "none"],
    ["Cgroups of Containers", cgroupText(found)],
    ["Pause", found.ownCgroups ? "freezer" : "signals"],
    ["Network", networkHelpers.length === 0 ? found.network : networkHelpers.join(", ")],
    ...(networkReason === undefined ? [] : [[" Reason", networkReason] as const]),
    ["Ids", found.ids],
    ...(idsReason === undefined ? [] : [[" Reason", idsReason] as const]),
    ["Kernel Version", found.kernel],
    ["Operating System", found.operatingSystem],
    ["OSType", "linux"],
    ["Architecture", found.architecture],
    ["CPUs", found.processors],
    ["Total Memory", formatBinarySize(found.memoryBytes)],
    ["Name", found.hostname],
    ["Node.js", found.node],
    ["Data Root", found.root],
  ];
  return lines.map(([name, value]) => `${name}: ${visible(String(value))}\n`).join("");
}

function cgroupText({ ownCgroups, cgroups }: EngineInfo): string {
  if (ownCgroups) return "their own";
  return cgroups === "v2"
    ? "that of whoever starts them, which is not ours to write"
    : "that of whoever starts them";
}

/** In Docker's keys. */
export function infoObject(found: EngineInfo): object {
  const { containers } = found;
  const { architecture } = hostPlatform();
  return {
    ID: "",
    Containers: containers.total,
    ContainersRunning: containers.running,
    ContainersPaused: containers.paused,
    ContainersStopped: containers.stopped,
    Images: found.images,
    Driver: found.rootfs,
    LoggingDriver: "k8s-file",
    CgroupDriver: "none",
    CgroupVersion: found.cgroups === "v2" ? "2" : "",
    KernelVersion: found.kernel,
    OperatingSystem: found.operatingSystem,
    OSType: "linux",
    Architecture: architecture,
    NCPU: found.processors,
    MemTotal: found.memoryBytes,
    DockerRootDir: found.root,
    Name: found.hostname,
    ServerVersion: found.version,
    SecurityOptions: ["name=seccomp,profile=builtin", ...rootless(found)],
    Warnings: [found.idsReason, found.networkReason].filter((one) => one !== undefined),
  };
}

function rootless({ ids }: EngineInfo): readonly string[] {
  return ids === "root" ? [] : ["name=rootless"];
}
