/** Unpacking one Debian layer: GNU tar, umoci, podman load, and marmita's two ways in. */
import { execFileSync } from "node:child_process";
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { debianRootfs } from "../fixtures/debian.mjs";
import { imageArchive } from "../fixtures/image-archive.mjs";
import { removeMapped, runInside } from "./inside.mjs";
import { run } from "./peers.mjs";
import { pairedRatio, percentile, seconds, table, times } from "./statistics.mjs";

export async function benchUnpack({ rounds, folder }) {
  const title = "### Unpack: one layer of Debian";
  let layer;
  try {
    layer = prepare(folder);
  } catch (error) {
    return `${title}\n\nNot here: ${error.message.split("\n")[0]}.`;
  }
  const contenders = [
    { name: "`tar -xzf` of the layer", start: gnuTar },
    { name: "`marmita-init apply` of the layer", start: apply },
    { name: "`engine.images.load()` of an archive with it", start: load },
    { name: "`umoci unpack --rootless` of an image with it", start: umoci, needs: "umoci" },
  ];
  for (const each of contenders) {
    each.missing = each.needs === undefined ? undefined : run([each.needs, "--version"]);
    each.samples = new Map();
  }
  const present = contenders.filter(({ missing }) => missing === undefined);
  for (let round = 0; round < rounds; round++) {
    for (let at = 0; at < present.length; at++) {
      const each = present[(at + round) % present.length];
      each.samples.set(round, await once(each, layer, folder));
    }
  }
  const body = contenders.map(({ name, samples, missing }) => {
    if (missing !== undefined) return [name, "–", `not here: ${missing}`];
    const middle = percentile([...samples.values()], 0.5);
    return [name, seconds(middle), times(pairedRatio(samples, contenders[0].samples))];
  });
  return [
    title,
    `${layer.entries} entries, ${megabytes(layer.bytes)}, gzip ${megabytes(layer.packed)}; ` +
      `median of ${rounds}.`,
    table(["", "time", "of GNU tar's"], body),
  ].join("\n\n");
}

function prepare(folder) {
  const rootfs = debianRootfs();
  const path = join(folder, "layer.tar.gz");
  const archive = join(folder, "debian.tar");
  const layout = join(folder, "layout");
  const entries = execFileSync("tar", ["-tf", rootfs], { encoding: "utf8", maxBuffer: 2 ** 28 });
  writeFileSync(path, execFileSync("gzip", ["-c", rootfs], { maxBuffer: 2 ** 30 }));
  const layers = [readFileSync(rootfs)];
  writeFileSync(archive, imageArchive({ layers, name: "bench", form: "oci", gzip: true }));
  mkdirSync(layout);
  execFileSync("tar", ["-xf", archive, "-C", layout]);
  return {
    path,
    archive,
    layout,
    entries: entries.trim().split("\n").length,
    bytes: statSync(rootfs).size,
    packed: statSync(path).size,
  };
}

async function once({ start }, layer, folder) {
  const target = join(folder, "target");
  mkdirSync(target);
  execFileSync("sync"); // the disk owes nothing for the one before
  const started = performance.now();
  await start(layer, target);
  const ms = performance.now() - started;
  await removeMapped(target);
  rmSync(target, { recursive: true, force: true });
  return ms;
}

// Files and /dev's nodes of the ids an ordinary user has not: tar says so and goes on.
function gnuTar({ path }, target) {
  execFileSync("tar", ["-xzf", path, "-C", target, "--exclude=./dev/*"], { stdio: "ignore" });
}

async function apply({ path }, target) {
  const stdin = openSync(path, "r");
  try {
    await runInside("apply", { args: [target], stdin });
  } finally {
    closeSync(stdin);
  }
}

async function load({ archive }, target) {
  const { openEngine } = await import("../dist/index.js");
  const engine = await openEngine({ root: join(target, "root") });
  try {
    await engine.images.load(archive);
  } finally {
    await engine[Symbol.asyncDispose]();
  }
}

function umoci({ layout }, target) {
  const rootless = process.getuid() === 0 ? [] : ["--rootless"];
  const bundle = join(target, "bundle");
  execFileSync("umoci", ["unpack", ...rootless, "--image", `${layout}:bench`, bundle], {
    stdio: "ignore",
  });
}

function megabytes(bytes) {
  return `${Math.round(bytes / 1e6)} MB`;
}
