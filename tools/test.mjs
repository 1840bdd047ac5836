// npm test: everything. Builds what changed, then runs check, every Vitest project, the C tests
// under the sanitizers, and with CI set a minute of fuzzing. Its last line is the sum of all:
// N passed, N failed, N skipped.
//
//   npm test -- --projects integration,security    only these Vitest projects, nothing else
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { addCounts, formatCounts, noCounts, readCounts, recordCounts } from "./lib/counts.mjs";
import { root, run, runBin } from "./lib/run.mjs";

/** `npm run check` has run the unit tests by then. */
const PROJECTS = ["contract", "integration", "security", "conformance", "docs"];
const FUZZ_TARGET_SECONDS = 10;

process.chdir(root);
const { values } = parseArgs({ options: { projects: { type: "string" } } });
const folder = mkdtempSync(join(tmpdir(), "marmita-test-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

const total = noCounts();
for (const step of steps()) await carryOut(step);
recordCounts(total);
console.log(`\n${formatCounts(total)}`);
process.exitCode = total.failed === 0 ? 0 : 1;

function steps() {
  if (values.projects !== undefined) return [vitest(values.projects.split(","))];
  const all = [
    { name: "build", start: (env) => tool("tools/build-native.mjs", env) },
    { name: "compile", start: (env) => tool("tools/build.mjs", env) },
    { name: "check", start: (env) => tool("tools/check.mjs", env) },
    { name: "C tests", start: (env) => tool("tools/test-native.mjs", env) },
    vitest(PROJECTS),
  ];
  const seconds = String(FUZZ_TARGET_SECONDS);
  if (process.env["CI"])
    all.push({ name: "fuzz", start: (env) => tool("tools/fuzz.mjs", env, seconds) });
  return all;
}

function vitest(projects) {
  const args = ["run", ...projects.flatMap((name) => ["--project", name])];
  return { name: projects.join(", "), start: (env) => runBin("vitest", args, { env }) };
}

function tool(path, env, ...args) {
  return run(process.execPath, [path, ...args], { env });
}

/** A step that fails without a failed test of its own counts as one failure. */
async function carryOut({ name, start }) {
  console.log(`\n── ${name}`);
  const file = join(folder, `${name.replaceAll(/\W+/g, "-")}.jsonl`);
  const { status } = await start({ MARMITA_TEST_COUNTS: file });
  const counts = readCounts(file);
  if (status !== 0 && counts.failed === 0) counts.failed = 1;
  addCounts(total, counts);
}
