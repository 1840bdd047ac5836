/** Environments, arguments and working directories at the kernel's limits, beyond, and out of the root. */
import { settings } from "../../fixtures/hostile/settings.mjs";
import { describeHostileImages } from "../helpers/hostile.ts";

await describeHostileImages("an image", settings);
