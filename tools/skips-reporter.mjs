// Vitest reporter: every skipped test with its reason, so that none is skipped in silence, and
// the counts, for tools/test.mjs to add up.
import { formatCounts, noCounts, recordCounts } from "./lib/counts.mjs";

export default class SkipsReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const counts = { ...noCounts(), failed: unhandledErrors.length };
    const skipped = modules.flatMap((module) => countModule(module, counts));
    if (skipped.length > 0) console.log(`skipped:\n${skipped.join("\n")}`);
    recordCounts(counts);
    console.log(formatCounts(counts));
  }
}

/** Adds to `counts`; returns a line for each skipped test. */
function countModule(module, counts) {
  const skipped = [];
  let failedTests = 0;
  for (const test of module.children.allTests()) {
    const { state, note } = test.result();
    // A test that never came to a result (its file broke off) has failed.
    const kind = state === "pending" ? "failed" : state;
    counts[kind] += 1;
    if (kind === "failed") failedTests += 1;
    if (kind === "skipped") {
      skipped.push(`  ${module.relativeModuleId} › ${test.fullName}: ${note ?? "no reason given"}`);
    }
  }
  // A file that does not load, or a hook that throws, fails without a failing test.
  if (failedTests === 0 && !module.ok()) counts.failed += 1;
  return skipped;
}
