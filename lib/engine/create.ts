/** Makes a container: its name, its bundle, its record. It is there whole, or not at all. */
import { randomBytes } from "node:crypto";
import { renameSync } from "node:fs";
import { MarmitaError } from "../errors.ts";
import { encodePlan } from "../native/plan.ts";
import { writeTree } from "../native/syscalls.ts";
import { formatConfigJson } from "../runtime/config-json.ts";
import type { IdMapping } from "../runtime/id-maps.ts";
import { syncDirectory } from "../store/atomic.ts";
import { lock } from "../store/lock.ts";
import { throwIfAborted } from "../util/abort.ts";
import type { CreateOptions } from "./container-options.ts";
import type { EngineContext } from "./context.ts";
import { describe, type ExpectedStart, HEALTH_PLAN } from "./describe.ts";
import { type FoundDevices, findDevices } from "./devices.ts";
import { recordContainer } from "./events.ts";
import { type Home, homeOf } from "./kept-context.ts";
import { type JoinedContainer, containerIn, findJoins } from "./joins.ts";
import { type Live, claimLive } from "./live.ts";
import { type PreparedMounts, prepareMounts } from "./prepare-mounts.ts";
import { claimName, idOfName, madeUpName, nameInUse } from "./names.ts";
import { type ContainerRecord, encodeRecord } from "./records.ts";
import {
  type RootLayout,
  type RootSource,
  checkHostPlatform,
  hostRoot,
  imageRoot,
} from "./roots.ts";
import { useSnapshot } from "./snapshots.ts";
import { discard, draftOf } from "./sweep.ts";
import { useVolume } from "./volumes.ts";
import { withImage } from "./with-image.ts";

