/** What of the machine a container cannot see or reach: rows of docs/confinement.md. */
import { describeConfinement } from "../helpers/confinement/attempt.ts";
import { NAMESPACES } from "../helpers/confinement/namespaces.ts";

describeConfinement(NAMESPACES);
