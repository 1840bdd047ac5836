/** Where what a container wrote is, and what lies below it. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { MarmitaError } from "../errors.ts";
import type { UpperDirectory } from "../layers/diff.ts";
import type { UserNamespace } from "../native/helper.ts";
import { type Operation, type OperationName, type Plan, decodePlan } from "../native/plan.ts";
import type { StorageDriverName } from "../runtime/storage-driver.ts";
import { isMissing } from "../util/system-error.ts";
import type { EngineContext } from "./context.ts";
import { noSuchContainer } from "./find.ts";
import { homeOf } from "./kept-context.ts";
import type { ContainerRecord } from "./records.ts";
import { rootOverlay } from "./root-overlay.ts";

export interface WritableLayer {
  /** Whose root may read it, and whose ids own it; closed with the engine. */
  readonly namespace: UserNamespace;
  /** Who wrote it. */
  readonly driver: StorageDriverName;
  /** One at `/`; of image `host` as many as its root has parts that may be written to. */
  readonly uppers: readonly UpperDirectory[];
  /** The directories of the image's layers, the nearest first. Of image `host`: none. */
  readonly lowers: readonly string[];
  /** Mount points that were made for the container, as paths in it. Of image `host`: none. */
  readonly skip: readonly string[];
  /** How many of the nearest of `lowers` are what was written before a fork. */
  readonly frozen: number;
}

/** What was written at one time over what was written before: now first, then before the last fork … */
export function levelsOf({
  uppers,
  lowers,
  skip,
  frozen,
}: WritableLayer): readonly UpperDirectory[] {
  const below = lowers.slice(0, frozen).map((directory, at) => {
    return { directory, at: "/", lowers: lowers.slice(at + 1), skip };
  });
  return [...uppers, ...below];
}

/** The plan says it: it is what the container is started from. Throws `NOT_FOUND`, `CORRUPT`. */
export async function writableLayer(
  context: EngineContext,
  record: ContainerRecord,
): Promise<WritableLayer> {
  const { image, confinement, isolation } = record;
  const bundle = context.paths.container(record.id);
  const plan = await readPlan(record, bundle);
  const home = await homeOf(context, { image: image.name, userns: confinement.userns });
  const { namespace } = await home.context.mapped();
  const driver = isolation.rootfs;
  const parts = hostParts(plan);
  if (parts.length > 0)
    return { namespace, driver, uppers: parts, lowers: [], skip: [], frozen: 0 };
  const root = rootOverlay(plan, join(bundle, "upper"));
  if (root === undefined) {
    throw new MarmitaError("CORRUPT", `the plan of container ${record.name} has no root`, {
      details: { container: record.id },
    });
  }
  const { lowers } = root;
  const directory = join(bundle, "upper");
  const skip = mountPoints(plan);
  const snapshots = `${context.paths.snapshots}/`;
  const frozen = lowers.filter((lower) => lower.startsWith(snapshots)).length;
  const uppers = [{ directory, at: "/", lowers, skip }];
  return { namespace, driver, uppers, lowers, skip, frozen };
}

/** Throws `NOT_FOUND`, `CORRUPT`. */
export async function readPlan(
  { name }: Pick<ContainerRecord, "name">,
  bundle: string,
): Promise<Plan> {
  try {
    return decodePlan(await readFile(join(bundle, "plan")));
  } catch (error) {
    if (isMissing(error)) throw noSuchContainer(name); // removed meanwhile
    throw error;
  }
}

/** The parts of image `host` lie in each other, and what is made in one is a place for another. */
export function hostParts(plan: Plan): readonly UpperDirectory[] {
  const parts = plan.filter((operation) => operation[0] === "overlay-in");
  if (parts.length === 0) return [];
  const made = plan.flatMap((operation) => (operation[0] === "directory" ? [operation[1]] : []));
  const places = [...plan.flatMap(targetOf), ...made];
  return parts.map(([, at, directory, , lowers]) => {
    const skip = outermost(places.filter((path) => path.startsWith(`${at}/`)));
    return { directory, at, lowers, skip };
  });
}

/** Where marmita mounts something, or puts a link. */
function mountPoints(plan: Plan): readonly string[] {
  return outermost(plan.flatMap(targetOf));
}

/** Where in an operation the path stands that is mounted on, or made. */
const TARGETS: Readonly<Partial<Record<OperationName, number>>> = {
  "overlay-in": 1,
  symlink: 2,
  bind: 2,
  mount: 3,
  "bind-in": 3,
  borrow: 4,
};

function targetOf(operation: Operation): readonly string[] {
  const target = operation[TARGETS[operation[0]] ?? -1];
  return typeof target === "string" ? [target] : [];
}

/** Without those in others: nobody sees what is below a mount. */
function outermost(paths: readonly string[]): readonly string[] {
  const all = new Set(paths);
  return [...all].filter((path) => !parentsOf(path).some((parent) => all.has(parent)));
}

function parentsOf(path: string): readonly string[] {
  const names = path.split("/").slice(1, -1);
  return names.map((_, index) => `/${names.slice(0, index + 1).join("/")}`);
}
