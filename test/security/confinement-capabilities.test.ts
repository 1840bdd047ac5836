/** Docker's fourteen capabilities are there, the others are not: rows of docs/confinement.md. */
import { describeConfinement } from "../helpers/confinement/attempt.ts";
import { DROPPED_CAPABILITIES, KEPT_CAPABILITIES } from "../helpers/confinement/capabilities.ts";

describeConfinement(DROPPED_CAPABILITIES);
describeConfinement(KEPT_CAPABILITIES);
