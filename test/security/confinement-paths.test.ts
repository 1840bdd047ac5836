/** What Docker masks or makes read-only in /proc and /sys: rows of docs/confinement.md. */
import { describeConfinement } from "../helpers/confinement/attempt.ts";
import { MASKED_PATHS, READONLY_PATHS } from "../helpers/confinement/paths.ts";

describeConfinement(MASKED_PATHS);
describeConfinement(READONLY_PATHS);
