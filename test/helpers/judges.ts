/** crun and runc as this host lets them run, without a word to its control groups. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "vitest";
import { busyboxLayer } from "../../fixtures/busybox.mjs";
import type { IdExtent } from "../../lib/native/helper.ts";
import { chooseIdMapping, type IdMapping } from "../../lib/runtime/id-maps.ts";
import { fillRootfs } from "./bundles.ts";
import { type Finished, finished, output } from "./command.ts";
import { temporaryFolder } from "./folder.ts";
import { RUNTIME } from "./runtime-cli.ts";
import { hostCannot } from "./user-namespaces.ts";

export type JudgeName = "crun" | "runc";

/** A runtime, and what it has to be run in. */
export interface Judge {
  readonly name: JudgeName;
  /** Its command and its own flags. */
  readonly argv: readonly string[];
  /** Runs as root of a user namespace: ids of this machine are there those of its inside. */
  readonly isInside: boolean;
}

const IS_ROOT = process.getuid?.() === 0;

/** Of trees of both kinds crun wants none: the new one goes. The others can only be read. */
const READ_ONLY_CGROUPS = `
  mount --make-rprivate /
  grep -q ' /sys/fs/cgroup cgroup2 ' /proc/mounts || umount /sys/fs/cgroup/unified
  for tree in /sys/fs/cgroup /sys/fs/cgroup/*; do
    mountpoint -q $tree && mount -o remount,bind,ro $tree
  done
  exec "$@"`;
/** Where crun refuses what is there, an ordinary user can mount a tree of the new kind over it. */
const OWN_CGROUP2 = 'mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec "$@"';

const unshare = (flags: string, script: string): readonly string[] => {
  return ["unshare", ...flags.split(" "), "sh", "-c", script, "sh"];
};

const INSIDE = "--user --map-root-user --mount --cgroup";

/** unshare(1) maps as we do: the caller is root, and then come all others that it may give. */
function mapFlags({ uids, gids }: IdMapping): string {
  const flag = (name: string, [one, other]: readonly IdExtent[]) => {
    if (one === undefined || other === undefined) return "";
    return ` --map-${name}=${other.outside},${other.inside},${other.size}`;
  };
  return `${flag("users", uids)}${flag("groups", gids)}`;
}

/** In the order of trial: an ordinary user has no control group to write to anyway. */
async function candidates(name: JudgeName): Promise<readonly Judge[]> {
  const flags = name === "crun" ? ["--cgroup-manager=disabled"] : ["--rootless=true"];
  if (IS_ROOT) {
    const argv = [...unshare("--mount", READ_ONLY_CGROUPS), name, ...flags];
    return [{ name, argv, isInside: false }];
  }
  const how = `${INSIDE}${mapFlags(await chooseIdMapping())}`;
  return [
    { name, argv: [name], isInside: false },
    { name, argv: [...unshare(how, OWN_CGROUP2), name], isInside: true },
  ];
}

/** Skips the test where the runtime does not even run what it writes itself. */
export async function findJudge(name: JudgeName, context: TestContext): Promise<Judge> {
  const faults: string[] = [];
  for (const judge of await candidates(name)) {
    const fault = await faultOf(judge);
    if (fault === undefined) return judge;
    faults.push(fault);
  }
  return context.skip(hostCannot(`run containers with ${name}`, faults.join("; ")));
}

async function faultOf(judge: Judge): Promise<string | undefined> {
  const bundle = await ownBundle(judge);
  const { status, stderr } = judgeRun(judge, bundle);
  return status === 0 ? undefined : (stderr.trim().split("\n").at(-1) ?? `exited with ${status}`);
}

/** What the runtime itself writes, with a root file system; it runs `true`. */
export async function ownBundle(judge: Judge): Promise<string> {
  const bundle = await temporaryFolder();
  fillRootfs(join(bundle, "rootfs"), busyboxLayer());
  const rootless = IS_ROOT ? [] : ["--rootless"];
  output([...judge.argv, "spec", ...rootless], { cwd: bundle });
  changeConfig(bundle, (config) => {
    config.process.terminal = false;
    config.process.args = ["true"];
  });
  return bundle;
}

export interface Config {
  process: { terminal?: boolean; args: readonly string[] };
  linux: { uidMappings?: Mapping[]; gidMappings?: Mapping[] };
}

interface Mapping {
  containerID: number;
  hostID: number;
  size: number;
}

export function changeConfig(bundle: string, change: (config: Config) => void): void {
  const path = join(bundle, "config.json");
  const config = JSON.parse(readFileSync(path, "utf8")) as Config;
  change(config);
  writeFileSync(path, JSON.stringify(config));
}

/** Run a bundle of ours; its config.json is changed to the ids there are where the judge runs. */
export function judgeMade(judge: Judge, bundle: string): Finished {
  if (judge.isInside) {
    changeConfig(bundle, ({ linux }) => {
      for (const line of [...(linux.uidMappings ?? []), ...(linux.gidMappings ?? [])]) {
        line.hostID = line.containerID;
      }
    });
  }
  return judgeRun(judge, bundle);
}

/** The same by marmita-runtime, which runs everywhere. */
export function runMade(bundle: string): Finished {
  return judgeRun({ argv: [process.execPath, RUNTIME, ...(IS_ROOT ? OWN_FLAGS : [])] }, bundle);
}

/** Root's containers would be in groups of the machine's own trees. */
const OWN_FLAGS = ["--cgroup-manager=disabled"];

export function judgeRun({ argv }: Pick<Judge, "argv">, bundle: string): Finished {
  const state = join(bundle, ".state");
  return finished([...argv, `--root=${state}`, "run", `--bundle=${bundle}`, "judged"]);
}
