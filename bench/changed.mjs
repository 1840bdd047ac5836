/** A container of a big image in which one file was changed: ours, podman's, buildah's. */
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bigLayer } from "../fixtures/big-layer.mjs";
import { podmanStorage, run } from "./peers.mjs";
import { milliseconds, pairedRatio, percentile, table, times } from "./statistics.mjs";

const MARMITA = fileURLToPath(new URL("../dist/bin/marmita.js", import.meta.url));

/** One file of the image, whichever comes first. */
const SCRIPT = 'for f in $(find /usr -type f | head -n 1); do echo changed >> "$f"; done';

/**
 * Ready for many rounds: `{ layer, container, marmita, podman, remove }`. `marmita(words)` is the
 * whole command; of the peers, `{ argv(words) }` or `{ missing }`.
 */
export async function changedContainers({ folder, entries }) {
  const layer = bigLayer({ entries });
  const { openEngine, run: runOurs } = await import("../dist/index.js");
  const root = join(folder, "changed");
  mkdirSync(root);
  const engine = await openEngine({ root });
  await engine.images.load(layer.layout);
  const options = { engine, name: "changed", network: "none" };
  const { exitCode, stderr } = await runOurs("big", ["sh", "-c", SCRIPT], options);
  if (exitCode !== 0) throw new Error(stderr);
  const peers = changedByPeers(layer, folder);
  const { podman: copies, remove } = changedByPodman(layer, folder, "vfs");
  return {
    layer,
    container: await engine.containers.get("changed"),
    marmita: (words) => ({
      argv: [process.execPath, MARMITA, ...words],
      env: { ...process.env, MARMITA_ROOT: root },
    }),
    ...peers,
    copies,
    async remove() {
      await engine[Symbol.asyncDispose]();
      remove();
    },
  };
}

function changedByPeers(layer, folder) {
  const { podman, storage, env } = changedByPodman(layer, folder, "overlay");
  if (podman.missing !== undefined) return { podman, buildah: podman };
  const buildah = (words) => ({ argv: ["buildah", ...storage, ...words], env });
  const missing = fault([
    buildah(["from", "--pull-never", "--name=built", "localhost/big"]),
    buildah(["copy", "built", fileURLToPath(import.meta.url), "/usr/changed"]),
  ]);
  return { podman, buildah: missing === undefined ? buildah : { missing } };
}

/** `driver`: "vfs" has a copy of the whole image for each container. */
function changedByPodman({ layout }, folder, driver) {
  const { storage, env, remove } = podmanStorage(folder, driver);
  const podman = (words) => ({ argv: ["podman", ...storage, ...words], env });
  const pulled = spawn(podman(["pull", "--quiet", `oci:${layout}:big`]));
  if (pulled.status !== 0) {
    return { podman: { missing: pulled.error?.message ?? pulled.stderr.trim() }, remove };
  }
  // crun refuses hosts with both kinds of cgroup trees.
  const [crun, runc] = ["crun", "runc"].map((runtime) => {
    const flags = ["--replace", "--name=changed", "--network=none"];
    const words = ["run", ...flags, "localhost/big", "sh", "-c", SCRIPT];
    return podman([`--runtime=${runtime}`, "--cgroup-manager=cgroupfs", ...words]);
  });
  const tagged = fault([podman(["tag", pulled.stdout.trim(), "localhost/big"])]);
  const missing = tagged ?? (fault([crun]) && fault([runc]));
  return { podman: missing === undefined ? podman : { missing }, storage, env, remove };
}

function fault(steps) {
  for (const { argv, env } of steps) {
    const found = run(argv, { env });
    if (found !== undefined) return found;
  }
  return undefined;
}

/** How long a command takes, in milliseconds; throws when it fails. */
export function timeCommand(command) {
  const started = performance.now();
  const { status, stderr } = spawn(command);
  const ms = performance.now() - started;
  if (status !== 0) throw new Error(`${command.argv.join(" ")}: ${stderr}`);
  return ms;
}

function spawn({ argv: [program, ...args], env }) {
  return spawnSync(program, args, { env, encoding: "utf8" });
}

/**
 * Each contender `{ name, time }` or `{ name, missing }` once a round, in turns (the slow ones only
 * in the first `rounds` of theirs); rows of a table
 * against the one that is called `reference`.
 */
export async function inTurns(contenders, { rounds, reference }) {
  const present = contenders.filter(({ missing }) => missing === undefined);
  for (const each of present) {
    each.samples = new Map();
    await each.time(); // warm
  }
  for (let round = 0; round < rounds; round++) {
    for (let at = 0; at < present.length; at++) {
      const each = present[(at + round) % present.length];
      if (round < (each.rounds ?? rounds)) each.samples.set(round, await each.time());
    }
  }
  const other = present.find(({ name }) => name === reference)?.samples ?? new Map();
  const body = contenders.map(({ name, missing, samples }) => {
    if (missing !== undefined) return [name, "–", "–", `not here: ${missing}`];
    const values = [...samples.values()];
    return [
      name,
      milliseconds(percentile(values, 0.5)),
      milliseconds(percentile(values, 0.9)),
      times(pairedRatio(samples, other)),
    ];
  });
  return table(["", "p50", "p90", `of ${reference}`], body);
}
