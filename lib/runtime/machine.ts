/** What Docker's defaults depend on of this machine: read once. */
import { access, readdir } from "node:fs/promises";
import { isOwnNetwork, type NetworkLevel } from "./network.ts";

const CPUS = "/sys/devices/system/cpu";
const PORT_START = "net.ipv4.ip_unprivileged_port_start";

let masked: Promise<readonly string[]> | undefined;
let portStart: Promise<boolean> | undefined;

/**
 * Counters by which a container could watch what its neighbours compute
 * (moby, GHSA-6fw5-f8r9-fgfm). Most virtual machines have none.
 */
export function thermalPaths(): Promise<readonly string[]> {
  masked ??= readThermalPaths();
  return masked;
}

async function readThermalPaths(): Promise<readonly string[]> {
  const names = await readdir(CPUS).catch(() => []);
  const paths = names
    .filter((name) => /^cpu\d+$/.test(name))
    .map((name) => `${CPUS}/${name}/thermal_throttle`);
  const found = await Promise.all(paths.map(exists));
  return paths.filter((_, index) => found[index]);
}

/** With a network of its own any user of a container may listen on any port, as under Docker. */
export async function networkSysctls(network: NetworkLevel): Promise<Record<string, string>> {
  if (!isOwnNetwork(network)) return {};
  portStart ??= exists(`/proc/sys/${PORT_START.replaceAll(".", "/")}`);
  return (await portStart) ? { [PORT_START]: "0" } : {};
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
