/** Start latency: from the call in Node to the end of `true`, in a small and in a large process. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { bubblewrap, crun, podman, run } from "./peers.mjs";
import { milliseconds, pairedRatio, percentile, table, times } from "./statistics.mjs";

const WORKER = fileURLToPath(new URL("start-worker.mjs", import.meta.url));
/** Starts before the first round, and slow ones: what JavaScript engines and page caches need. */
const WARM_UP = 30;
const SLOW_WARM_UP = 2;
const PAUSE_MS = 20;
/** Slow ones take part in every so many rounds. */
const SLOW_EVERY = 5;

/** Three tables: from Node as it starts, with a network, and from Node with `residentMb` of memory. */
export async function benchStart({ rounds, residentMb, rootfs, archive, folder, dataRoot }) {
  const peers = await findPeers(rootfs, archive, folder);
  const small = await worker([], { DATA_ROOT: dataRoot });
  const large = await worker([], { DATA_ROOT: dataRoot, RESIDENT_MB: String(residentMb) });
  const nested = peers.crun.within?.length ? await worker(peers.crun.within, {}) : small;

  const contenders = [
    { name: "`run()` of marmita", worker: small },
    { name: "`run()` of marmita, with a terminal", worker: small, options: { tty: true } },
    {
      name: "`run()` of marmita, without a seccomp filter",
      worker: small,
      options: { seccomp: "unconfined" },
    },
    { name: '`spawn("true")`, no container', worker: small, argv: ["true"] },
    { name: "bwrap", worker: small, ...peers.bwrap },
    { name: "crun, ready bundle", worker: nested, ...peers.crun },
    {
      name: "crun, ready bundle with marmita's seccomp filter",
      worker: nested,
      ...peers.filteredCrun,
    },
    { name: `podman run --rm`, worker: small, ...peers.podman, every: SLOW_EVERY },
  ];
  const big = [
    { name: "`run()` of marmita", worker: large },
    { name: '`spawn("true")`, no container', worker: large, argv: ["true"] },
    { name: "bwrap", worker: large, ...peers.bwrap },
  ];

  const connected = connectedContenders(small, peers);

  try {
    await interleave([...contenders, ...connected, ...big], rounds);
  } finally {
    await Promise.all([...new Set([small, large, nested])].map((each) => each.end()));
    peers.podman.remove?.();
  }
  return [
    "### Start: run `true` in a container and wait for its end",
    rows(contenders, contenders[0]),
    "### The same with a network of its own that reaches others",
    rows(connected, connected[0]),
    `### The same from a Node process with ${(residentMb / 1000).toFixed(1)} GB resident`,
    rows(big, big[0]),
  ].join("\n\n");
}

/** The default network, by each program; of Podman what it has. */
function connectedContenders(small, { podman: peer }) {
  const ours = ["pasta", "slirp4netns"].map((network) => ({
    name: `\`run()\` of marmita, ${network}`,
    worker: small,
    options: { network },
    every: SLOW_EVERY,
    ...missingHelper(network),
  }));
  const theirs = ["pasta", "slirp4netns"].map((network) => ({
    name: `podman run --rm, ${network}`,
    worker: small,
    ...peer,
    ...peer.connected?.[network],
    every: SLOW_EVERY,
  }));
  return [...ours, ...theirs];
}

function missingHelper(program) {
  const fault = run([program, "--version"]);
  return fault === undefined ? {} : { missing: fault };
}

async function findPeers(rootfs, archive, folder) {
  const { defaultSeccomp } = await import("../dist/runtime/seccomp/resolve.js");
  const { DEFAULT_CAPABILITIES } = await import("../dist/runtime/capabilities.js");
  return {
    bwrap: bubblewrap(rootfs),
    crun: crun(rootfs, folder),
    filteredCrun: crun(rootfs, folder, defaultSeccomp(DEFAULT_CAPABILITIES)),
    podman: podman(archive, folder),
  };
}

/**
 * Every contender once in each round, so that drift meets all alike; in a random order and with a
 * pause, so that none pays for what the kernel still has to put away of the same one before.
 */
async function interleave(contenders, rounds) {
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

function rows(contenders, reference) {
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
  return table(["", "p50", "p90", "of marmita's"], body);
}

/** A worker process with `time(argv)`: how long one start took, in milliseconds. */
async function worker(within, environment) {
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
    async time({ argv, env, options }) {
      child.send({ argv, env, options });
      return (await answer()).ms;
    },
    async end() {
      const gone = once(child, "exit");
      child.send({ end: true });
      await gone;
    },
  };
}
