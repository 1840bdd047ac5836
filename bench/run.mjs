#!/usr/bin/env node
/**
 * npm run bench: marmita beside its peers, as a Markdown page on standard output.
 *   --rounds N       rounds of the start table (100); at most 20 of diff and commit
 *   --containers N   containers of the disk table (1000)
 *   --resident MB    memory of the large process (1500)
 *   --entries N      entries of the big layer of layers, pull, diff and commit (45000)
 *   --megabytes N    of the streams table (1000)
 *   --background N   containers in the background (300)
 *   --only LIST      of start,bundle,unpack,layers,pull,disk,memory,background,streams,exec,diff,commit
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { busyboxArchive, busyboxLayer } from "../fixtures/busybox.mjs";
import { benchBackground } from "./background.mjs";
import { benchBundle } from "./bundle.mjs";
import { changedContainers } from "./changed.mjs";
import { benchCommit } from "./commit.mjs";
import { benchDisk, benchMemory } from "./containers.mjs";
import { benchDiff } from "./diff.mjs";
import { benchExec } from "./exec.mjs";
import { removeMapped } from "./inside.mjs";
import { benchLayers } from "./layers.mjs";
import { describeMachine } from "./machine.mjs";
import { podman } from "./peers.mjs";
import { benchPull } from "./pull.mjs";
import { benchStart } from "./start.mjs";
import { benchStreams } from "./streams.mjs";
import { benchUnpack } from "./unpack.mjs";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "100" },
    containers: { type: "string", default: "1000" },
    background: { type: "string", default: "300" },
    resident: { type: "string", default: "1500" },
    megabytes: { type: "string", default: "1000" },
    only: {
      type: "string",
      default: "start,bundle,unpack,layers,pull,disk,memory,background,streams,exec,diff,commit",
    },
    entries: { type: "string", default: "45000" },
  },
});
const only = new Set(values.only.split(","));

const folder = mkdtempSync(join(tmpdir(), "marmita-bench-"));
try {
  await main();
} finally {
  await removeMapped(folder);
  rmSync(folder, { recursive: true, force: true });
}

async function main() {
  const { openEngine } = await import("../dist/index.js");
  const archive = busyboxArchive();
  const dataRoot = join(folder, "data");
  const rootfs = unpackedBusybox();

  console.log(`${describeMachine().join("\n")}\n`);
  const engine = await openEngine({ root: dataRoot });
  try {
    await engine.images.load(archive);
    if (only.has("start")) {
      const rounds = Number(values.rounds);
      const residentMb = Number(values.resident);
      print(await benchStart({ rounds, residentMb, rootfs, archive, folder, dataRoot }));
    }
    if (only.has("bundle")) {
      print(await benchBundle({ rounds: Number(values.rounds), rootfs, folder, dataRoot }));
    }
    if (only.has("unpack")) print(await benchUnpack({ rounds: 5, folder }));
    if (only.has("layers")) {
      print(await benchLayers({ rounds: 3, entries: Number(values.entries), folder }));
    }
    if (only.has("pull")) {
      print(await benchPull({ rounds: 3, entries: Number(values.entries), folder }));
    }
    if (only.has("disk")) {
      print(await benchDisk({ engine, dataRoot, count: Number(values.containers) }));
    }
    if (only.has("memory")) print(await benchMemory({ engine }));
    if (only.has("streams")) await printStreams(engine, archive);
    if (only.has("background")) {
      print(await benchBackground({ engine, dataRoot, count: Number(values.background) }));
    }
    if (only.has("exec")) await printExec(engine, archive);
  } finally {
    await engine[Symbol.asyncDispose]();
  }
  if (only.has("diff") || only.has("commit")) await printChanged();
}

async function printStreams(engine, archive) {
  const megabytes = Number(values.megabytes);
  const rounds = Math.min(5, Number(values.rounds));
  const peer = podman(archive, folder);
  try {
    print(await benchStreams({ engine, podman: peer, megabytes, rounds, folder }));
  } finally {
    peer.remove?.();
  }
}

async function printExec(engine, archive) {
  const peer = podman(archive, folder);
  try {
    print(await benchExec({ engine, podman: peer, rounds: Math.min(50, Number(values.rounds)) }));
  } finally {
    peer.remove?.();
  }
}

async function printChanged() {
  const changed = await changedContainers({ folder, entries: Number(values.entries) });
  const rounds = Math.min(20, Number(values.rounds));
  try {
    if (only.has("diff")) print(await benchDiff({ changed, rounds }));
    if (only.has("commit")) print(await benchCommit({ changed, rounds }));
  } finally {
    await changed.remove();
  }
}

function unpackedBusybox() {
  const rootfs = join(folder, "rootfs");
  mkdirSync(rootfs);
  writeFileSync(join(folder, "rootfs.tar"), busyboxLayer());
  execFileSync("tar", ["-xf", join(folder, "rootfs.tar"), "-C", rootfs]);
  for (const name of ["proc", "dev", "sys"]) mkdirSync(join(rootfs, name), { recursive: true });
  return rootfs;
}

function print(text) {
  console.log(`${text}\n`);
}
