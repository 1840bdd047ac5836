/** What an engine runs on, and what isolation it reaches here. */
import { readFileSync } from "node:fs";
import { release } from "node:os";
import type { EngineContext } from "./context.ts";
import type { Isolation } from "./options.ts";

export interface EngineInfo {
  /** Of marmita. */
  readonly version: string;
  readonly node: string;
  readonly kernel: string;
  readonly architecture: string;
  /** The data root. */
  readonly root: string;
  readonly ids: Isolation["ids"];
  /** Why ids are not mapped as well as they could be, a sentence for people. */
  readonly idsReason?: string;
  readonly rootfs: Isolation["rootfs"];
}

/** Throws `UNSUPPORTED`, with a hint, where no container can run. */
export async function engineInfo(context: EngineContext): Promise<EngineInfo> {
  const { mapping } = await context.mapped();
  const { name } = await context.driver();
  return {
    ...versionInfo(),
    root: context.paths.root,
    ids: mapping.mode,
    ...(mapping.reason === undefined ? {} : { idsReason: mapping.reason }),
    rootfs: name,
  };
}

/** What can be told without an engine, on any system. */
export type VersionInfo = Pick<EngineInfo, "version" | "node" | "kernel" | "architecture">;

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
