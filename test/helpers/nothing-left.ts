/** After a file of tests nothing of it runs, is mounted, open or on disk. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { afterAll, beforeAll, expect } from "vitest";
import { closeEngines } from "./engine.ts";
import { removeTemporaryFolders, temporaryFolders } from "./folder.ts";
import { eventually } from "./eventually.ts";
import { closeServers } from "./servers.ts";

/** How soon after the last test everything must be gone. */
const WITHIN_MS = 2_000;

/**
 * Call once at the top of a test file. When its tests are over and its engines closed, fails on
 * child processes, on processes and mounts of any of its folders, and on descriptors of this
 * process: files of its folders, namespaces, processes, /dev/fuse. Then removes the folders.
 */
export function expectNothingLeft(): void {
  let before: ReadonlySet<string>;

  beforeAll(() => {
    before = new Set(openDescriptors().map(({ text }) => text));
  });

  afterAll(async () => {
    await closeEngines();
    await closeServers();
    await eventually(
      "everything gone",
      () => (leftovers(before).length === 0 ? true : undefined),
      WITHIN_MS,
    ).catch(() => undefined); // the assertion below says what is left
    try {
      expect(leftovers(before)).toEqual([]);
    } finally {
      endProcesses(); // what a failed test left would outlive the run: containers in the background
      await removeTemporaryFolders();
    }
  });
}

function endProcesses(): void {
  for (const { pid } of processes()) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // it has ended meanwhile
    }
  }
}

function isWithin(path: string): boolean {
  return temporaryFolders().some((folder) => path.includes(folder));
}

/** What is left of the test file that asks, one line each. */
export function leftovers(before: ReadonlySet<string> = new Set()): readonly string[] {
  const descriptors = openDescriptors().filter(
    ({ target, text }) => !before.has(text) && (isWithin(target) || isOurs(target)),
  );
  const mounts = linesOf("/proc/self/mountinfo").filter(isWithin);
  return [
    ...descriptors.map(({ text }) => `descriptor ${text}`),
    ...mounts.map((line) => `mount ${line}`),
    ...processes().map(({ text }) => text),
  ];
}

interface FoundProcess {
  readonly pid: number;
  readonly text: string;
}

function processes(): readonly FoundProcess[] {
  const found: FoundProcess[] = [];
  for (const pid of numbersIn("/proc")) {
    if (pid === String(process.pid)) continue;
    const why = whyOurs(pid);
    if (why === undefined) continue;
    found.push({ pid: Number(pid), text: `process ${pid} (${title(pid)}): ${why}` });
  }
  return found;
}

function whyOurs(pid: string): string | undefined {
  const status = linesOf(`/proc/${pid}/status`);
  if (status.some((line) => /^Name:\s*marmita-/.test(line)) && isChild(status)) {
    const state = status.find((line) => line.startsWith("State:"));
    return `a child of this process, ${state ?? "gone"}`;
  }
  const fd = descriptorsOf(pid).find(({ target }) => isWithin(target));
  if (fd !== undefined) return `has ${fd.target} open`;
  const mount = linesOf(`/proc/${pid}/mountinfo`).find(isWithin);
  return mount === undefined ? undefined : `has the mount ${mount}`;
}

function isChild(status: readonly string[]): boolean {
  return status.some((line) => line === `PPid:\t${process.pid}`);
}

/** Kinds of descriptor that Node itself never opens. */
function isOurs(target: string): boolean {
  return /^(user|mnt|pid|net|ipc|uts|cgroup):\[|\[pidfd\]|^\/dev\/fuse|^pidfd:/.test(target);
}

interface Descriptor {
  readonly target: string;
  /** Number and target: tells a new one from one that was there. */
  readonly text: string;
}

function openDescriptors(): readonly Descriptor[] {
  return descriptorsOf("self");
}

function descriptorsOf(pid: string): readonly Descriptor[] {
  return numbersIn(`/proc/${pid}/fd`).flatMap((fd) => {
    const target = orUndefined(() => readlinkSync(`/proc/${pid}/fd/${fd}`));
    return target === undefined ? [] : [{ target, text: `${fd} → ${target}` }];
  });
}

function title(pid: string): string {
  const words = orUndefined(() => readFileSync(`/proc/${pid}/cmdline`, "utf8"));
  return words?.replaceAll("\0", " ").trim() ?? "gone";
}

function numbersIn(directory: string): readonly string[] {
  const names = orUndefined(() => readdirSync(directory)) ?? [];
  return names.filter((name) => /^\d+$/.test(name));
}

function linesOf(path: string): readonly string[] {
  return orUndefined(() => readFileSync(path, "utf8"))?.split("\n") ?? [];
}

// Processes end and other users' are closed to us: what cannot be read is not ours.
function orUndefined<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
