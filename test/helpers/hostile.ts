/** Hostile images are loaded, run and removed, and what is around them is looked at meanwhile. */
import { lstatSync, readFileSync, readdirSync, readlinkSync } from "node:fs";
import { chmod, mkdir, symlink, utimes, writeFile } from "node:fs/promises";
import { homedir, tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type Expected,
  type HostileImage,
  type Place,
  hostileArchive,
} from "../../fixtures/hostile/image.mjs";
import { run } from "../../lib/api/run.ts";
import { type Engine, openEngine } from "../../lib/engine/engine.ts";
import type { IdsOption, Isolation } from "../../lib/engine/options.ts";
import { isMarmitaError } from "../../lib/errors.ts";
import { busyboxArchive } from "./images.ts";
import { makeTemporaryAgain, temporaryFolder } from "./folder.ts";
import { subordinateIdsFault } from "./ids.ts";
import { expectNothingLeft } from "./nothing-left.ts";
import { requireUserNamespaces } from "./user-namespaces.ts";

/** What no image may ever make outside of its container. */
export const MARK = "marmita-hostile";

const TIMEOUT_MS = 20_000;

const ONE_ID: readonly IdsOption[] = ["single"];
const RANGE: readonly IdsOption[] = ["auto", ...ONE_ID];

/**
 * Tests of all rows: each image runs or is refused as its row says, and leaves everything else as
 * it was. With the ids this user has, and with one id only.
 */
export async function describeHostileImages(
  subject: string,
  rows: (place: Place) => readonly HostileImage[],
): Promise<void> {
  const folder = await temporaryFolder();
  const place = { canary: join(folder, "canary") };
  const images = rows(place);
  const ids = subordinateIdsFault() === undefined || userInfo().uid === 0 ? RANGE : ONE_ID;
  describe.runIf(requireUserNamespaces()).each(ids)(`${subject}, with ids "%s"`, (ids) => {
    expectNothingLeft();

    let engine: Engine;
    let before: readonly string[];
    let reached: Isolation["ids"];

    beforeAll(async () => {
      await makeTemporaryAgain(folder); // removed with what the ids before this one left there
      await makeCanary(place.canary);
      engine = await openEngine({ root: join(folder, ids), ids });
      await engine.images.load(busyboxArchive());
      reached = (await run("busybox", ["true"], { engine, remove: true })).isolation.ids;
      before = everything(engine.root, place);
    });

    afterAll(() => engine[Symbol.asyncDispose]());

    it.each(images.map((row) => [row.name, row.odd, row] as const))(
      "%s: with %s",
      async (...[, , row]) => {
        const expected = expectedWith(reached, row);

        const seen = await tryOut(engine, row);

        expect(seen).toEqual(asExpected(seen, expected));
        expect(differences(before, everything(engine.root, place))).toEqual([]);
        expect(await run("busybox", ["echo", "fine"], { engine, remove: true })).toMatchObject({
          stdout: "fine\n",
        });
      },
    );
  });
}

function expectedWith(ids: Isolation["ids"], { expected, all, single }: HostileImage): Expected {
  const special = { root: all, single, subids: undefined }[ids];
  return special ?? expected;
}

type Seen =
  | { readonly kind: "runs"; readonly exitCode: number; readonly output: string }
  | {
      readonly kind: "refused" | "fails";
      readonly code: string;
      readonly exitCode?: number;
      readonly text: string;
    };

/** Load, run, and remove whatever that left. */
async function tryOut(engine: Engine, row: HostileImage): Promise<Seen> {
  const { command, ...options } = row.asked ?? {};
  const name = `hostile:${row.name}`;
  const archive = Readable.from([hostileArchive(row, { name })]);
  try {
    await engine.images.load(archive);
  } catch (error) {
    return failure("refused", error);
  }
  try {
    const result = await run(name, command ?? [], {
      ...options,
      engine,
      remove: true,
      timeoutMs: TIMEOUT_MS,
    });
    const { exitCode, stdout, stderr, timedOut } = result;
    return { kind: "runs", exitCode, output: timedOut ? "timed out" : stdout + stderr };
  } catch (error) {
    return failure("fails", error);
  } finally {
    await engine.images.remove(name);
  }
}

