// What the tools share: the root of the repository, commands on PATH, children.
import { spawn } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** CI sets it: what cannot run here fails instead of being skipped. */
export const mustRun = process.env["MARMITA_MUST_RUN"] === "1";

export function hasCommand(name) {
  return (process.env["PATH"] ?? "").split(delimiter).some((folder) => {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return statSync(path).isFile();
    } catch {
      return false;
    }
  });
}

/** Run a command to its end in the root; its output is shown, or captured with `quiet`. */
export function run(command, args, options = {}) {
  const { quiet = false, env = {} } = options;
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ["ignore", quiet ? "pipe" : "inherit", quiet ? "pipe" : "inherit"],
    });
    const output = [];
    child.stdout?.on("data", (chunk) => output.push(chunk));
    child.stderr?.on("data", (chunk) => output.push(chunk));
    const end = (status, trouble = "") =>
      resolve({ status, output: Buffer.concat(output).toString() + trouble });
    child.on("error", (error) => end(127, `${error.message}\n`));
    child.on("close", (status, signal) => end(status ?? 1, signal ? `killed by ${signal}\n` : ""));
  });
}

/** The same, for a command of a development dependency. */
export function runBin(name, args, options = {}) {
  return run(join(root, "node_modules/.bin", name), args, options);
}
