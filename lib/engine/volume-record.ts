/** volume.json: what a volume is. Written once, with the volume. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { MarmitaError } from "../errors.ts";
import { JsonReader, parseJson } from "../util/json.ts";
import { isMissing } from "../util/system-error.ts";

export interface VolumeRecord {
  readonly name: string;
  /** RFC 3339. */
  readonly createdAt: string;
  readonly driver: "local";
  readonly labels: Readonly<Record<string, string>>;
  /** Made for one container, under a name that nobody chose. */
  readonly anonymous: boolean;
}

const FORMAT = 1;

export function encodeVolumeRecord(record: VolumeRecord): Buffer {
  return Buffer.from(`${JSON.stringify({ format: FORMAT, ...record })}\n`);
}

/** `undefined` when there is no such volume. */
export async function findVolumeRecord(directory: string): Promise<VolumeRecord | undefined> {
  const path = join(directory, "volume.json");
  try {
    return parseVolumeRecord(parseJson(await readFile(path), path), path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Throws `CORRUPT`, or `UNSUPPORTED` for a record of another version. */
export function parseVolumeRecord(json: unknown, what: string): VolumeRecord {
  const fields = new JsonReader(json, what);
  const format = fields.size("format");
  if (format !== FORMAT) {
    throw new MarmitaError("UNSUPPORTED", `${what} has format ${format}, not ${FORMAT}`, {
      hint: "It was written by another version of marmita: use that one.",
    });
  }
  return {
    name: fields.text("name"),
    createdAt: fields.text("createdAt"),
    driver: "local",
    labels: fields.findTextMap("labels") ?? {},
    anonymous: fields.findFlag("anonymous") ?? false,
  };
}
