/** A copy of marmita-init in memory that nobody can write to, for what executes others' commands. */
import { binding, helperPath } from "./binding.ts";

/** Above all that a process is started with (native/core/spawn.h). */
const LOWEST = 256;

let copy: number | undefined;

/**
 * Where to execute it: one copy for all that this process starts, made at the first (native/init/seal.h
 * says what for). The file itself where the kernel has none to give.
 */
export function sealedHelperPath(): string {
  copy ??= binding().sealedCopy(helperPath(), LOWEST) ?? -1;
  return copy < 0 ? helperPath() : `/proc/self/fd/${copy}`;
}

/** It turned out that it cannot be executed. */
export function forgetSealedHelper(): void {
  copy = -1;
}
