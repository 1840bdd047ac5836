// The commands as a few files: loading lib/ file by file takes longer than what most commands do.
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

// Node takes an `--env-file` in any place for its own, and what that file says for options of its
// own, unless "--" stands before (nodejs/node#54232). A first line cannot say so everywhere: env of
// busybox has no -S. So the file is a shell script first; to JavaScript its second line is a string.
// Engines start a runtime with a PATH of their own: a Node that is not on it may be the one whose
// `npm install -g` we were, PREFIX/bin/node to PREFIX/lib/node_modules/marmita/dist/bin.
const OWN_NODE = '$(dirname "$(readlink -f -- "$0")")/../../../../../bin';
const FIND_NODE = `command -v node >/dev/null || PATH="$PATH:${OWN_NODE}"`;
const start = (call) => `#!/bin/sh\n":" //; ${FIND_NODE}; exec node -- "$0" "$@"\n${call};\n`;

/** Each command: its file in dist/bin, and what it starts, bundled and not. */
const COMMANDS = [
  { name: "marmita", entry: "main", source: "cli/marmita" },
  { name: "marmita-runtime", entry: "runtime", source: "runtime-cli/marmita-runtime" },
];

// As CommonJS: Node has it ready sooner than modules of the other kind, by some 8 ms of its time.
const PACKAGE = `${JSON.stringify({ type: "commonjs" })}\n`;

/** lib/cli and lib/runtime-cli of `folder` → dist/bin there. Two folders below the package, as lib/native/binding.ts is. */
export async function bundleCommands(folder) {
  const target = join(folder, "dist/bin");
  const draft = mkdtempSync(join(folder, "dist/.draft-"));
  const callOf = canBundle()
    ? await writeBundle(folder, draft)
    : ({ source }) => `import("../${source}.js")`;
  for (const command of COMMANDS) {
    const path = join(draft, `${command.name}.js`);
    writeFileSync(path, start(callOf(command)));
    chmodSync(path, 0o755);
  }
  writeFileSync(join(draft, "package.json"), PACKAGE);
  chmodSync(draft, 0o755);
  replace(target, draft);
}

/** rolldown and Vitest ask for Node 20.19; before, the command is not bundled, and starts slower. */
function canBundle() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  return major > 20 || minor >= 19;
}

/** Resolves to what starts each: with the digest of it all, which a cache of its code goes by. */
async function writeBundle(folder, draft) {
  const { rolldown } = await import("rolldown");
  const bundle = await rolldown({
    cwd: folder,
    input: {
      ...Object.fromEntries(
        COMMANDS.map(({ entry, source }) => [entry, join(folder, `lib/${source}.ts`)]),
      ),
      "code-cache": join(folder, "lib/cli/code-cache.ts"),
    },
    platform: "node",
    transform: { target: "node20.17" },
    logLevel: "warn",
  });
  await bundle.write({
    dir: draft,
    format: "cjs",
    dynamicImportInCjs: false, // what vm.Script runs may not import()
    sourcemap: true,
    entryFileNames: "[name].js",
    chunkFileNames: "[name]-[hash].js",
  });
  await bundle.close();
  const bundled = `{ directory: __dirname, require, build: "${digestOf(draft)}" }`;
  return ({ entry }) => `require("./code-cache.js").start(${bundled}, "${entry}.js")`;
}

function digestOf(directory) {
  const hash = createHash("sha256");
  const scripts = readdirSync(directory).filter((name) => name.endsWith(".js"));
  for (const name of scripts.sort()) hash.update(name).update(readFileSync(join(directory, name)));
  return hash.digest("hex").slice(0, 16);
}

/** Whoever starts the command meanwhile finds all of the old one or all of the new one. */
function replace(target, draft) {
  const old = `${draft}.old`;
  if (existsSync(target)) renameSync(target, old);
  renameSync(draft, target);
  rmSync(old, { recursive: true, force: true });
}
