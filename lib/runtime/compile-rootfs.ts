/** A container's root file system → the operations that mount it. */
import { join, resolve } from "node:path";
import { MarmitaError } from "../errors.ts";
import { type Operation, type Plan, ROOT_BIND } from "../native/plan.ts";
import type { RuntimeSpec } from "../oci/runtime-spec.ts";
import type { CompileContext, ImageContext } from "./compile-context.ts";
import { isWithin } from "./mountinfo.ts";

/**
 * `volatile`: the end of an overlay otherwise writes out all that anybody has not yet written to
 * the disk it is on, which no container needs that goes in the next moment.
 */
function overlayOptions({ remove }: CompileContext): readonly string[] {
  return remove === undefined ? ["userxattr"] : ["userxattr", "volatile"];
}

export function rootOperations(spec: RuntimeSpec, context: CompileContext): Plan {
  const { bundle, rootfs } = context;
  const target = resolve(bundle, spec.root.path);
  const [upper, work] = [join(bundle, "upper"), join(bundle, "work")];
  switch (rootfs.kind) {
    case "overlay": {
      // An image without layers: the empty mount point stands for one.
      const lowers = rootfs.lowers.length > 0 ? rootfs.lowers : [target];
      return [
        ["overlay", target, upper, work, lowers, overlayOptions(context)],
        ["root", target, 0],
      ];
    }
    case "fuse-overlayfs": {
      const lowers = rootfs.lowers.length > 0 ? rootfs.lowers : [target];
      const options = fuseOptions({ lowers, upper, work });
      const command = [rootfs.program, "-f", "-o", options, target];
      return [
        ["fuse-overlayfs", target, command],
        // The keeper's mount is locked in the child's copy of it: pivot_root takes a mount of its own.
        ["root", target, ROOT_BIND],
      ];
    }
    case "directory":
      return [["root", target, ROOT_BIND]];
    case "host":
      return [
        ["tmpfs-root", target, ["mode=755", "size=64m"]],
        ["root", target, 0],
        ...rootfs.operations.map((operation) => hostOperation(operation, context)),
      ];
    default:
      return rootfs satisfies never;
  }
}

/** The images among the mounts, at directories of the bundle. Before anything is mounted inside. */
export function imageOperations(context: CompileContext): Plan {
  // Of an image without layers, the empty directory it would be mounted on is all there is.
  const images = (context.images ?? []).filter(({ lowers, upper }) => {
    return lowers.length > 0 || upper !== undefined;
  });
  return images.map((image) => imageOperation(image, context));
}

function imageOperation(image: ImageContext, context: CompileContext): Operation {
  const { merged, upper = "", work = "", empty } = image;
  // What nobody writes to needs two directories to be a stack.
  const isShort = image.lowers.length < (upper === "" ? 2 : 1);
  const lowers = isShort ? [...image.lowers, empty] : image.lowers;
  if (context.fuse === undefined) {
    const options = upper === "" ? ["userxattr"] : overlayOptions(context);
    return ["overlay", merged, upper, work, lowers, options];
  }
  const options = fuseOptions({ lowers, upper, work });
  return ["fuse-overlayfs", merged, [context.fuse, "-f", "-o", options, merged]];
}

/** Last, when all mount points are made. The root of image `host` is made of many mounts. */
export function readonlyOperations({ mounts = [] }: RuntimeSpec, { rootfs }: CompileContext): Plan {
  const parts = rootfs.kind === "host" ? rootfs.operations : [];
  const overlays = parts.flatMap(([name, target]) => (name === "overlay-in" ? [target] : []));
  const isCovered = (path: string) => mounts.some(({ destination }) => isWithin(path, destination));
  return [
    ...overlays.filter((path) => !isCovered(path)).map((path) => ["mount-readonly", path] as const),
    ["root-readonly"],
  ];
}

function hostOperation(operation: Operation, context: CompileContext): Operation {
  if (operation[0] !== "overlay-in") return operation;
  const [name, target, upper, work, lowers] = operation;
  return [name, target, upper, work, lowers, overlayOptions(context)];
}

function fuseOptions(paths: { lowers: readonly string[]; upper: string; work: string }): string {
  const { lowers, upper, work } = paths;
  const odd = [...lowers, upper, work].find((path) => /[:,\\]/.test(path));
  if (odd !== undefined) {
    // fuse-overlayfs has no way to write them.
    throw new MarmitaError("UNSUPPORTED", `fuse-overlayfs takes no path with ":" or ",": ${odd}`, {
      step: "fuse-overlayfs",
      hint: "Use a data root without these characters.",
    });
  }
  const written = upper === "" ? "" : `,upperdir=${upper},workdir=${work}`;
  return `lowerdir=${lowers.join(":")}${written}`;
}
