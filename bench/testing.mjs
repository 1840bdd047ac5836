#!/usr/bin/env node
/**
 * node bench/testing.mjs: fifty tests with a container each, as a table: forked from a prepared one,
 * and made and prepared anew. What each does: a file is removed, the others are counted.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { busyboxArchive } from "../fixtures/busybox.mjs";
import { removeMapped } from "./inside.mjs";
import { describeMachine } from "./machine.mjs";
import { milliseconds, percentile, table, times } from "./statistics.mjs";

const TESTS = 50;
const IMAGE = { image: "busybox", network: "none" };
const PREPARE = ["sh", "-c", "mkdir /shelf; for i in $(seq 1000); do echo $i > /shelf/$i; done"];
const TEST = ["sh", "-c", "rm /shelf/500; ls /shelf | wc -l"];

const folder = mkdtempSync(join(tmpdir(), "marmita-bench-"));
try {
  await main();
} finally {
  await removeMapped(folder);
  rmSync(folder, { recursive: true, force: true });
}

async function main() {
  const { openEngine } = await import("../dist/index.js");
  const { TestContainers } = await import("../dist/testing/test-containers.js");
  const engine = await openEngine({ root: join(folder, "data") });
  await engine.images.load(busyboxArchive());
  const prepare = (container) => container.exec(PREPARE);
  const kinds = [
    ["a fork of a prepared one", new TestContainers({ ...IMAGE, engine, prepare }), undefined],
    ["one of its own, prepared anew", new TestContainers({ ...IMAGE, engine }), prepare],
  ];
  for (const [, containers] of kinds) await using(await containers.next());
  const samples = new Map(kinds.map(([name]) => [name, []]));
  for (let round = 0; round < TESTS; round++) {
    for (const [name, containers, first] of kinds) {
      const start = performance.now();
      await test(await containers.next(), first);
      samples.get(name).push(performance.now() - start);
    }
  }
  for (const [, containers] of kinds) await using(containers);
  await engine.close();
  const reference = percentile(samples.get(kinds[0][0]), 0.5);
  const rows = kinds.map(([name]) => {
    const median = percentile(samples.get(name), 0.5);
    const slow = percentile(samples.get(name), 0.9);
    return [name, milliseconds(median), milliseconds(slow), times(median / reference)];
  });
  console.log(`${describeMachine().join("\n")}\n`);
  console.log(`## Tests: ${TESTS} with a container each\n`);
  console.log(table(["", "p50", "p90", "of a fork's"], rows));
}

async function test(container, first) {
  await first?.(container);
  const { stdout } = await container.exec(TEST);
  if (stdout.trim() !== "999") throw new Error(stdout);
  await using(container);
}

async function using(resource) {
  await resource[Symbol.asyncDispose]();
}
