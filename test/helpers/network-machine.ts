/** A made-up machine on a network of its own, where nothing of this one's is in the way. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Isolation } from "../../lib/engine/options.ts";
import { temporaryFolder } from "./folder.ts";
import { finished, output } from "./command.ts";

const MACHINE = fileURLToPath(new URL("../../fixtures/network-machine.mjs", import.meta.url));
const INDEX = new URL("../../dist/index.js", import.meta.url).href;

/** Its name server is on loopback, it has two addresses, and a gateway that answers nobody. */
const SET_UP = `
  ip link set lo up
  ip link add uplink type veth peer name nowhere
  ip address add 198.51.100.7/24 dev uplink
  ip address add 198.51.100.8/24 dev uplink
  ip link set nowhere up
  ip link set uplink up
  ip route add default via 198.51.100.1`;

export interface MachineOptions {
  readonly network: string;
  readonly extraHosts?: readonly string[];
}

export interface Seen {
  /** `127.0.0.1:9001` → `reached 127.0.0.1`, an errno, or `timeout`. */
  readonly answers: Readonly<Record<string, string>>;
  readonly hosts: string;
  readonly resolvConf: string;
  readonly isolation: Isolation;
}

function inside(script: string, ...args: readonly string[]): readonly string[] {
  const user = process.getuid?.() === 0 ? [] : ["--map-root-user"];
  return ["unshare", ...user, "--net", "--mount", "sh", "-ec", script, "sh", ...args];
}

/** Why this host cannot play one; undefined where it can. */
export function machineFault(): string | undefined {
  const { status, stderr } = finished(inside(SET_UP));
  return status === 0 ? undefined : stderr.trim();
}

/** What a container of image `host` sees there of the servers in fixtures/network-machine.mjs. */
export async function seenFrom({ network, extraHosts = [] }: MachineOptions): Promise<Seen> {
  const folder = await temporaryFolder();
  const resolvConf = join(folder, "resolv.conf");
  writeFileSync(resolvConf, "nameserver 127.0.0.1\nsearch home.example\n");
  const request = JSON.stringify({ root: join(folder, "root"), index: INDEX, network, extraHosts });
  const script = `mount --bind "$1" /etc/resolv.conf; ${SET_UP}
    exec "$2" "$3" "$4"`;
  const text = output(inside(script, resolvConf, process.execPath, MACHINE, request));
  return JSON.parse(text) as Seen;
}

/** Whether this host has the program. */
export function hasHelper(name: string): boolean {
  return spawnSync("sh", ["-c", `command -v ${name}`]).status === 0;
}
