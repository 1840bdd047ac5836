// npm run format: write every source the way `npm run check` wants it.
import { CLANG_FORMAT, cFiles, clangFormatVersion } from "./lib/c-files.mjs";
import { hasCommand, run, runBin } from "./lib/run.mjs";

const results = [await runBin("oxfmt", [])];
if (!hasCommand("clang-format")) {
  console.log("C sources: skipped, clang-format is not installed");
} else if ((await clangFormatVersion()) !== CLANG_FORMAT) {
  console.log(`C sources: skipped, only clang-format ${CLANG_FORMAT} formats them as agreed`);
} else {
  results.push(await run("clang-format", ["-i", ...cFiles()]));
}
process.exitCode = results.every(({ status }) => status === 0) ? 0 : 1;
