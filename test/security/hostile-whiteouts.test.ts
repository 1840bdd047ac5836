/** Whiteouts of what is not there, of themselves and of everything: they hide what is below, and no more. */
import { whiteouts } from "../../fixtures/hostile/whiteouts.mjs";
import { describeHostileImages } from "../helpers/hostile.ts";

await describeHostileImages("an image", whiteouts);
