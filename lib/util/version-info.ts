/** The versions of marmita and of what it runs on. */
import { readFileSync } from "node:fs";
import { release } from "node:os";

/** What can be told without an engine, on any system. */
export interface VersionInfo {
  /** Of marmita. */
  readonly version: string;
  readonly node: string;
  readonly kernel: string;
  readonly architecture: string;
}

export function versionInfo(): VersionInfo {
  const { version, arch } = process;
  return { version: packageVersion(), node: version, kernel: release(), architecture: arch };
}

/** The package is two folders up, from the sources and from what is built of them. */
function packageVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  const json: unknown = JSON.parse(text);
  const version: unknown = typeof json === "object" && json ? Reflect.get(json, "version") : "";
  return typeof version === "string" ? version : "unknown";
}
