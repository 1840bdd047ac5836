/** `--tmpfs PATH[:OPTIONS]` in Docker's syntax. */
import type { TmpfsMount } from "../engine/mounts.ts";
import { tmpfsOptionFault } from "../runtime/tmpfs-options.ts";
import { parseMemorySize } from "./units.ts";
import { invalid, unsupported } from "./volume-flag.ts";

/** Said by every tmpfs already. */
const DEFAULTS = new Set(["", "defaults", "rw", "nosuid", "nodev", "noexec"]);

/** `TARGET[:size=64m,mode=1777,exec]`; of options that exclude each other the last counts. */
export function parseTmpfs(text: string): TmpfsMount {
  const colon = text.indexOf(":");
  const target = colon < 0 ? text : text.slice(0, colon);
  if (!target.startsWith("/")) throw invalid(`expected an absolute path, got '${target}'`);

  let size: string | undefined;
  let mode: string | undefined;
  const options: string[] = [];
  for (const option of colon < 0 ? [] : text.slice(colon + 1).split(",")) {
    const [key = "", value = ""] = option.split("=");
    if (key === "size" && !value.endsWith("%")) size = value;
    else if (key === "mode") mode = value;
    else if (!DEFAULTS.has(option) || options.length > 0) options.push(option);
  }
  return tmpfs(target, { size, mode, options: options.filter((word) => word !== "") });
}

export interface TmpfsWords {
  readonly size?: string | undefined;
  readonly mode?: string | undefined;
  readonly options?: readonly string[];
}

export function tmpfs(target: string, { size, mode, options = [] }: TmpfsWords): TmpfsMount {
  const sizeBytes = size === undefined ? undefined : parseMemorySize(size);
  if (size !== undefined && (sizeBytes ?? 0) <= 0) throw invalid(`invalid size '${size}'`);
  if (mode !== undefined && !/^0?[0-7]{1,4}$/.test(mode)) throw invalid(`invalid mode '${mode}'`);
  for (const option of options) {
    const fault = tmpfsOptionFault(option);
    if (fault === "unsupported") throw unsupported(`a tmpfs with the option ${option}`);
    if (fault === "invalid") throw invalid(`invalid tmpfs option '${option}'`);
  }
  return {
    type: "tmpfs",
    target,
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
    ...(mode === undefined ? {} : { mode: Number.parseInt(mode, 8) }),
    ...(options.length === 0 ? {} : { options }),
  };
}
