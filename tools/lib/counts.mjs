// How many tests passed, failed and were skipped, added up over several runs.
import { appendFileSync, readFileSync } from "node:fs";

export const noCounts = () => ({ passed: 0, failed: 0, skipped: 0 });

export function addCounts(total, { passed = 0, failed = 0, skipped = 0 }) {
  total.passed += passed;
  total.failed += failed;
  total.skipped += skipped;
  return total;
}

export function formatCounts({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

/** Add to the file that MARMITA_TEST_COUNTS names, when somebody wants to know. */
export function recordCounts(counts) {
  const file = process.env["MARMITA_TEST_COUNTS"];
  if (file) appendFileSync(file, `${JSON.stringify(counts)}\n`);
}

/** The sum of all that was recorded in the file; nothing when it was never written. */
export function readCounts(file) {
  let text;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if (error.code === "ENOENT") return noCounts();
    throw error;
  }
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line)).reduce(addCounts, noCounts());
}
