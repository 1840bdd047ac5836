/** The mounts and device nodes a container starts with: rows of docs/confinement.md. */
import { describeConfinement } from "../helpers/confinement/attempt.ts";
import { DEVICES, MOUNTS } from "../helpers/confinement/mounts.ts";

describeConfinement(MOUNTS);
describeConfinement(DEVICES);
