// npm run check: everything that needs no container, at once. Prints what failed, in full.
import { availableParallelism } from "node:os";
import { CLANG_FORMAT, cFiles, clangFormatVersion } from "./lib/c-files.mjs";
import { cmakeBuild } from "./lib/cmake.mjs";
import { hasCommand, mustRun, root, run, runBin } from "./lib/run.mjs";

const bin = (name, ...args) => runBin(name, args, { quiet: true });
const tool = (...args) => run(process.execPath, args, { quiet: true });

const CHECKS = [
  ["lint", () => bin("oxlint", "--type-aware", "--deny-warnings")],
  ["types", () => bin("tsc", "--project", "tsconfig.json")],
  ["unit tests", () => bin("vitest", "run", "--project", "unit")],
  ["C warnings", cWarnings],
  ["C format", cFormat],
  ["format", () => bin("oxfmt", "--check")],
  ["tiers", () => tool("tools/check-tiers.mjs")],
  ["tree in docs", () => tool("tools/print-tree.mjs", "--verify")],
];

process.chdir(root);
process.exitCode = (await main()) ? 0 : 1;

async function main() {
  const queue = [...CHECKS];
  const failed = [];
  const worker = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [name, check] = next;
      if (!(await carryOut(name, check))) failed.push(name);
    }
  };
  await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, worker));
  console.log(failed.length === 0 ? "check: all good" : `check: ${failed.join(", ")} failed`);
  return failed.length === 0;
}

async function carryOut(name, check) {
  const started = performance.now();
  const { status, output, skipped } = await check();
  const time = `${((performance.now() - started) / 1000).toFixed(1)} s`;
  if (skipped !== undefined) {
    console.log(`${mustRun ? "FAILED" : "skipped"}  ${name}: ${skipped}`);
    return !mustRun;
  }
  console.log(`${status === 0 ? "ok      " : "FAILED  "}${name} (${time})`);
  // What Vitest says of tests it did not run is worth a line also when all went well.
  const shown = status === 0 ? output.match(/^skipped:\n(?: {2}.*\n)+/m)?.[0] : output;
  if (shown) console.log(shown.trimEnd().replace(/^/gm, "  | "));
  return status === 0;
}

/** All of native/, with warnings as errors. */
async function cWarnings() {
  if (!hasCommand("cmake")) return { skipped: "cmake is not installed" };
  const { status, output } = await cmakeBuild("check", { quiet: true });
  return { status, output: output.replace(/^\[ *\d+%\].*\n/gm, "") };
}

async function cFormat() {
  if (!hasCommand("clang-format")) return { skipped: "clang-format is not installed" };
  const major = await clangFormatVersion();
  if (major !== CLANG_FORMAT) {
    console.log(`note: C format is held against clang-format ${CLANG_FORMAT} only, not ${major}`);
    return { status: 0, output: "" };
  }
  const { status, output } = await run("clang-format", ["--dry-run", "-Werror", ...cFiles()], {
    quiet: true,
  });
  const files = new Set([...output.matchAll(/^(\S+?):\d+:\d+: error/gm)].map(([, path]) => path));
  return { status, output: `npm run format would change\n${[...files].join("\n")}\n` };
}
