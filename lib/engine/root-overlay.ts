/** The overlay at the root of a container, as its plan has it. */
import type { Operation, Plan } from "../native/plan.ts";
import type { Rootfs } from "../runtime/compile-context.ts";

/** Layers put together by a file system, with `upper` on top. */
export type RootOverlay = Extract<Rootfs, { readonly lowers: readonly string[] }>;

/** `undefined` where there is none: image `host`. Images that are mounted have overlays too. */
export function rootOverlay(plan: Plan, upper: string): RootOverlay | undefined {
  for (const operation of plan) {
    const lowers = lowersUnder(operation, upper);
    if (lowers === undefined) continue;
    if (operation[0] !== "fuse-overlayfs") return { kind: "overlay", lowers };
    const [program = ""] = operation[2];
    return { kind: "fuse-overlayfs", lowers, program };
  }
  return undefined;
}

/** The same plan with one more directory right below what is written. */
export function raised(plan: Plan, lower: string, upper: string): Plan {
  return plan.map((operation): Operation => {
    const lowers = lowersUnder(operation, upper);
    if (lowers === undefined) return operation;
    // Of an image without layers the empty mount point was one: it need not be any more.
    const all = [lower, ...lowers.filter((one) => one !== operation[1])];
    if (operation[0] === "overlay") {
      const [name, target, , work, , options] = operation;
      return [name, target, upper, work, all, options];
    }
    if (operation[0] !== "fuse-overlayfs") return operation;
    const [name, target, command] = operation;
    const words = command.map((word) =>
      word.replace(/(^|,)lowerdir=[^,]*/, `$1lowerdir=${all.join(":")}`),
    );
    return [name, target, words];
  });
}

function lowersUnder(operation: Operation, upper: string): readonly string[] | undefined {
  if (operation[0] === "overlay") return operation[2] === upper ? operation[4] : undefined;
  if (operation[0] !== "fuse-overlayfs") return undefined;
  const options = new Map(operation[2].flatMap(optionsOf));
  return options.get("upperdir") === upper ? options.get("lowerdir")?.split(":") : undefined;
}

/** Of `lowerdir=…:…,upperdir=…,workdir=…`: paths with a comma or a colon are refused before. */
function optionsOf(word: string): readonly (readonly [string, string])[] {
  return word.split(",").map((option) => {
    const [name = "", ...rest] = option.split("=");
    return [name, rest.join("=")] as const;
  });
}
