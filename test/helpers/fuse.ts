/** File systems of programs: whether this host has them for this user. */
import { accessSync, constants } from "node:fs";

/** Why not; undefined where it can. */
export function fuseFault(): string | undefined {
  try {
    accessSync("/dev/fuse", constants.R_OK | constants.W_OK);
    return undefined;
  } catch (error) {
    return String(error);
  }
}
