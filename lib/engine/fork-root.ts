/** The root file system of a fork: what its container wrote, shared or copied, over the same image. */
import { stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { MarmitaError } from "../errors.ts";
import { type TreeCopy, duplicateTrees } from "../layers/freeze.ts";
import type { UserNamespace } from "../native/helper.ts";
import type { Plan } from "../native/plan.ts";
import { volumeData } from "../runtime/compile-volumes.ts";
import { hostDefaults } from "../runtime/host-root.ts";
import { isWithin } from "../runtime/mountinfo.ts";
import { baseOf } from "./base-image.ts";
import type { EngineContext } from "./context.ts";
import type { VolumeCopy } from "./fork-options.ts";
import type { Home } from "./kept-context.ts";
import type { ContainerRecord } from "./records.ts";
import { readConfig } from "./inspect.ts";
import { type RootOverlay, rootOverlay } from "./root-overlay.ts";
import { type RootLayout, type RootSource, hostRoot } from "./roots.ts";
import { hostParts, readPlan } from "./writable-layer.ts";

export interface ForkSource {
  /** As it is now. */
  readonly record: ContainerRecord;
  /** Whether it has written anything that is in none of its snapshots: then that is copied. */
  readonly copiesUpper: boolean;
  readonly volumes: readonly VolumeCopy[];
  /** Sees to it that nothing changes while something is copied. */
  readonly hold: (copy: () => Promise<void>) => Promise<void>;
  readonly durable: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** The caller holds the lock that keeps images where they are. Throws `NOT_FOUND`, `CORRUPT`. */
export async function forkRoot(
  context: EngineContext,
  source: ForkSource,
  home: Home,
): Promise<RootSource> {
  const { record } = source;
  const bundle = context.paths.container(record.id);
  const { namespace } = await home.context.mapped();
  const plan = await readPlan(record, bundle);
  const copier = new Copier(context, source, namespace);
  if (record.image.id === undefined) return hostFork(context, { bundle, plan, copier });
  const root = rootOverlay(plan, join(bundle, "upper"));
  if (root === undefined) throw withoutRoot(record);
  const base = await baseOf(context, record);
  return {
    image: record.image,
    defaults: base.config.config,
    driver: root.kind,
    fuse: root.kind === "fuse-overlayfs" ? root.program : undefined,
    layOut: () => layOutOver(root, { bundle, source, copier }),
  };
}

function withoutRoot({ id, name }: ContainerRecord): MarmitaError {
  return new MarmitaError("CORRUPT", `the plan of container ${name} has no root`, {
    details: { container: id },
  });
}

/** Copies what belongs to a fork alone, while nobody changes it. */
class Copier {
  readonly #context: EngineContext;
  readonly #source: ForkSource;
  readonly #namespace: UserNamespace;

  constructor(context: EngineContext, source: ForkSource, namespace: UserNamespace) {
    this.#context = context;
    this.#source = source;
    this.#namespace = namespace;
  }

  /** These, and the volumes. */
  async copy(layers: readonly Omit<TreeCopy, "kind">[]): Promise<void> {
    const { volumes, hold, durable, signal } = this.#source;
    const { paths } = this.#context;
    const dataOf = (name: string) => volumeData(paths.volume(name));
    const copies: readonly TreeCopy[] = [
      ...layers.map((one) => ({ ...one, kind: "layer" as const })),
      ...volumes.map(({ from, to }) => ({
        kind: "tree" as const,
        from: dataOf(from),
        to: dataOf(to),
      })),
    ];
    if (copies.length === 0) return;
    await hold(() => duplicateTrees(this.#namespace, copies, { durable, signal }));
  }
}

interface Over {
  /** Of the container that is forked. */
  readonly bundle: string;
  readonly source: ForkSource;
  readonly copier: Copier;
}

async function layOutOver(
  rootfs: RootOverlay,
  { bundle, source, copier }: Over,
): Promise<RootLayout> {
  const from = join(bundle, "upper");
  const { uid, mode } = await stat(from);
  // Whom the container gave its root directory to, only root of the namespace can.
  const copiesUpper = source.copiesUpper || uid !== process.geteuid?.();
  return {
    rootfs,
    directories: [
      ...(copiesUpper ? [] : [{ name: "upper", mode: mode & 0o7777 }]),
      { name: "work", mode: 0o755 },
    ],
    trees: [],
    snapshots: source.record.snapshots ?? [],
    notes: [],
    prepare: (draft) => copier.copy(copiesUpper ? [{ from, to: join(draft, "upper") }] : []),
  };
}

interface HostForked {
  readonly bundle: string;
  readonly plan: Plan;
  readonly copier: Copier;
}

/** The machine is looked at anew; what was written to each part of it goes to where that is now. */
async function hostFork(
  context: EngineContext,
  { bundle, plan, copier }: HostForked,
): Promise<RootSource> {
  const { env, cwd } = (await readConfig(join(bundle, "config.json"))).process;
  const root = await hostRoot(context);
  const lines = env.map((line): [string, string] => {
    const at = line.indexOf("=");
    return [line.slice(0, at), line.slice(at + 1)];
  });
  return {
    ...root,
    defaults: hostDefaults(Object.fromEntries(lines), cwd),
    async layOut(place) {
      const layout = await root.layOut(place);
      const copies = pairParts(plan, layout);
      return {
        ...layout,
        async prepare(draft) {
          await layout.prepare?.(draft);
          const inDraft = (path: string) => {
            return isWithin(path, place.bundle) ? join(draft, relative(place.bundle, path)) : path;
          };
          await copier.copy(copies.map(({ from, to }) => ({ from, to: inDraft(to) })));
        },
      };
    },
  };
}

/** Throws `CONFLICT` where this machine's mounts are other ones than when the container was made. */
function pairParts(plan: Plan, { rootfs }: RootLayout): readonly Omit<TreeCopy, "kind">[] {
  if (rootfs.kind !== "host") return [];
  const now = new Map(hostParts(rootfs.operations).map(({ at, directory }) => [at, directory]));
  return hostParts(plan).map(({ at, directory }) => {
    const to = now.get(at);
    if (to !== undefined) return { from: directory, to };
    throw new MarmitaError("CONFLICT", `what was written to ${at} has no place any more`, {
      hint: "What is mounted on this machine has changed since the container was made.",
      details: { path: at },
    });
  });
}
