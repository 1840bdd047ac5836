/** Links out of an image, and entries that take each other's places. */
import { links } from "../../fixtures/hostile/links.mjs";
import { describeHostileImages } from "../helpers/hostile.ts";

await describeHostileImages("an image", links);
