/** The machine a table was made on, without its name. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";

const PROGRAMS = [
  ["bwrap", ["--version"]],
  ["crun", ["--version"]],
  ["podman", ["--version"]],
  ["umoci", ["--version"]],
  ["tar", ["--version"]],
];

/** Lines that describe kernel, processor and the versions of what is compared. */
export function describeMachine() {
  const [processor] = cpus();
  const gigabytes = Math.round(totalmem() / 2 ** 30);
  const user = process.getuid() === 0 ? "root" : "an ordinary user";
  const [major, minor] = release().split(".");
  return [
    `Linux ${major}.${minor}, ${process.arch}, ${cpus().length} × ${processor?.model ?? "?"}, ` +
      `${gigabytes} GB, ${distribution()}; Node ${process.versions.node}; as ${user}.`,
    `Beside: ${PROGRAMS.map(version).filter(Boolean).join(", ")}.`,
  ];
}

function version([program, args]) {
  try {
    const [line] = execFileSync(program, args, { encoding: "utf8", stdio: "pipe" }).split("\n");
    const found = /\d+(\.\d+)+/.exec(line ?? "");
    return `${program} ${found?.[0] ?? "?"}`;
  } catch {
    return undefined;
  }
}

function distribution() {
  try {
    const text = readFileSync("/etc/os-release", "utf8");
    return /^PRETTY_NAME="?([^"\n]*)/m.exec(text)?.[1] ?? "Linux";
  } catch {
    return "Linux";
  }
}
