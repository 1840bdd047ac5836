/** The operations of a plan that are of a container's root alone: what it takes to look into one that does not run. */
import type { Operation, OperationName, Plan } from "../native/plan.ts";

/** Those that make a root and what is bound into it; where the path stands that they are about. */
const OPERATIONS: Readonly<Partial<Record<OperationName, number | undefined>>> = {
  "fuse-overlayfs": undefined,
  propagation: undefined,
  overlay: undefined,
  "tmpfs-root": undefined,
  root: undefined,
  "overlay-in": 1,
  directory: 1,
  file: 1,
  symlink: 2,
  bind: 2,
  "bind-in": 3,
  "copy-up": 2,
  "mount-readonly": 1,
  "root-readonly": undefined,
  pivot: undefined,
};

/**
 * Their numbers, from 0: without new file systems (/proc, /dev, tmpfs), and without what would lie
 * in them.
 */
export function viewOperations(plan: Plan): readonly number[] {
  const unseen = plan.flatMap((operation) => {
    if (operation[0] === "mount") return [operation[3]];
    return operation[0] === "borrow" ? [operation[4]] : [];
  });
  return plan.flatMap((operation, number) => {
    if (!Object.hasOwn(OPERATIONS, operation[0])) return [];
    const target = targetOf(operation);
    const isUnseen = unseen.some((path) => target === path || target.startsWith(`${path}/`));
    return isUnseen ? [] : [number];
  });
}

function targetOf(operation: Operation): string {
  const target = operation[OPERATIONS[operation[0]] ?? -1];
  return typeof target === "string" ? target : "";
}
