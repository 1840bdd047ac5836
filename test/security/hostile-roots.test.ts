/** Images with something else where a container has its /proc, /dev, /sys and /etc/hosts. */
import { roots } from "../../fixtures/hostile/roots.mjs";
import { describeHostileImages } from "../helpers/hostile.ts";

await describeHostileImages("an image", roots);
