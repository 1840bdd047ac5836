/** Images from a registry on loopback: one of one big layer, one that is here, and many at once. */
import { execFile, execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { bigLayer } from "../fixtures/big-layer.mjs";
import { podmanStorage, run, runRoot } from "./peers.mjs";
import { pushLayout, startRegistry } from "./registry.mjs";
import { milliseconds, pairedRatio, percentile, seconds, table, times } from "./statistics.mjs";

const MARMITA = fileURLToPath(new URL("../dist/bin/marmita.js", import.meta.url));
const WORKER = fileURLToPath(new URL("./pull-worker.mjs", import.meta.url));

const AT_ONCE = 20;
/** Of each of these, at most: some 20 MB. */
const AT_ONCE_ENTRIES = 1_200;
const AGAIN = 20;

// Not the synchronous calls: this process reads nothing of the registry, but others of it wait.
const call = promisify(execFile);

export async function benchPull({ rounds, entries, folder }) {
  const title = "### Pull: one big layer from a registry on this machine, ready";
  const missing = run(["docker-registry", "--version"]);
  if (missing !== undefined) return `${title}\n\nNot here: ${missing}.`;
  const layer = bigLayer({ entries });
  const registry = await startRegistry(folder);
  try {
    await pushLayout(registry.host, "big", layer.layout);
    const image = `${registry.host}/big:latest`;
    const told = await compare({ rounds, folder, layer, image, registry });
    const many = await pullMany({ folder, registry, entries: Math.min(entries, AT_ONCE_ENTRIES) });
    return [title, ...told, ...many].join("\n\n");
  } finally {
    await registry.stop();
  }
}

async function compare({ rounds, folder, layer, image, registry }) {
  const pulls = [];
  const contenders = [
    { name: "`curl \\| tar -xz` of the layer, not synced", start: curl, needs: "curl" },
    { name: "`marmita pull`, synced", start: marmita },
    {
      name: "`engine.images.pull()`, synced",
      async start(context) {
        const told = await worker([join(context.target, "root"), String(AGAIN), context.image]);
        pulls.push(told);
        return told.ms;
      },
    },
    { name: "`podman pull`, not synced", start: podmanPull, prepare: podman, needs: "podman" },
    {
      name: "`skopeo copy` to containers/storage, not synced",
      start: skopeo,
      prepare: podman,
      needs: "skopeo",
    },
  ];
  for (const each of contenders) {
    each.samples = new Map();
    each.missing = each.needs === undefined ? undefined : run([each.needs, "--version"]);
  }
  const place = join(folder, "p"); // Podman wants short paths
  const used = [];
  try {
    for (let round = 0; round < rounds; round++) {
      for (let at = 0; at < contenders.length; at++) {
        const each = contenders[(at + round) % contenders.length];
        const target = join(place, `${round}${at}`);
        mkdirSync(target, { recursive: true });
        // Removed at the very end: see layers.mjs.
        used.push(await once(each, { round, target, layer, image, host: registry.host }));
      }
    }
  } finally {
    for (const remove of used) remove?.();
  }
  return page({ layer, rounds, contenders, pulls });
}

async function once(each, context) {
  if (each.missing !== undefined) return undefined;
  const state = each.prepare?.(context.target);
  execFileSync("sync"); // the disk owes nothing for the one before
  const started = performance.now();
  try {
    const told = await each.start({ ...context, state });
    each.samples.set(context.round, told ?? performance.now() - started);
  } catch (error) {
    each.missing = String(error.stderr || error.message)
      .trim()
      .split("\n")
      .at(-1);
  }
  return state?.remove;
}

function page({ layer, rounds, contenders, pulls }) {
  const body = contenders.map(({ name, samples, missing }) => {
    if (missing !== undefined) return [name, "–", `not here: ${missing}`];
    const middle = percentile([...samples.values()], 0.5);
    return [name, seconds(middle), times(pairedRatio(samples, contenders[0].samples))];
  });
  const again = pulls.flatMap(({ againMs }) => againMs);
  return [
    `${layer.entries} entries, ${megabytes(layer.diffSize)}, gzip ${megabytes(layer.size)}; median ` +
      `of ${rounds}.`,
    table(["", "time", "of `curl \\| tar`'s"], body),
    `${feelings(pulls)} Pulled again when it was here, it took ` +
      `${milliseconds(percentile(again, 0.5))} (at most ${milliseconds(Math.max(...again))}).`,
  ];
}

function feelings(pulls) {
  const most = (name) => Math.max(...pulls.map((one) => one[name]));
  return (
    `Meanwhile Node's event loop stood still for ${most("stallMs").toFixed(1)} ms at most (in a ` +
    `second before, when nothing was to be done, ${most("idleMs").toFixed(1)} ms), was never ` +
    `busy for more than ${most("burstMs").toFixed(1)} ms of a processor on end, took ` +
    `${seconds(most("cpuMs"))} of a processor, and its memory came to ${most("peakMb")} MB.`
  );
}

async function pullMany({ folder, registry, entries }) {
  const names = [];
  for (let at = 0; at < AT_ONCE; at++) {
    // Another number of entries, another layer.
    const { layout } = bigLayer({ entries: entries + at });
    await pushLayout(registry.host, `many${at}`, layout);
    names.push(`${registry.host}/many${at}:latest`);
  }
  execFileSync("sync");
  const told = await worker([join(folder, "many"), "0", ...names]);
  return [
    `### Pull: ${AT_ONCE} images at once`,
    `Of some ${entries} entries each: ${seconds(told.ms)}. ${feelings([told])}`,
  ];
}

async function worker(args) {
  const { stdout } = await call(process.execPath, [WORKER, ...args]);
  return JSON.parse(stdout);
}

async function curl({ host, layer, target }) {
  const url = `http://${host}/v2/big/blobs/${layer.digest}`;
  await call("sh", ["-c", 'curl -sfL "$1" | tar -xz -C "$2"', "sh", url, target]);
}

async function marmita({ image, target }) {
  const env = { ...process.env, MARMITA_ROOT: join(target, "root") };
  await call(process.execPath, [MARMITA, "pull", "--quiet", image], { env });
}

/** A new storage, with its first command behind it. */
function podman(target) {
  const found = podmanStorage(target, "overlay");
  run(["podman", ...found.storage, "images"], { env: found.env });
  return found;
}

async function podmanPull({ image, state: { storage, env } }) {
  await call("podman", [...storage, "pull", "--quiet", "--tls-verify=false", image], { env });
}

async function skopeo({ image, state: { env, home } }) {
  const storage = `[overlay@${join(home, "overlay")}+${runRoot(home, "overlay")}]`;
  const args = ["copy", "--quiet", "--src-tls-verify=false"];
  await call("skopeo", [...args, `docker://${image}`, `containers-storage:${storage}${image}`], {
    env,
  });
}

function megabytes(bytes) {
  return `${Math.round(bytes / 1e6)} MB`;
}
