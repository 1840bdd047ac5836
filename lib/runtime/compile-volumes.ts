/** Volumes and images among a container's mounts → the operations that config.json has no words for. */
import { join } from "node:path";
import { type Plan, VOLUME } from "../native/plan.ts";
import type { CompileContext } from "./compile-context.ts";

/** Where a volume's files are. */
export function volumeData(directory: string): string {
  return join(directory, "_data");
}

/** For the keeper, when the container removes itself. Snapshots have users as volumes do. */
export function releaseOperations(context: CompileContext): Plan {
  const { volumes = [], snapshots = [], remove } = context;
  if (remove === undefined) return [];
  const all = [...volumes, ...snapshots];
  const byDirectory = new Map(all.map(({ directory, trash }) => [directory, trash]));
  return [...byDirectory].map(([directory, trash]) => ["volume", directory, trash ?? ""] as const);
}

/** With the root mounted, and nothing in it. */
export function volumeOperations({ volumes = [] }: CompileContext): Plan {
  return volumes.map(({ directory, target, copy, durable, done = "" }) => {
    const flags = (copy ? VOLUME.COPY : 0) | (durable ? VOLUME.DURABLE : 0);
    return ["copy-up", directory, target, done, flags] as const;
  });
}

/** A bind mount, of a part where it is one: what is in it may lie about where it leads. */
export function bindOperations(
  bind: { readonly source: string; readonly target: string; readonly flags: number },
  { parts = [] }: CompileContext,
): Plan {
  const { source, target, flags } = bind;
  const part = parts.find((one) => one.target === target);
  if (part === undefined) return [["bind", source, target, flags]];
  return [["bind-in", part.base, part.subpath, target, flags]];
}