export interface CreateRequest {
  /** Checked. */
  readonly options: CreateOptions;
  /** What the container is made for: to be kept as it is, or to be started at once. */
  readonly purpose: "create" | "start";
  /** With the purpose `start`. */
  readonly start?: ExpectedStart | undefined;
  /** Where its files come from, when that is not simply its image. */
  readonly from?: ((home: Home) => Promise<RootSource>) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Created {
  readonly record: ContainerRecord;
  /** Held: the caller lets go of it, or hands it to a keeper. */
  readonly live: Live;
}

/** Its image is pulled where it is missing, or always, or never. */
export async function createContainer(
  context: EngineContext,
  request: CreateRequest,
): Promise<Created> {
  const { pull, onPullProgress, ...options } = request.options;
  const { from, signal } = request;
  throwIfAborted(signal);
  if (from !== undefined) return createHere(context, { ...request, options });
  const { image, platform } = options;
  const need = { image, platform, signal, pull, onPullProgress };
  return withImage(context, need, (name) => {
    return createHere(context, { ...request, options: { ...options, image: name } });
  });
}

async function createHere(context: EngineContext, request: CreateRequest): Promise<Created> {
  const { options, signal } = request;
  const id = randomBytes(32).toString("hex");
  const devices = await findDevices(options.devices ?? []);
  // Whoever removes images or layers waits until the record says that they are in use.
  const held = await lock(context.paths.lock("images"), { mode: "shared", signal });
  try {
    const home = await homeOf(context, options);
    const { mapping } = await home.context.mapped();
    const source = await (request.from?.(home) ?? sourceOf(context, home, request));
    const joins = await findJoins(context, {
      network: containerIn(options.network),
      pid: containerIn(options.pid),
      ipc: containerIn(options.ipc),
    });
    const mounts = await prepareMounts(context, {
      mounts: options.mounts ?? [],
      volumesFrom: options.volumesFrom ?? [],
      image: source.defaults,
      bundle: context.paths.container(id),
      remove: options.remove === true,
    });
    throwIfAborted(signal);
    return await make(context, {
      ...request,
      id,
      mounts: withDevices(mounts, devices),
      mapping,
      source,
      home,
      joins,
    });
  } finally {
    held[Symbol.dispose]();
  }
}

async function sourceOf(
  context: EngineContext,
  home: Home,
  { options: { image, platform }, signal }: CreateRequest,
): Promise<RootSource> {
  if (image !== "host") return imageRoot(home.context, { name: image, platform, signal });
  checkHostPlatform(platform);
  return hostRoot(context);
}

function withDevices(mounts: PreparedMounts, { requests, notes }: FoundDevices): PreparedMounts {
  return {
    ...mounts,
    requests: [...mounts.requests, ...requests],
    notes: [...mounts.notes, ...notes],
  };
}

interface MakeRequest extends CreateRequest {
  readonly id: string;
  readonly mounts: PreparedMounts;
  readonly mapping: IdMapping;
  readonly source: RootSource;
  readonly home: Home;
  readonly joins: readonly JoinedContainer[];
}

async function make(context: EngineContext, request: MakeRequest): Promise<Created> {
  const { paths } = context;
  const { id, options, purpose, source, mounts } = request;
  const layout = await source.layOut({ id, bundle: paths.container(id) });
  const { trees, snapshots = [] } = layout;
  let name = options.name ?? madeUpName();
  const volumes = mounts.uses.map((use) => ({ name: use.name, remove: use.anonymous }));
  const content = { purpose, name, trees, volumes, ...(snapshots.length > 0 && { snapshots }) };
  const live = claimLive(paths, id, content);
  if (live === undefined) throw new Error(`the id ${id} was made twice`);
  try {
    for (let taken = 1; !(await claimName(paths, id, name)); taken++) {
      if (options.name === undefined) name = madeUpName(taken);
      else if (idOfName(paths, name) !== undefined) throw nameInUse(paths, name);
      live.write({ ...content, name });
    }
    for (const use of mounts.uses) {
      await useVolume(paths, id, { ...use, durable: options.remove !== true || !use.anonymous });
    }
    for (const snapshot of snapshots) {
      if (!(await useSnapshot(paths, snapshot, id))) throw noSuchSnapshot(snapshot);
    }
    const record = await write(context, { ...request, name, layout });
    recordContainer(context, "create", { container: record });
    return { record, live };
  } catch (error) {
    await discard(context, id, { name, trees, volumes, snapshots }).then(
      () => live.finish(),
      () => live.close(), // the sweep's, then
    );
    throw error;
  }
}

/** Whoever asked for it turns it into what is gone then. */
function noSuchSnapshot(snapshot: string): MarmitaError {
  return new MarmitaError("NOT_FOUND", `no such snapshot: ${snapshot}`, { details: { snapshot } });
}

interface WriteRequest extends MakeRequest {
  readonly name: string;
  readonly layout: RootLayout;
}

async function write(context: EngineContext, request: WriteRequest): Promise<ContainerRecord> {
  const { paths } = context;
  const { id, options, layout } = request;
  const { record, spec, plan, healthPlan, files } = await describe(context, request);
  const draft = draftOf(paths, id);
  const durable = options.remove !== true;
  const file = (name: string, mode: number, content: string | Buffer) => {
    return { name, mode, bytes: typeof content === "string" ? Buffer.from(content) : content };
  };
  await writeTree(
    draft,
    [
      file("config.json", 0o600, formatConfigJson(spec)),
      file("plan", 0o600, encodePlan(plan)),
      ...(healthPlan === undefined ? [] : [file(HEALTH_PLAN, 0o600, encodePlan(healthPlan))]),
      file("record.json", 0o600, encodeRecord(record)),
      file("hosts", 0o644, files.hosts),
      file("hostname", 0o644, files.hostname),
      file("resolv.conf", 0o644, files.resolvConf),
      { name: "rootfs", mode: 0o755 },
      ...layout.directories,
      ...request.mounts.directories,
    ],
    { durable },
  );
  await layout.prepare?.(draft);
  renameSync(draft, paths.container(id));
  if (durable) {
    await syncDirectory(paths.containers);
    await syncDirectory(paths.names);
  }
  return record;
}
