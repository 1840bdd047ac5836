/** Whose containers are whose: those of test runs that were killed go with the next run. */
import { readFileSync } from "node:fs";
import type { Containers } from "../index.ts";

/** Says which process a container was prepared by, and for. */
export const OWNER_LABEL = "org.marmita.testing.owner";

/** This process, told from all that had or will have its number. */
export function thisProcess(): string {
  return `${process.pid} ${startOf(process.pid)} ${bootId()}`;
}

/** Remove what was prepared by processes that are no more. Others may do this at once. */
export async function removeOrphans(containers: Containers): Promise<void> {
  for (const { id, labels } of await containers.list({ labels: [OWNER_LABEL] })) {
    if (isAlive(labels[OWNER_LABEL] ?? "")) continue;
    // What cannot be removed now is tried again by the next.
    await containers.remove(id, { force: true, volumes: true }).catch(() => undefined);
  }
}

function isAlive(owner: string): boolean {
  const [pid = "", start, boot] = owner.split(" ");
  return boot === bootId() && startOf(Number(pid)) === start;
}

function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}

/** Field 22 of /proc/PID/stat; the command's name before it may hold anything (proc(5)). */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}
