/** Commands that are no programs, or those of other machines: refused in words, never a hang. */
import { commands } from "../../fixtures/hostile/commands.mjs";
import { describeHostileImages } from "../helpers/hostile.ts";

await describeHostileImages("an image", commands);
