/** What processes of a container are given: rows of docs/confinement.md. */
import { describeConfinement } from "../helpers/confinement/attempt.ts";
import { PROCESSES } from "../helpers/confinement/processes.ts";

describeConfinement(PROCESSES);
