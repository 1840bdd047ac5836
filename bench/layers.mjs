/** One big layer from an OCI layout to an image that is ready: marmita, podman, umoci, GNU tar. */
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bigLayer } from "../fixtures/big-layer.mjs";
import { podmanStorage, run } from "./peers.mjs";
import { pairedRatio, percentile, seconds, table, times } from "./statistics.mjs";

const MARMITA = fileURLToPath(new URL("../dist/bin/marmita.js", import.meta.url));
const WORKER = fileURLToPath(new URL("./layers-worker.mjs", import.meta.url));

export async function benchLayers({ rounds, entries, folder }) {
  const layer = bigLayer({ entries });
  const loads = [];
  const contenders = [
    { name: "`tar -xzf` of the layer, not synced", start: gnuTar },
    { name: "`marmita load` of the layout, synced", start: marmitaLoad },
    {
      name: "`engine.images.load()` of it, synced",
      start(context) {
        const told = load(context);
        loads.push(told);
        return told.ms;
      },
    },
    { name: "`podman pull oci:` of it, not synced", start: podmanPull, prepare: podman },
    { name: "`umoci unpack --rootless` of it, not synced", start: umoci, needs: "umoci" },
  ];
  for (const each of contenders) {
    each.samples = new Map();
    each.missing = each.needs === undefined ? undefined : run([each.needs, "--version"]);
  }
  const place = join(folder, "l"); // Podman wants short paths
  const used = [];
  try {
    for (let round = 0; round < rounds; round++) {
      for (let at = 0; at < contenders.length; at++) {
        const each = contenders[(at + round) % contenders.length];
        const target = join(place, `${round}${at}`);
        mkdirSync(target, { recursive: true });
        // Removed with the folder, at the very end: for minutes ext4 makes no inode of what was deleted, and looks
        // at each of those anew for every file.
        used.push(once(each, { layer, round, target }));
      }
    }
  } finally {
    for (const remove of used) remove?.();
  }
  return page({ layer, rounds, contenders, loads });
}

function once(each, { layer, round, target }) {
  if (each.missing !== undefined) return undefined;
  const state = each.prepare?.(target);
  execFileSync("sync"); // the disk owes nothing for the one before
  const started = performance.now();
  try {
    const told = each.start({ layer, target, state });
    each.samples.set(round, told ?? performance.now() - started);
  } catch (error) {
    each.missing = String(error.stderr ?? error.message)
      .trim()
      .split("\n")
      .at(-1);
  }
  return state?.remove;
}

function page({ layer, rounds, contenders, loads }) {
  const body = contenders.map(({ name, samples, missing }) => {
    if (missing !== undefined) return [name, "–", `not here: ${missing}`];
    const middle = percentile([...samples.values()], 0.5);
    return [name, seconds(middle), times(pairedRatio(samples, contenders[0].samples))];
  });
  const most = (name) => Math.max(...loads.map((one) => one[name]));
  return [
    "### Layers: one big layer, ready",
    `${layer.entries} entries, ${megabytes(layer.diffSize)}, gzip ${megabytes(layer.size)}; median ` +
      `of ${rounds}.`,
    table(["", "time", "of GNU tar's"], body),
    `Meanwhile Node's event loop stood still for ${most("stallMs").toFixed(1)} ms at most (in a ` +
      `second before, when nothing was to be done, ${most("idleMs").toFixed(1)} ms), and its memory ` +
      `came to ${most("peakMb")} MB.`,
  ].join("\n\n");
}

function gnuTar({ layer, target }) {
  execFileSync("tar", ["-xzf", layer.path, "-C", target], { stdio: "pipe" });
}

function marmitaLoad({ layer, target }) {
  const env = { ...process.env, MARMITA_ROOT: join(target, "root") };
  execFileSync(process.execPath, [MARMITA, "load", "-i", layer.layout], { env, stdio: "pipe" });
}

/** In a process of its own, which tells how it felt. */
function load({ layer, target }) {
  const args = [WORKER, join(target, "root"), layer.layout];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8", stdio: "pipe" }));
}

/** A new storage, with its first command behind it. */
function podman(target) {
  const found = podmanStorage(target, "overlay");
  run(["podman", ...found.storage, "images"], { env: found.env });
  return found;
}

function podmanPull({ layer, state: { storage, env } }) {
  const args = [...storage, "pull", "--quiet", `oci:${layer.layout}:big`];
  execFileSync("podman", args, { env, stdio: "pipe" });
}

function umoci({ layer, target }) {
  const rootless = process.getuid() === 0 ? [] : ["--rootless"];
  const args = ["unpack", ...rootless, "--image", `${layer.layout}:big`, join(target, "bundle")];
  execFileSync("umoci", args, { stdio: "pipe" });
}

function megabytes(bytes) {
  return `${Math.round(bytes / 1e6)} MB`;
}
