/**
 * `node pull-worker.mjs ROOT AGAIN NAME…`: pulls these images at once, the first of them AGAIN
 * times once more when it is here, and tells what it was like for Node.
 */
import { readFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout } from "node:timers/promises";
import { openEngine } from "../dist/index.js";

const RESOLUTION_MS = 1;
const [root, again, ...names] = process.argv.slice(2);
const engine = await openEngine({ root });
const idleMs = await longestStall(() => setTimeout(1000));
const started = performance.now();
const pulling = () => Promise.all(names.map((name) => engine.images.pull(name)));
const { stallMs, burstMs } = await longestBurst(() => longestStall(pulling));
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
console.log(JSON.stringify({ ms, idleMs, stallMs, burstMs, peakMb, cpuMs, againMs }));

/**
 * How long the event loop was busy without a turn for others, by the processor time of its thread:
 * what other processes take is not in it.
 */
async function longestBurst(work) {
  let last = ownNanoseconds();
  let longest = 0;
  const look = () => {
    const now = ownNanoseconds();
    longest = Math.max(longest, now - last);
    last = now;
  };
  const timer = setInterval(look, RESOLUTION_MS);
  const stallMs = await work();
  look();
  clearInterval(timer);
  return { stallMs, burstMs: longest / 1e6 };
}

/** Of the main thread (proc(5), schedstat). */
function ownNanoseconds() {
  return Number(readFileSync("/proc/self/schedstat", "utf8").split(" ")[0]);
}

/** Of the event loop, in milliseconds: what other processes take is in it. */
async function longestStall(work) {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  await work();
  delay.disable();
  return Math.max(0, delay.max / 1e6 - RESOLUTION_MS);
}
