// Vitest reporter: every skipped test with its reason, so that none is skipped in silence, and
// the counts in the file MARMITA_TEST_COUNTS names, for tools/test.mjs to add up.
import { appendFileSync } from "node:fs";

export default class SkipsReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    const lines = [];
    for (const module of modules) count(module, counts, lines);
    if (lines.length > 0) console.log(`skipped:\n${lines.join("\n")}`);
    report(counts);
  }
}

function count(module, counts, lines) {
  let failedTests = 0;
  for (const test of module.children.allTests()) {
    const { state, note } = test.result();
    // A test that never came to a result (its file broke off) has failed.
    counts[state === "pending" ? "failed" : state] += 1;
    if (state === "failed") failedTests += 1;
    if (state === "skipped") {
      lines.push(`  ${module.relativeModuleId} › ${test.fullName}: ${note ?? "no reason given"}`);
    }
  }
  // A file that does not load, or a hook that throws, fails without a failing test.
  if (failedTests === 0 && !module.ok()) counts.failed += 1;
}

function report(counts) {
  const file = process.env["MARMITA_TEST_COUNTS"];
  if (file) appendFileSync(file, `${JSON.stringify(counts)}\n`);
  console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
}
