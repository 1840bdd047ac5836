// npm run package [-- --binaries FOLDER] [--out FOLDER]: the tarballs that are published, in
// packages/ unless said otherwise.
//
// marmita itself is JavaScript and types, with no install script. marmita.node and marmita-init
// come in a package for each platform, of which npm installs the one that fits. This machine's
// are taken from build/Release/; FOLDER holds <platform>/marmita.node and <platform>/marmita-init
// of others, such as linux-arm64-musl (docs/releasing.md).
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { bundleCommands } from "./lib/bundle.mjs";
import { root, run, runBin } from "./lib/run.mjs";

const BINARIES = ["marmita.node", "marmita-init"];

const { values } = parseArgs({
  options: {
    binaries: { type: "string" },
    out: { type: "string", default: join(root, "packages") },
  },
});
const binaries = values.binaries === undefined ? undefined : resolve(values.binaries);
const out = resolve(values.out);
process.chdir(root);
mkdirSync("build", { recursive: true });
const stage = mkdtempSync(join(root, "build/package-"));
const own = JSON.parse(readFileSync("package.json", "utf8"));
const found = new Map(own.napi.targets.map((target) => [target, binariesOf(platformOf(target))]));
const targets = own.napi.targets.filter((target) => found.get(target) !== undefined);

process.on("exit", () => rmSync(stage, { recursive: true, force: true }));
await main();

async function main() {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  await stageMain();
  await stagePlatforms();
  for (const folder of ["main", ...targets.map((target) => `npm/${platformOf(target)}`)]) {
    await must(run("npm", ["pack", join(stage, folder), `--pack-destination=${out}`, "--silent"]));
  }
  const missing = own.napi.targets.filter((target) => !targets.includes(target));
  for (const target of missing) console.log(`not packaged, no binaries at hand: ${target}`);
}

/** `x86_64-unknown-linux-gnu` is `linux-x64-gnu` among npm packages. */
function platformOf(target) {
  const [processor, , system, libc] = target.split("-");
  return `${system}-${{ x86_64: "x64", aarch64: "arm64" }[processor]}-${libc}`;
}

function binariesOf(platform) {
  const { glibcVersionRuntime } = process.report.getReport().header;
  const here = `linux-${process.arch}-${glibcVersionRuntime === undefined ? "musl" : "gnu"}`;
  const folders = platform === here ? ["build/Release"] : [];
  if (binaries !== undefined) folders.unshift(join(binaries, platform));
  return folders.find((folder) => BINARIES.every((name) => existsSync(join(folder, name))));
}

async function stageMain() {
  const { scripts: _s, devDependencies: _d, overrides: _o, napi: _n, ...published } = own;
  const platforms = own.napi.targets.map((target) => [
    `marmita-${platformOf(target)}`,
    own.version,
  ]);
  const folder = join(stage, "main");
  mkdirSync(folder);
  // Not through dist/: whoever runs the command from there is left alone. And beside a copy of
  // lib/, so that source maps name it as they do in the repository.
  cpSync("lib", join(folder, "lib"), { recursive: true });
  writeJson(join(folder, "tsconfig.json"), {
    extends: join(root, "tsconfig.build.json"),
    compilerOptions: { rootDir: "lib", outDir: "dist" },
    include: ["lib"],
  });
  await must(runBin("tsc", ["--project", folder]));
  await bundleCommands(folder);
  // Without gypfile: false npm would take a binding.gyp for an order to build.
  writeJson(join(folder, "package.json"), {
    ...published,
    gypfile: false,
    optionalDependencies: Object.fromEntries(platforms),
  });
  for (const name of ["README.md", "LICENSE", "CHANGELOG.md", "SECURITY.md", "docs"]) {
    cpSync(name, join(folder, name), { recursive: true });
  }
}

/** @napi-rs/cli makes a package for each target; the helper goes in beside the addon. */
async function stagePlatforms() {
  const artifacts = join(stage, "artifacts");
  mkdirSync(artifacts);
  writeJson(join(stage, "package.json"), { ...own, napi: { ...own.napi, targets } });
  const paths = ["--cwd", stage, "--npm-dir", "npm"];
  await must(runBin("napi", ["create-npm-dirs", ...paths], { quiet: true }));
  for (const target of targets) {
    const source = join(found.get(target), "marmita.node");
    cpSync(source, join(artifacts, `marmita.${platformOf(target)}.node`));
  }
  await must(runBin("napi", ["artifacts", ...paths, "-o", "artifacts"], { quiet: true }));
  for (const target of targets) addHelper(target);
}

function addHelper(target) {
  const platform = platformOf(target);
  const folder = join(stage, "npm", platform);
  renameSync(join(folder, `marmita.${platform}.node`), join(folder, "marmita.node"));
  cpSync(join(found.get(target), "marmita-init"), join(folder, "marmita-init"));
  chmodSync(join(folder, "marmita-init"), 0o755);
  cpSync("LICENSE", join(folder, "LICENSE"));
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  writeJson(join(folder, "package.json"), { ...manifest, main: "marmita.node", files: BINARIES });
}

function writeJson(path, value) {
  writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`);
}

async function must(work) {
  const { status, output } = await work;
  if (status === 0) return;
  console.error(output);
  process.exit(status);
}
