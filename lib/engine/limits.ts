/** Limits of memory, processors and processes: asked for by many, and not there yet. */
import { MarmitaError } from "../errors.ts";

const LIMITS: ReadonlySet<string> = new Set([
  "blkioWeight",
  "cpuPeriod",
  "cpuQuota",
  "cpuShares",
  "cpus",
  "cpusetCpus",
  "cpusetMems",
  "memory",
  "memoryBytes",
  "memoryReservation",
  "memorySwap",
  "oomKillDisable",
  "pidsLimit",
]);

/** By their names: whoever asks for a limit must not go without. Throws `UNSUPPORTED`. */
export function refuseLimits(options: object): void {
  for (const [name, value] of Object.entries(Object.assign({}, options))) {
    if (value === undefined || !LIMITS.has(name)) continue;
    throw new MarmitaError("UNSUPPORTED", `option "${name}" is not supported yet`, {
      hint: 'What there is of limits: "ulimits" for each process, "oomScoreAdj", "shmSizeBytes".',
      details: { option: name },
    });
  }
}
