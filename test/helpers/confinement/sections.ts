/** Every section of docs/confinement.md, in its order. */
import { DROPPED_CAPABILITIES, KEPT_CAPABILITIES } from "./capabilities.ts";
import { DEVICES, MOUNTS } from "./mounts.ts";
import { NAMESPACES } from "./namespaces.ts";
import { MASKED_PATHS, READONLY_PATHS } from "./paths.ts";
import { PROCESSES } from "./processes.ts";
import { SYSTEM_CALLS } from "./syscalls.ts";
import type { Section } from "./row.ts";

export const SECTIONS: readonly Section[] = [
  NAMESPACES,
  DROPPED_CAPABILITIES,
  KEPT_CAPABILITIES,
  SYSTEM_CALLS,
  MASKED_PATHS,
  READONLY_PATHS,
  MOUNTS,
  DEVICES,
  PROCESSES,
];
