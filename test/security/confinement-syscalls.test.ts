/** What Docker's default seccomp profile does not allow: rows of docs/confinement.md. */
import { describeConfinement } from "../helpers/confinement/attempt.ts";
import { SYSTEM_CALLS } from "../helpers/confinement/syscalls.ts";

describeConfinement(SYSTEM_CALLS);
