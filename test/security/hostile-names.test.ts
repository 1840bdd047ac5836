/** Names of files that are long, strange or lead elsewhere: all of it stays in the layer. */
import { names } from "../../fixtures/hostile/names.mjs";
import { describeHostileImages } from "../helpers/hostile.ts";

await describeHostileImages("an image", names);
