/** Configs, manifests and indexes of odd shapes, too many and too large: each is read right, or refused by name. */
import { configs } from "../../fixtures/hostile/configs.mjs";
import { manifests } from "../../fixtures/hostile/manifests.mjs";
import { describeHostileImages } from "../helpers/hostile.ts";

await describeHostileImages("an image", () => [...configs(), ...manifests()]);
