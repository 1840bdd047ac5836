/** How layers become one root file system here: probed once, in the data root itself. */
import { access, constants, readFile, stat } from "node:fs/promises";
import { release } from "node:os";
import { join } from "node:path";
import { MarmitaError } from "../errors.ts";
import { type HelperEvent, runVerb, type UserNamespace } from "../native/helper.ts";
import { writeAtomic } from "../store/atomic.ts";
import type { Paths } from "../store/paths.ts";
import { errnoName } from "../util/errno.ts";
import { hintFor } from "./hints.ts";
import { findProgram, type IdMapping } from "./id-maps.ts";

export type StorageDriver =
  | { readonly name: "overlay" }
  /** `program`: its path. */
  | { readonly name: "fuse-overlayfs"; readonly program: string };

export type StorageDriverName = StorageDriver["name"];

/** A place that the chosen driver serves. */
export interface StoragePlace {
  readonly paths: Paths;
  readonly namespace: UserNamespace;
  readonly mapping: IdMapping;
}

/** What the choice depends on. Tests hand in their own. */
export interface StorageHost {
  env(name: string): string | undefined;
  /** Mounts an overlay below `directory` and writes to it. */
  probe(directory: string, namespace: UserNamespace): Promise<OverlayProbe>;
  findFuseOverlayfs(): Promise<string | undefined>;
  canOpenFuse(): Promise<boolean>;
  hint: typeof hintFor;
}

export interface OverlayProbe {
  readonly overlay: boolean;
  readonly errno: string;
  /** "mount overlay of 2 directories on …" */
  readonly what: string;
}

const NAMES: readonly StorageDriverName[] = ["overlay", "fuse-overlayfs"];
const VARIABLE = "MARMITA_STORAGE_DRIVER";
const CACHE = "storage-driver.json";

/**
 * `asked`, else what the environment's MARMITA_STORAGE_DRIVER says, else the first that works.
 * What was asked for is used or refused: there is no other in its place.
 * Throws `UNSUPPORTED` with the way out as its hint.
 */
export async function chooseStorageDriver(
  place: StoragePlace,
  asked: StorageDriverName | "auto" = "auto",
  host: StorageHost = THIS_HOST,
): Promise<StorageDriver> {
  const wanted = asked === "auto" ? variable(host) : asked;
  if (wanted === "fuse-overlayfs") return fuseOverlayfs(host);

  const probe = await probeOverlay(place, host);
  if (probe.overlay) return { name: "overlay" };
  const refused = overlayRefused(place, probe, host);
  if (wanted === "overlay") throw refused;
  try {
    return await fuseOverlayfs(host);
  } catch (error) {
    throw neither(refused, error);
  }
}

function variable(host: StorageHost): StorageDriverName | undefined {
  const text = host.env(VARIABLE) ?? "";
  if (text === "" || text === "auto") return undefined;
  const name = NAMES.find((one) => one === text);
  if (name !== undefined) return name;
  throw new MarmitaError(
    "INVALID_ARGUMENT",
    `expected ${VARIABLE} to be "overlay", "fuse-overlayfs" or "auto", got ${JSON.stringify(text)}`,
  );
}

/** Only success is remembered: what was refused may have been allowed since. */
async function probeOverlay(place: StoragePlace, host: StorageHost): Promise<OverlayProbe> {
  const { paths, namespace, mapping } = place;
  const { dev } = await stat(paths.root);
  const key = JSON.stringify({ format: 1, kernel: release(), device: dev, ids: mapping.mode });
  const cache = join(paths.root, CACHE);
  const known = await readFile(cache, "utf8").catch(() => "");
  if (known === key) return { overlay: true, errno: "", what: "" };

  const probe = await host.probe(paths.root, namespace);
  // Losing it costs one more probe; a full disk is for others to report.
  if (probe.overlay) await writeAtomic(cache, key, { durable: false }).catch(() => undefined);
  return probe;
}

function overlayRefused(place: StoragePlace, probe: OverlayProbe, host: StorageHost): MarmitaError {
  const directory = place.paths.root;
  const { errno, what } = probe;
  const hint = host.hint({ step: "overlay", what, errno, directory });
  return new MarmitaError(
    "UNSUPPORTED",
    `overlay does not work in ${directory}: ${what} (${errno})`,
    {
      step: "overlay",
      errno,
      hint: hint ?? "Use a data root (MARMITA_ROOT) on a local disk with ext4, xfs or btrfs.",
      details: { directory },
    },
  );
}

async function fuseOverlayfs(host: StorageHost): Promise<StorageDriver> {
  const program = await host.findFuseOverlayfs();
  if (program === undefined) {
    throw new MarmitaError("UNSUPPORTED", "fuse-overlayfs is not installed", {
      step: "fuse-overlayfs",
      hint: "Install the package fuse-overlayfs.",
    });
  }
  if (await host.canOpenFuse()) return { name: "fuse-overlayfs", program };
  throw new MarmitaError("UNSUPPORTED", "fuse-overlayfs cannot open /dev/fuse", {
    step: "fuse-overlayfs",
    hint: "Make /dev/fuse readable and writable here; an outer container takes --device /dev/fuse.",
  });
}

function neither(overlay: MarmitaError, fuse: unknown): MarmitaError {
  const other = fuse instanceof MarmitaError ? fuse : undefined;
  const ways = [overlay.hint, other?.hint].filter((hint) => hint !== undefined);
  return new MarmitaError("UNSUPPORTED", `${overlay.message}; ${other?.message ?? String(fuse)}`, {
    step: overlay.step,
    errno: overlay.errno,
    hint: ways.join(" Or: "),
    cause: overlay,
    details: overlay.details,
  });
}

function parseProbe(event: HelperEvent): OverlayProbe {
  const { overlay, errno, what } = event;
  return {
    overlay: overlay === 1 || overlay === true,
    errno: typeof errno === "number" && errno > 0 ? errnoName(errno) : "",
    what: typeof what === "string" ? what : "",
  };
}

const THIS_HOST: StorageHost = {
  env: (name) => process.env[name],
  async probe(directory, namespace) {
    return parseProbe(await runVerb("probe", { args: [directory], namespace }));
  },
  findFuseOverlayfs: () => findProgram("fuse-overlayfs"),
  canOpenFuse: () =>
    access("/dev/fuse", constants.R_OK | constants.W_OK).then(
      () => true,
      () => false,
    ),
  hint: hintFor,
};
