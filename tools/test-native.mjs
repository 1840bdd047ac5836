// Builds native/ under AddressSanitizer and UndefinedBehaviorSanitizer and runs native/test/.
import { addCounts, formatCounts, recordCounts } from "./lib/counts.mjs";
import { cmakeBuild } from "./lib/cmake.mjs";
import { hasCommand, mustRun, run } from "./lib/run.mjs";

process.exitCode = (await main()) ? 0 : 1;

async function main() {
  if (!hasCommand("cmake")) {
    console.log("C tests: skipped, cmake is not installed");
    recordCounts(mustRun ? { failed: 1 } : { skipped: 1 });
    return !mustRun;
  }
  const options = { MARMITA_SANITIZE: "ON", MARMITA_ADDON: "OFF" };
  const { status, folder, output } = await cmakeBuild("sanitize", {
    options,
    target: "c-tests",
    type: "Debug",
  });
  if (status !== 0) {
    console.log(output);
    recordCounts({ passed: 0, failed: 1, skipped: 0 });
    return false;
  }

  const test = await run("ctest", ["--test-dir", folder, "--verbose"], { quiet: true });
  const counts = countTap(test.output);
  // A program that died early, or printed fewer lines than its plan, fails as a whole.
  if (test.status !== 0 && counts.failed === 0) counts.failed = 1;
  console.log(counts.failed > 0 ? test.output : summary(test.output));
  recordCounts(counts);
  console.log(`C tests: ${formatCounts(counts)}`);
  return counts.failed === 0;
}

/** ctest puts "7: " before each line of the seventh program. */
function countTap(output) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const [, not, rest] of output.matchAll(/^\d+: (not )?ok\b(.*)$/gm)) {
    if (/# skip\b/i.test(rest)) addCounts(counts, { skipped: 1 });
    else addCounts(counts, not ? { failed: 1 } : { passed: 1 });
  }
  return counts;
}

function summary(output) {
  const lines = output.split("\n");
  const skips = lines.filter((line) => /^\d+: ok\b.*# skip\b/i.test(line));
  return [...lines.filter((line) => /Test +#\d+:/.test(line)), ...skips].join("\n");
}
