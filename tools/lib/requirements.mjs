// What building needs of the system, and the one line that installs what is missing.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hasCommand } from "./run.mjs";

const compilerC = process.env["CC"]?.split(" ")[0] ?? "cc";
const compilerCxx = process.env["CXX"]?.split(" ")[0] ?? "g++";

const COMMANDS = [
  { command: compilerC, apt: "gcc", what: `a C compiler (${compilerC})` },
  { command: compilerCxx, apt: "g++", what: `a C++ compiler (${compilerCxx})` },
  { command: "make", apt: "make", what: "make" },
  { command: "python3", apt: "python3", what: "python3 (for node-gyp)" },
];

const LIBRARIES = [
  { library: "libc.a", header: "stdlib.h", apt: "libc6-dev", what: "a static C library" },
  { library: "libz.a", header: "zlib.h", apt: "zlib1g-dev", what: "zlib, static" },
  { library: "libzstd.a", header: "zstd.h", apt: "libzstd-dev", what: "zstd, static" },
  {
    library: "libdeflate.a",
    header: "libdeflate.h",
    apt: "libdeflate-dev",
    what: "libdeflate, static",
  },
  { library: "libcrypto.a", header: "openssl/sha.h", apt: "libssl-dev", what: "libcrypto, static" },
  {
    library: "libseccomp.a",
    header: "seccomp.h",
    apt: "libseccomp-dev",
    what: "libseccomp, static",
  },
];

/** Undefined when everything is there; else what is missing and the line that installs it. */
export function missingForBuild() {
  const missing = COMMANDS.filter(({ command }) => !hasCommand(command));
  // Without a compiler nothing can be told of libraries: name them all, so one line suffices.
  const blind = !hasCommand(compilerC);
  missing.push(...LIBRARIES.filter((library) => blind || !isThere(library)));
  if (missing.length === 0) return undefined;

  const names = missing.map(({ what }) => what).join(", ");
  const packages = missing.map(({ apt }) => apt).join(" ");
  return (
    `building from source needs ${names}. On Debian and Ubuntu:\n` +
    `  sudo apt-get update && sudo apt-get install -y --no-install-recommends ${packages}`
  );
}

/** Can a program that includes the header be linked with the archive? */
function isThere({ library, header }) {
  const folder = mkdtempSync(join(tmpdir(), "marmita-build-"));
  try {
    const source = join(folder, "probe.c");
    writeFileSync(source, `#include <stddef.h>\n#include <stdio.h>\n#include <${header}>\n`);
    const quiet = { stdio: ["ignore", "pipe", "ignore"], encoding: "utf8" };
    execFileSync(compilerC, ["-fsyntax-only", source], quiet);
    // The compiler answers with the bare name when it does not find the file.
    const found = execFileSync(compilerC, [`-print-file-name=${library}`], quiet).trim();
    return found !== library;
  } catch {
    return false;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
