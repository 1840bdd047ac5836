// Builds CMakeLists.txt through cmake-js, with the headers that lie beside the running node.
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { headersBesideNode } from "./headers.mjs";
import { root, runBin } from "./run.mjs";

/**
 * Configure and build `target` into build/<name>; resolves to { status, output, folder }.
 * `options` are CMake's -D….
 */
export async function cmakeBuild(name, settings) {
  const { options = {}, compiler, target = "all", type = "Release", quiet = false } = settings;
  const folder = join(root, "build", name);
  const nodedir = headersBesideNode();
  const common = ["--out", folder, "--config", type, "--log-level", "error", "--prefer-make"];
  const defines = Object.entries(options).map(([key, value]) => `--CD${key}=${value}`);
  const compilers = compiler === undefined ? [] : ["--cc", compiler.c, "--cxx", compiler.cxx];
  const targets = ["--target", target];
  const parallel = ["--parallel", String(availableParallelism())];
  // cmake-js takes the place of the headers from npm's configuration only.
  const env = nodedir === undefined ? {} : { npm_config_nodedir: nodedir };

  const args = [...common, ...defines, ...compilers, ...targets, ...parallel];
  const configured = await runBin("cmake-js", ["configure", ...args], { env, quiet });
  if (configured.status !== 0) return { ...configured, folder };
  const built = await runBin("cmake-js", ["build", ...args], { env, quiet });
  return { status: built.status, output: configured.output + built.output, folder };
}
