/** Tars of every age and of none: each is a layer as its writer meant it, or is refused. */
import { brokenFormats } from "../../fixtures/hostile/broken-formats.mjs";
import { formats } from "../../fixtures/hostile/formats.mjs";
import { describeHostileImages } from "../helpers/hostile.ts";

await describeHostileImages("an image", () => [...formats(), ...brokenFormats()]);
