/** `node layers-worker.mjs ROOT LAYOUT`: loads an image, and tells what it was like for Node. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { openEngine } from "../dist/index.js";

const RESOLUTION_MS = 1;
const [root, layout] = process.argv.slice(2);
const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
const engine = await openEngine({ root });
delay.enable();
await engine.images.load(layout);
delay.disable();
await engine[Symbol.asyncDispose]();
const stallMs = Math.max(0, delay.max / 1e6 - RESOLUTION_MS);
const peakMb = Math.round(process.resourceUsage().maxRSS / 1000);
console.log(JSON.stringify({ stallMs, peakMb }));
