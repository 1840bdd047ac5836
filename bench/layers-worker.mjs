/** `node layers-worker.mjs ROOT LAYOUT`: loads an image, and tells what it was like for Node. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout } from "node:timers/promises";
import { openEngine } from "../dist/index.js";

const RESOLUTION_MS = 1;
const [root, layout] = process.argv.slice(2);
const engine = await openEngine({ root });
const idleMs = await longestStall(() => setTimeout(1000));
const started = performance.now();
const stallMs = await longestStall(() => engine.images.load(layout));
const ms = performance.now() - started;
await engine[Symbol.asyncDispose]();
const peakMb = Math.round(process.resourceUsage().maxRSS / 1000);
console.log(JSON.stringify({ ms, idleMs, stallMs, peakMb }));

/** Of the event loop, in milliseconds: what other processes take is in it. */
async function longestStall(work) {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  await work();
  delay.disable();
  return Math.max(0, delay.max / 1e6 - RESOLUTION_MS);
}
