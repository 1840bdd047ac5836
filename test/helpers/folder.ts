/** Folders that go away with the test file that asked for them. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { removeMapped } from "./remove-mapped.ts";

const folders = new Set<string>();
const steps: (() => void)[] = [];

// Registered by the import, so before every hook of the test file: hooks run in reverse order,
// which makes this the last one, when engines are closed.
afterAll(removeTemporaryFolders);

/** An empty folder; whatever it then holds is removed, also files of mapped ids. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(realpathSync(tmpdir()), "marmita-"));
  folders.add(folder);
  return folder;
}

/** The same once more, for what has it in its texts: it is there, and will be removed. */
export async function makeTemporaryAgain(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  folders.add(folder);
}

/** The folders given out and not removed yet. */
export function temporaryFolders(): readonly string[] {
  return [...folders];
}

/** Do this before the folders go: what must still find its files in one of them. */
export function beforeRemoval(step: () => void): void {
  steps.push(step);
}

/** Remove every folder given out so far. Called twice is fine. */
export async function removeTemporaryFolders(): Promise<void> {
  for (const step of steps.splice(0)) step();
  for (const folder of folders) {
    await removeFolder(folder);
    folders.delete(folder);
  }
}

async function removeFolder(folder: string): Promise<void> {
  try {
    await removeMapped(folder); // files of mapped ids: only root of the namespace may
  } catch {
    await rm(folder, { recursive: true, force: true }); // no user namespaces here
  }
}
