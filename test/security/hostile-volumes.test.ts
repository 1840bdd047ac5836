/** Volumes and mounts over images that have links to the kernel's files, or out of the root, in their places. */
import { mountPoints } from "../../fixtures/hostile/volumes.mjs";
import { describeHostileImages } from "../helpers/hostile.ts";

await describeHostileImages("an image", mountPoints);
