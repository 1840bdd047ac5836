/**
 * What a stopped container wrote becomes a snapshot, and an empty writable layer takes its place. The
 * new plan and the new record are written beside those that count, the record last: once it is on
 * the disk the way leads forward only, whoever goes it, and every step of it may be done twice.
 */
import { randomBytes } from "node:crypto";
import { readFile, rename, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { freezeUpper } from "../layers/freeze.ts";
import { removeTree } from "../layers/inside.ts";
import { decodePlan, encodePlan } from "../native/plan.ts";
import { syncDirectory, writeAtomic } from "../store/atomic.ts";
import type { Paths } from "../store/paths.ts";
import { isThere } from "../util/is-there.ts";
import { isMissing } from "../util/system-error.ts";
import type { EngineContext } from "./context.ts";
import { homeOf } from "./kept-context.ts";
import type { Live } from "./live.ts";
import { lockNames } from "./names.ts";
import {
  type ContainerRecord,
  encodeRecord,
  findRecord,
  findRecordAt,
  recordPath,
} from "./records.ts";
import { raised } from "./root-overlay.ts";
import { makeSnapshot, releaseSnapshots, snapshotFiles } from "./snapshots.ts";
import { lockWritable } from "./writable-lock.ts";

const NEXT_PLAN = "plan.next";
const NEXT_RECORD = "record.next";
const NEXT_UPPER = "upper.next";

/** The caller holds `live`, and the container does not run. Resolves to its new record. */
export async function freezeContainer(
  context: EngineContext,
  record: ContainerRecord,
  live: Live,
): Promise<ContainerRecord> {
  const { paths } = context;
  const { id } = record;
  const bundle = paths.container(id);
  const snapshot = randomBytes(32).toString("hex");
  const next = { ...record, snapshots: [snapshot, ...(record.snapshots ?? [])] };
  const plan = decodePlan(await readFile(join(bundle, "plan")));
  const durable = !record.remove;
  await makeSnapshot(paths, snapshot, { user: id, durable });
  try {
    const bytes = encodePlan(raised(plan, snapshotFiles(paths, snapshot), join(bundle, "upper")));
    await writeAtomic(join(bundle, NEXT_PLAN), bytes, { mode: 0o600, durable });
    await writeAtomic(join(bundle, NEXT_RECORD), encodeRecord(next), { mode: 0o600, durable });
    await settleFork(context, id, live);
    return next;
  } catch (error) {
    await giveUp(context, id, snapshot).catch(() => undefined); // the next sweep's, then
    throw error;
  }
}

/** Unless what was written has been moved: then it is for the next sweep to come to the end. */
async function giveUp(context: EngineContext, id: string, snapshot: string): Promise<void> {
  const { paths } = context;
  const bundle = paths.container(id);
  if (await isThere(snapshotFiles(paths, snapshot))) return;
  for (const name of [NEXT_RECORD, NEXT_PLAN]) await rm(join(bundle, name), { force: true });
  await rmdir(join(bundle, NEXT_UPPER)).catch(() => undefined);
  const trashed = await releaseSnapshots(paths, id, [snapshot]);
  const { namespace } = await context.mapped();
  await removeTree(namespace, trashed);
}

/** Comes to the end of what somebody began, if anybody did. The caller holds `live`. */
export async function settleFork(context: EngineContext, id: string, live: Live): Promise<void> {
  const { paths } = context;
  const bundle = paths.container(id);
  const next = await findRecordAt(join(bundle, NEXT_RECORD));
  const [snapshot] = next?.snapshots ?? [];
  if (next === undefined || snapshot === undefined) return;
  const { image, confinement } = next;
  const home = await homeOf(context, { image: image.name, userns: confinement.userns });
  const { namespace } = await home.context.mapped();
  using _held = await lockWritable(paths, next, { mode: "exclusive" });
  await freezeUpper(namespace, {
    upper: join(bundle, "upper"),
    next: join(bundle, NEXT_UPPER),
    frozen: snapshotFiles(paths, snapshot),
    durable: true,
    held: live.fd,
  });
  await replace(join(bundle, NEXT_PLAN), join(bundle, "plan"));
  await syncDirectory(bundle);
  await replaceRecord(paths, next);
  await syncDirectory(bundle);
}

/** It may have been renamed since its next record was written. */
async function replaceRecord(paths: Paths, next: ContainerRecord): Promise<void> {
  const path = join(paths.container(next.id), NEXT_RECORD);
  using _held = await lockNames(paths);
  const now = await findRecord(paths, next.id);
  if (now !== undefined && now.name !== next.name && (await isThere(path))) {
    await writeAtomic(path, encodeRecord({ ...next, name: now.name }), { mode: 0o600 });
  }
  await replace(path, recordPath(paths, next.id));
}

async function replace(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (!isMissing(error)) throw error; // it was done before
  }
}

/** Those that a container has, also when a fork of it was broken off; of a damaged one none. */
export async function heldSnapshots(paths: Paths, id: string): Promise<readonly string[]> {
  const files = ["record.json", NEXT_RECORD].map((name) => join(paths.container(id), name));
  const found = files.map((path) => findRecordAt(path).catch(() => undefined));
  return [...new Set((await Promise.all(found)).flatMap((record) => record?.snapshots ?? []))];
}
