// Builds marmita.node and marmita-init with node-gyp into build/Release/, as `npm ci` does.
// Running it again rebuilds what changed and nothing else.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { exit, execPath } from "node:process";
import { headersBesideNode } from "./lib/headers.mjs";
import { missingForBuild } from "./lib/requirements.mjs";
import { hasCommand, root } from "./lib/run.mjs";

process.chdir(root);
if (process.platform !== "linux") {
  console.log("marmita: containers need Linux; nothing native to build here");
  exit(0);
}

const missing = missingForBuild();
if (missing !== undefined) {
  console.error(`marmita: ${missing}`);
  exit(1);
}

mkdirSync("build", { recursive: true });
const stampFile = "build/configured.json";
const nodedir = headersBesideNode();
if (configured() !== stamp()) {
  nodeGyp("configure");
  writeFileSync(stampFile, stamp());
}
nodeGyp("build");

/** What the generated makefile depends on, beside the contents of the sources. */
function stamp() {
  const sources = ["native/core", "native/init", "native/addon"].map((folder) =>
    readdirSync(folder).filter((name) => /\.cc?$/.test(name)),
  );
  return JSON.stringify({
    root,
    node: [process.version, process.arch, execPath],
    nodedir,
    gyp: readFileSync("binding.gyp", "utf8"),
    sources,
  });
}

function configured() {
  if (!existsSync("build/Makefile") || !existsSync(stampFile)) return undefined;
  return readFileSync(stampFile, "utf8");
}

function nodeGyp(...args) {
  const script = createRequire(import.meta.url).resolve("node-gyp/bin/node-gyp.js");
  const command = [execPath, script, ...args, "--loglevel=error", "--jobs=max"];
  // Two builds at once in one folder would trip over each other's half-written objects.
  if (hasCommand("flock")) command.unshift("flock", "build/.lock");
  // The environment, since node-gyp lets npm's configuration there overrule its arguments.
  const env = nodedir === undefined ? process.env : { ...process.env, npm_config_nodedir: nodedir };
  const options = { encoding: "utf8", env };
  const { status, error, output } = spawnSync(command[0], command.slice(1), options);
  if (error !== undefined) throw error;
  // What a good build without warnings says helps nobody.
  const text = output.join("");
  if (status !== 0 || /\bwarning\b/.test(text)) console.error(text);
  if (status !== 0) exit(status ?? 1);
}
