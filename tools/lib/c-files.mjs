// The C and C++ sources, and the formatter they are held against.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { root, run } from "./run.mjs";

/** The major version .clang-format was settled with; others format details otherwise. */
export const CLANG_FORMAT = 14;

export async function clangFormatVersion() {
  const { output } = await run("clang-format", ["--version"], { quiet: true });
  return Number(output.match(/version (\d+)/)?.[1]);
}

export function cFiles() {
  return ["native", "fixtures", "bench"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true })
      .filter((path) => /\.(c|cc|h)$/.test(path))
      .map((path) => join(folder, path)),
  );
}
