/** The same engine for containers with `userns: "keep-id"`, in a mapped namespace of their own. */
import { Layers } from "../layers/snapshots.ts";
import { createUserNamespace } from "../native/user-namespace.ts";
import type { ConfinementOptions } from "../runtime/confinement.ts";
import type { MappedNamespace } from "../runtime/namespace.ts";
import { type KeptIds, keptMapping, parseUserns, unsupportedUserns } from "../runtime/userns.ts";
import type { EngineContext } from "./context.ts";

/** Of this process. */
export function callerIds(): KeptIds {
  return { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
}

export interface Asked {
  readonly image: string;
  readonly userns?: ConfinementOptions["userns"] | undefined;
}

/** Where a container with these options has its layers and its namespace. */
export interface Home {
  readonly context: EngineContext;
  /** Who the caller is inside; `undefined`: root, or for image `host` itself. */
  readonly kept: KeptIds | undefined;
  /** It is nobody's root: the ids of the image are those of others. */
  readonly hasRoot: boolean;
}

/** Throws `UNSUPPORTED` for what `userns` cannot be here. */
export async function homeOf(
  context: EngineContext,
  { image, userns = "auto" }: Asked,
): Promise<Home> {
  const caller = callerIds();
  const kept = parseUserns(userns, caller);
  const isItself = kept?.uid === caller.uid && kept.gid === caller.gid;
  // To root every id is itself, and so is image host to everybody.
  if (kept === undefined || (isItself && (image === "host" || caller.uid === 0))) {
    return { context, kept: undefined, hasRoot: false };
  }
  if (image === "host") throw unsupportedUserns(userns, "In image host every id is itself.");
  const { mapping } = await context.mapped();
  // Of one id there is nothing to be arranged on disk.
  if (mapping.mode === "single") return { context, kept, hasRoot: false };
  return { context: context.kept(kept), kept, hasRoot: true };
}

/** Their namespaces, made when first needed; who closes the engine closes them. */
export class KeptContexts {
  readonly #base: EngineContext;
  readonly #contexts = new Map<string, EngineContext>();
  readonly #opened: Promise<MappedNamespace>[] = [];

  constructor(base: EngineContext) {
    this.#base = base;
  }

  /** The engine's own where nobody is kept. Layers lie once more for each set of ids. */
  of(kept: KeptIds | undefined): EngineContext {
    if (kept === undefined) return this.#base;
    const key = `${kept.uid}:${kept.gid}`;
    let context = this.#contexts.get(key);
    if (context === undefined) {
      context = this.#make(kept);
      this.#contexts.set(key, context);
    }
    return context;
  }

  async close(): Promise<void> {
    for (const opening of this.#opened.splice(0)) {
      await opening.then(
        ({ namespace }) => namespace.close(),
        () => undefined,
      );
    }
  }

  #make(kept: KeptIds): EngineContext {
    let opening: Promise<MappedNamespace> | undefined;
    const mapped = (): Promise<MappedNamespace> => {
      if (opening === undefined) {
        opening = this.#open(kept);
        this.#opened.push(opening);
        opening.catch(() => {
          opening = undefined;
        });
      }
      return opening;
    };
    const { paths } = this.#base;
    return { ...this.#base, mapped, layers: new Layers({ paths, mapped }) };
  }

  async #open(kept: KeptIds): Promise<MappedNamespace> {
    const mapping = keptMapping((await this.#base.mapped()).mapping, kept);
    const { uids, gids } = mapping;
    return { mapping, namespace: await createUserNamespace({ mode: "helpers", uids, gids }) };
  }
}
