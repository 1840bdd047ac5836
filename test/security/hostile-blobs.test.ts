/** Layers compressed in pieces, twice, with more behind, or without end. */
import { blobs } from "../../fixtures/hostile/blobs.mjs";
import { describeHostileImages } from "../helpers/hostile.ts";

await describeHostileImages("an image", blobs);
