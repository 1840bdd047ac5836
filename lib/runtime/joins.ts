/** What a container shares with one that runs already: namespaces, and mounts of it. */
import type { Operation } from "../native/plan.ts";
import type { Namespace, NamespaceType, SpecMount } from "../oci/runtime-spec.ts";

/** The user namespace is shared too: what it owns could not be used from another one. */
export interface Join {
  /** What its container is called, for error texts. */
  readonly name: string;
  /** Absolute path of its file in live/, by which its keeper's word on its process is found. */
  readonly live: string;
  /** Its first process, now: for config.json, which knows no other way to say it. */
  readonly pid: number;
  readonly namespaces: readonly NamespaceType[];
  /** Directories in it that are mount points, to be mounted at the same paths. */
  readonly mounts: readonly string[];
}

/** Their names in /proc/PID/ns, where these are not those of the specification. */
const FILES: Partial<Record<NamespaceType, string>> = { network: "net", mount: "mnt" };

/** The namespaces of config.json: of their own, but for those that are joined. */
export function withJoins(
  types: readonly NamespaceType[],
  joins: readonly Join[],
): readonly Namespace[] {
  return types.map((type) => {
    const from = joins.find(({ namespaces }) => type === "user" || namespaces.includes(type));
    if (from === undefined) return { type };
    return { type, path: `/proc/${from.pid}/ns/${FILES[type] ?? type}` };
  });
}

/** The user namespace and those named. */
export function joinedTypes(joins: readonly Join[]): ReadonlySet<NamespaceType> {
  const types = joins.flatMap(({ namespaces }) => namespaces);
  return new Set(joins.length === 0 ? [] : ["user", ...types]);
}

/** For the keeper. `clone` are the CLONE_NEW… flags by type. */
export function joinOperation(
  { live, name, namespaces }: Join,
  clone: Readonly<Record<NamespaceType, number>>,
): Operation {
  return ["join", live, namespaces.reduce((sum, type) => sum + clone[type], 0), name];
}

/** What the other container's root is on this machine. */
function rootOf({ pid }: Join): string {
  return `/proc/${pid}/root`;
}

/** The default mounts, but for those that are borrowed. */
export function withBorrowed(
  mounts: readonly SpecMount[],
  joins: readonly Join[],
): readonly SpecMount[] {
  return mounts.map((mount) => {
    const { destination } = mount;
    const from = joins.find((one) => one.mounts.includes(destination));
    if (from === undefined || mount.type === "bind") return mount;
    const source = `${rootOf(from)}${destination}`;
    return { destination, type: "bind", source, options: ["bind", "rprivate"] };
  });
}

/** `undefined` for a mount that is not borrowed. */
export function borrowOperation(
  { destination, source }: SpecMount,
  joins: readonly Join[],
): Operation | undefined {
  const from = joins.find((one) => source === `${rootOf(one)}${destination}`);
  return from && ["borrow", from.live, from.name, destination, destination];
}
