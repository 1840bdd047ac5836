/**
 * `node pull-worker.mjs ROOT AGAIN NAME…`: pulls these images at once, the first of them AGAIN
 * times once more when it is here, and tells what it was like for Node.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout } from "node:timers/promises";
import { openEngine } from "../dist/index.js";

const RESOLUTION_MS = 1;
const [root, again, ...names] = process.argv.slice(2);
const engine = await openEngine({ root });
const idleMs = await longestStall(() => setTimeout(1000));
const started = performance.now();
const stallMs = await longestStall(() =>
  Promise.all(names.map((name) => engine.images.pull(name))),
);
const ms = performance.now() - started;
const { user, system } = process.cpuUsage();
const againMs = [];
for (let at = 0; at < Number(again); at++) {
  const from = performance.now();
  await engine.images.pull(names[0]);
  againMs.push(performance.now() - from);
}
await engine[Symbol.asyncDispose]();
const peakMb = Math.round(process.resourceUsage().maxRSS / 1000);
const cpuMs = (user + system) / 1000;
console.log(JSON.stringify({ ms, idleMs, stallMs, peakMb, cpuMs, againMs }));

/** Of the event loop, in milliseconds: what other processes take is in it. */
async function longestStall(work) {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  await work();
  delay.disable();
  return Math.max(0, delay.max / 1e6 - RESOLUTION_MS);
}
