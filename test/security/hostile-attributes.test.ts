/** Owners nobody can have, set-id bits, devices and attributes that speak to the machine. */
import { attributes } from "../../fixtures/hostile/attributes.mjs";
import { describeHostileImages } from "../helpers/hostile.ts";

await describeHostileImages("an image", attributes);
