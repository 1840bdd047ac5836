/** Contenders that start things, one start each in each round, and how they compare. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { milliseconds, pairedRatio, percentile, table, times } from "./statistics.mjs";

const WORKER = fileURLToPath(new URL("start-worker.mjs", import.meta.url));
/** Starts before the first round, and slow ones: what JavaScript engines and page caches need. */
const WARM_UP = 30;
const SLOW_WARM_UP = 2;
const PAUSE_MS = 20;

/**
 * Every contender once in each round, so that drift meets all alike; in a random order and with a
 * pause, so that none pays for what the kernel still has to put away of the same one before.
 */
export async function interleave(contenders, rounds) {
  const present = contenders.filter(({ missing }) => missing === undefined);
  for (const each of present) each.samples = new Map();
  for (const each of present) {
    const starts = each.every === undefined ? WARM_UP : SLOW_WARM_UP;
    for (let count = 0; count < starts; count++) await each.worker.time(each);
  }
  for (let round = 0; round < rounds; round++) {
    for (const each of shuffled(present)) {
      if (each.every !== undefined && round % each.every !== 0) continue;
      await delay(PAUSE_MS);
      each.samples.set(round, await each.worker.time(each));
    }
  }
}

function shuffled(list) {
  return list
    .map((value) => ({ value, at: Math.random() }))
    .sort((one, other) => one.at - other.at)
    .map(({ value }) => value);
}

/** `of` is what the reference is called in the head of the table. */
export function rows(contenders, reference, of = "of marmita's") {
  const body = contenders.map(({ name, samples, missing, note }) => {
    const label = note === undefined ? name : `${name} (${note})`;
    if (missing !== undefined) return [label, "–", "–", `not here: ${missing}`];
    const values = [...samples.values()];
    return [
      label,
      milliseconds(percentile(values, 0.5)),
      milliseconds(percentile(values, 0.9)),
      times(pairedRatio(samples, reference.samples)),
    ];
  });
  return table(["", "p50", "p90", of], body);
}

/** A worker process with `time(argv)`: how long one start took, in milliseconds. */
export async function worker(within, environment) {
  const [program, ...args] = [...within, process.execPath, WORKER];
  const child = spawn(program, args, {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    env: { ...process.env, ...environment },
  });
  const answer = async () => {
    const [message] = await once(child, "message");
    if (message.error !== undefined) throw new Error(message.error);
    return message;
  };
  await answer();
  return {
    async time({ argv, env, options, bundle }) {
      child.send({ argv, env, options, bundle });
      return (await answer()).ms;
    },
    async end() {
      const gone = once(child, "exit");
      child.send({ end: true });
      await gone;
    },
  };
}
