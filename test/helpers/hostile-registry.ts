/** A registry whose images are as a test wants them, and who it is hostile to: an engine with secrets. */
import { inspect } from "node:util";
import { CONFIG, LAYER, MANIFEST, image } from "../../fixtures/layout-writer.mjs";
import { tarArchive } from "../../fixtures/tar-writer.mjs";
import { type MarmitaError, isMarmitaError } from "../../lib/errors.ts";
import type { ScriptedRegistry } from "./scripted-registry.ts";

export const LOGIN = { username: "ana", password: "quindim-de-coco" };
const BASIC = Buffer.from(`${LOGIN.username}:${LOGIN.password}`).toString("base64");
export const SECRETS: readonly string[] = [LOGIN.password, BASIC];

export const LAYER_TAR = tarArchive([{ path: "file", content: "x" }]);

/** A good image, under the tag `good`; the result is its manifest, to be made worse. */
export function serveGood(registry: ScriptedRegistry): Record<string, unknown> {
  const { config } = image([LAYER_TAR]);
  const manifest = {
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: { mediaType: CONFIG, digest: registry.blob(config), size: Buffer.byteLength(config) },
    layers: [{ mediaType: LAYER, digest: registry.blob(LAYER_TAR), size: LAYER_TAR.length }],
  };
  serveManifest(registry, "good", manifest);
  return manifest;
}

/** Under a tag, with its own type. */
export function serveManifest(
  registry: ScriptedRegistry,
  tag: string,
  manifest: Record<string, unknown> | string,
  type = MANIFEST,
): string {
  const bytes = typeof manifest === "string" ? manifest : JSON.stringify(manifest);
  return registry.manifest({ bytes, type }, tag);
}

/** What it is rejected with, on purpose; all it shows has none of the secrets. */
export async function refusalOf(work: Promise<unknown>): Promise<MarmitaError> {
  let error: unknown;
  try {
    await work;
  } catch (caught) {
    error = caught;
  }
  if (!isMarmitaError(error)) throw new Error("no MarmitaError", { cause: error });
  const shown = inspect(error, { depth: 20, showHidden: true, maxStringLength: Infinity });
  for (const secret of SECRETS) {
    if (shown.includes(secret)) throw new Error(`leaks ${secret}: ${shown}`);
  }
  return error;
}
