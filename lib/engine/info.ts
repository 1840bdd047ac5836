/** What an engine runs on, and what isolation it reaches here. */
import { readFileSync } from "node:fs";
import { availableParallelism, hostname, totalmem } from "node:os";
import { hasCgroup2 } from "../runtime/filesystems.ts";
import type { HelperName } from "../runtime/network-helpers.ts";
import { chooseNetwork } from "../runtime/network.ts";
import { canMakeCgroups } from "../runtime/own-cgroup.ts";
import type { EngineContext } from "./context.ts";
import { listContainers } from "./list.ts";
import type { ContainerStatus } from "./state.ts";
import { type VersionInfo, versionInfo } from "../util/version-info.ts";
import type { Isolation } from "./options.ts";

export interface EngineInfo extends VersionInfo {
  /** The data root. */
  readonly root: string;
  readonly ids: Isolation["ids"];
  /** Why ids are not mapped as well as they could be, a sentence for people. */
  readonly idsReason?: string;
  readonly rootfs: Isolation["rootfs"];
  /** Of the data root. */
  readonly containers: ContainerCounts;
  /** How many there are. */
  readonly images: number;
  /** What a container gets that asks for nothing else. */
  readonly network: "private" | "none";
  /** Which programs could connect it, the first choice first. */
  readonly networkHelpers: readonly HelperName[];
  /** Why `network` is `none`. */
  readonly networkReason?: string;
  /** Version 2 mounted where everybody looks for it. */
  readonly cgroups: "v2" | "none";
  /**
   * Whether a container that is started from here gets a control group of its own, for `pause` and
   * for `stats`: that of this process is ours to write.
   */
  readonly ownCgroups: boolean;
  /** Of this machine. */
  readonly hostname: string;
  /** `Debian GNU/Linux 12 (bookworm)` */
  readonly operatingSystem: string;
  readonly processors: number;
  readonly memoryBytes: number;
}

/** How many there are in which state; `running` are also those about to be started again. */
export interface ContainerCounts {
  readonly total: number;
  readonly running: number;
  readonly paused: number;
  readonly stopped: number;
}

/** Throws `UNSUPPORTED`, with a hint, where no container can run. */
export async function engineInfo(context: EngineContext): Promise<EngineInfo> {
  const { mapping } = await context.mapped();
  const { name } = await context.driver();
  const { level, helpers, reason } = await chooseNetwork(undefined);
  const { length: images } = await context.library.list({});
  return {
    ...versionInfo(),
    root: context.paths.root,
    ids: mapping.mode,
    ...(mapping.reason === undefined ? {} : { idsReason: mapping.reason }),
    rootfs: name,
    containers: await countContainers(context),
    images,
    network: level === "private" ? "private" : "none",
    networkHelpers: helpers.map((helper) => helper.name),
    ...(reason === undefined ? {} : { networkReason: reason }),
    cgroups: hasCgroup2() ? "v2" : "none",
    ownCgroups: hasCgroup2() && canMakeCgroups(),
    hostname: hostname(),
    operatingSystem: operatingSystem(),
    processors: availableParallelism(),
    memoryBytes: totalmem(),
  };
}

async function countContainers(context: EngineContext): Promise<ContainerCounts> {
  const states = (await listContainers(context, {})).map(({ state }) => state.status);
  const count = (...wanted: readonly ContainerStatus[]) =>
    states.filter((status) => wanted.includes(status)).length;
  return {
    total: states.length,
    running: count("running", "restarting"),
    paused: count("paused"),
    stopped: count("created", "exited"),
  };
}

/** os-release(5) */
function operatingSystem(): string {
  for (const path of ["/etc/os-release", "/usr/lib/os-release"]) {
    try {
      const name = /^PRETTY_NAME=(?:"(.*)"|'(.*)'|(.*))$/m.exec(readFileSync(path, "utf8"));
      const text = name?.[1] ?? name?.[2] ?? name?.[3];
      if (text !== undefined) return text;
    } catch {
      continue; // there is none
    }
  }
  return "Linux";
}