function failure(kind: "refused" | "fails", error: unknown): Seen {
  if (!isMarmitaError(error)) throw error;
  const { code, message, hint, details } = error;
  const exitCode = details["exitCode"];
  return {
    kind,
    code,
    ...(typeof exitCode === "number" && { exitCode }),
    text: hint === undefined ? message : `${message} (${hint})`,
  };
}

/** Of a text only the words count that the row names. */
function asExpected(seen: Seen, expected: Expected): unknown {
  if (expected.kind === "runs") return expected;
  const { words, ...rest } = expected;
  const isSaid = "text" in seen && words.every((word) => seen.text.includes(word));
  return { ...rest, text: isSaid ? seen.text : `a text with ${words.join(" … ")}` };
}

async function makeCanary(canary: string): Promise<void> {
  await mkdir(join(canary, "directory"), { recursive: true });
  await writeFile(join(canary, "directory/file"), "precious");
  await writeFile(join(canary, "file"), "precious");
  await symlink("file", join(canary, "link")).catch(() => undefined);
  await chmod(join(canary, "file"), 0o640);
  for (const name of ["file", "directory", "."]) await utimes(join(canary, name), 1_000, 1_000);
}

/** What must be as it was: the canary, the data root, and names and files of this machine. */
function everything(root: string, place: Place): readonly string[] {
  const machine = ["/", "/etc", "/usr", "/dev", "/var", "/tmp", tmpdir(), homedir(), process.cwd()];
  return [
    ...treeOf(place.canary),
    ...treeOf(root).filter((line) => !/^\S*\/(?:locks(?:\/| )|events\.jsonl )/.test(line)),
    ...treeOf("/etc", 1),
    ...machine.flatMap((path) => marked(path)),
    ...namesIn("/").map((name) => `/${name}`),
    ...namesIn(join(root, "..")),
  ];
}

/** What is gone, and what is new. */
function differences(before: readonly string[], after: readonly string[]): readonly string[] {
  const [was, is] = [new Set(before), new Set(after)];
  return [
    ...before.filter((line) => !is.has(line)).map((line) => `- ${line}`),
    ...after.filter((line) => !was.has(line)).map((line) => `+ ${line}`),
  ];
}

function marked(path: string): readonly string[] {
  return namesIn(path).filter((name) => name.includes(MARK));
}

/** A line for each path. Directories have no time here: the store makes drafts in them. */
function treeOf(top: string, depth = Infinity): readonly string[] {
  const { mode, uid, gid, nlink, size, mtimeMs, ino } = lstatSync(top);
  const kind = mode & 0o170000;
  if (kind === 0o040000) {
    const below = depth > 0 ? namesIn(top) : [];
    return [
      `${top} ${mode.toString(8)} ${uid}:${gid}`,
      ...below.flatMap((name) => treeOf(join(top, name), depth - 1)),
    ];
  }
  // Written anew with every image that comes and goes.
  if (top.endsWith("/images/index.json")) return [`${top} ${textOf(top)}`];
  const content =
    kind === 0o120000 ? readlinkSync(top) : size < 16_384 && kind === 0o100000 ? textOf(top) : "";
  return [`${top} ${mode.toString(8)} ${uid}:${gid} ${nlink} ${size} ${mtimeMs} ${ino} ${content}`];
}

function namesIn(path: string): readonly string[] {
  return orNothing(() => readdirSync(path)).toSorted();
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "unreadable";
  }
}

function orNothing(read: () => string[]): string[] {
  try {
    return read();
  } catch {
    return [];
  }
}
