// npm run fuzz [-- seconds]: each target of native/fuzz for so long (60 s), under the sanitizers.
import { mkdirSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { cmakeBuild } from "./lib/cmake.mjs";
import { formatCounts, recordCounts } from "./lib/counts.mjs";
import { hasCommand, mustRun, root, run } from "./lib/run.mjs";

process.exitCode = (await main(Number(process.argv[2] ?? "60"))) ? 0 : 1;

async function main(seconds) {
  if (!Number.isInteger(seconds) || seconds < 1) {
    console.error(`expected a whole number of seconds, got "${process.argv[2]}"`);
    return false;
  }
  const missing = ["cmake", "clang"].filter((command) => !hasCommand(command));
  if (missing.length > 0) {
    console.log(`fuzz: skipped, ${missing.join(" and ")} is not installed`);
    recordCounts(mustRun ? { failed: 1 } : { skipped: 1 });
    return !mustRun;
  }
  const options = { MARMITA_FUZZ: "ON", MARMITA_ADDON: "OFF" };
  const compiler = { c: "clang", cxx: "clang++" };
  const { status, folder, output } = await cmakeBuild("fuzz", {
    options,
    compiler,
    target: "fuzzers",
    type: "Debug",
  });
  if (status !== 0) {
    console.log(output);
    return finish({ passed: 0, failed: 1, skipped: 0 });
  }

  const names = readdirSync(join(root, "native/fuzz"))
    .filter((name) => /^fuzz_.*\.c$/.test(name))
    .map((name) => basename(name, ".c"));
  const results = [];
  for (const name of names) results.push(await fuzz(name, { folder, seconds }));
  const passed = results.filter(Boolean).length;
  return finish({ passed, failed: results.length - passed, skipped: 0 });
}

async function fuzz(name, { folder, seconds }) {
  const found = join(folder, "corpus", name);
  mkdirSync(found, { recursive: true });
  const args = [
    `-max_total_time=${seconds}`,
    "-timeout=10",
    "-rss_limit_mb=1024",
    "-print_final_stats=1",
    `-artifact_prefix=${folder}/${name}-`,
    found,
    ...seeds(name),
  ];
  const { status, output } = await run(join(folder, name), args, { quiet: true });
  const units = output.match(/number_of_executed_units: *(\d+)/)?.[1] ?? "?";
  console.log(status === 0 ? `ok ${name}: ${units} inputs in ${seconds} s` : output);
  if (status !== 0) console.log(`not ok ${name}`);
  return status === 0;
}

/** Inputs that are kept with the target: native/fuzz/corpus/<name>/. */
function seeds(name) {
  const corpus = join(root, "native/fuzz/corpus");
  try {
    return readdirSync(corpus).includes(name) ? [join(corpus, name)] : [];
  } catch (error) {
    if (error.code === "ENOENT") return [];
    throw error;
  }
}

function finish(counts) {
  recordCounts(counts);
  console.log(`fuzz: ${formatCounts(counts)}`);
  return counts.failed === 0;
}
