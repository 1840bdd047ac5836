/** Finds and loads marmita.node and marmita-init; says how to fix it when they are absent. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { MarmitaError } from "../errors.ts";

/** What native/addon/addon.cc exports; lib/native gives it types that people use. */
export interface Binding {
  spawn(
    path: string,
    argv: readonly string[],
    environment: readonly string[],
    fds: readonly number[],
  ): { pid: number; pidfd: number };
  reap(pidfd: number): { exitCode: number; signal: number } | undefined;
  pipe(): [read: number, write: number];
  socketPair(): [number, number];
  receive(socket: number): number;
  signalProcess(pid: number, startTicks: number, signal: number): boolean;
  tryLock(path: string, exclusive: boolean, create: boolean): number | undefined;
  createLocked(directory: string, name: string, text: string): number;
  memoryFile(bytes: Uint8Array): number;
  sealedCopy(path: string, lowest: number): number | undefined;
  writeTree(
    directory: string,
    entries: readonly { name: string; mode: number; bytes?: Uint8Array }[],
    durable: boolean,
  ): Promise<void>;
  syncFilesystem(path: string): Promise<void>;
  saveTerminal(fd: number, isForKeys: boolean): Buffer;
  enterRaw(fd: number, before: Buffer): void;
  leaveRaw(fd: number, before: Buffer): void;
  resizeTerminal(fd: number, columns: number, rows: number): void;
  openTerminal(master: number): number;
}

/** Where the two binaries are: always both of one build. */
interface Location {
  readonly addon: string;
  readonly helper: string;
}

const require = createRequire(import.meta.url);
let loaded: { binding: Binding; helper: string } | undefined;

/** The addon. Throws `UNSUPPORTED` on other systems than Linux, `UNAVAILABLE` where it is absent. */
export function binding(): Binding {
  return load().binding;
}

/** The path of marmita-init; throws as `binding()` does. */
export function helperPath(): string {
  return load().helper;
}

function load(): { binding: Binding; helper: string } {
  if (process.platform !== "linux") {
    throw new MarmitaError("UNSUPPORTED", `containers need Linux, this is ${process.platform}`);
  }
  if (loaded === undefined) {
    const { addon, helper } = locate();
    loaded = { binding: loadAddon(addon), helper };
  }
  return loaded;
}

function loadAddon(path: string): Binding {
  try {
    return require(path) as Binding;
  } catch (cause) {
    throw new MarmitaError("UNAVAILABLE", `cannot load ${path}`, {
      cause,
      hint: "It was built for another system: run `npm rebuild marmita`, or `npm ci` in a clone.",
    });
  }
}

function locate(): Location {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const built = within(join(root, "build/Release"));
  if (built !== undefined) return built;

  const name = `marmita-linux-${process.arch}-${libc()}`;
  const packaged = within(platformPackage(name));
  if (packaged !== undefined) return packaged;

  throw new MarmitaError("UNAVAILABLE", `neither build/Release nor the package ${name} is here`, {
    hint: "Install without --omit=optional; in a clone, `npm ci` builds both binaries.",
  });
}

function within(folder: string | undefined): Location | undefined {
  if (folder === undefined) return undefined;
  const location = { addon: join(folder, "marmita.node"), helper: join(folder, "marmita-init") };
  return existsSync(location.addon) && existsSync(location.helper) ? location : undefined;
}

function platformPackage(name: string): string | undefined {
  try {
    return dirname(require.resolve(`${name}/package.json`));
  } catch {
    return undefined; // not installed: locate() says so
  }
}

function libc(): "gnu" | "musl" {
  const report: NodeJS.ProcessReport & { excludeNetwork?: boolean } = process.report;
  const { excludeNetwork = false } = report;
  // Without this a report looks up the names of open sockets' peers.
  report.excludeNetwork = true;
  const { header } = report.getReport() as { header: { glibcVersionRuntime?: string } };
  report.excludeNetwork = excludeNetwork; // the application's own
  return header.glibcVersionRuntime === undefined ? "musl" : "gnu";
}
