// Compiles lib/ to dist/ and leaves the commands where npm scripts and npx find it.
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { bundleCommands } from "./lib/bundle.mjs";
import { root, runBin } from "./lib/run.mjs";

process.chdir(root);
const { status } = await runBin("tsc", ["--project", "tsconfig.build.json"]);
if (status === 0) {
  removeStale();
  await bundleCommands(root);
  linkCommands();
}
process.exitCode = status;

/** What was compiled from files that are no more. */
function removeStale() {
  for (const path of readdirSync("dist", { recursive: true })) {
    const source = path.replace(/\.(js|d\.ts)(\.map)?$/, ".ts");
    if (source === path || path.startsWith("bin/") || existsSync(join("lib", source))) continue;
    rmSync(join("dist", path));
  }
}

/** npm links the commands of dependencies, not those of the package itself. */
function linkCommands() {
  mkdirSync("node_modules/.bin", { recursive: true });
  for (const name of ["marmita", "marmita-runtime"]) {
    rmSync(`node_modules/.bin/${name}`, { force: true });
    symlinkSync(`../../dist/bin/${name}.js`, `node_modules/.bin/${name}`);
  }
}
