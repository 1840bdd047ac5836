/** JSON records: what a container is, as it is kept on disk. */
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";

import { MarmitaError } from "../errors.ts";
import { type ChainId, type Digest, parseDigest } from "../oci/digest.ts";
import { JsonReader, parseJson } from "../util/json.ts";
import { isMissing } from "../util/system-error.ts";
import type { Paths } from "./paths.ts";

/** Written once, when the container is created; what changes later has files of its own. */
export interface ContainerRecord {
  readonly format: typeof RECORD_FORMAT;
  /** 64 hexadecimal digits. */
  readonly id: string;
  readonly name: string;
  /** RFC 3339. */
  readonly createdAt: string;
  readonly image: RecordedImage;
  /** The words that are executed: entrypoint and command. */
  readonly command: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** Removed when its process ends. */
  readonly remove: boolean;
  readonly network: string;
  /** The user's id mapping and the storage driver: `subids`, `overlay`. */
  readonly ids: string;
  readonly rootfs: string;
}

export interface RecordedImage {
  /** As it was asked for: `busybox`, `host`. */
  readonly name: string;
  /** Absent for `host`. */
  readonly id?: Digest;
  /** Bottom first; they stay as long as this record does. */
  readonly layers: readonly ChainId[];
}

export const RECORD_FORMAT = 1;
export const RECORD_FILE = "record.json";

const ID = /^[0-9a-f]{64}$/;

export function formatRecord(record: ContainerRecord): string {
  return `${JSON.stringify(record, undefined, 2)}\n`;
}

/** Throws `CORRUPT`, or `UNSUPPORTED` for a record of a later marmita. */
export function parseRecord(json: unknown, what = "container record"): ContainerRecord {
  const fields = new JsonReader(json, what);
  const format = fields.size("format");
  if (format !== RECORD_FORMAT) {
    throw new MarmitaError("UNSUPPORTED", `${what} has format ${format}, not ${RECORD_FORMAT}`, {
      hint: "it was written by another version of marmita",
    });
  }
  const id = fields.text("id");
  if (!ID.test(id)) throw new MarmitaError("CORRUPT", `${what}: not a container's id: ${id}`);
  return {
    format: RECORD_FORMAT,
    id,
    name: fields.text("name"),
    createdAt: parseTime(fields.text("createdAt"), what),
    image: fields.object("image", parseRecordedImage),
    command: fields.findTexts("command") ?? [],
    labels: fields.findTextMap("labels") ?? {},
    remove: fields.findFlag("remove") ?? false,
    network: fields.text("network"),
    ids: fields.text("ids"),
    rootfs: fields.text("rootfs"),
  };
}

/** `undefined` when the container is not there, or no longer. */
export async function findRecord(paths: Paths, id: string): Promise<ContainerRecord | undefined> {
  const path = join(paths.container(id), RECORD_FILE);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  return parseRecord(parseJson(text, path), path);
}

/** The ids of all containers that are there whole. */
export async function listRecordIds(paths: Paths): Promise<readonly string[]> {
  try {
    return (await readdir(paths.containers)).filter((name) => ID.test(name));
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

function parseRecordedImage(json: unknown, what: string): RecordedImage {
  const fields = new JsonReader(json, what);
  const id = fields.findText("id");
  return {
    name: fields.text("name"),
    ...(id !== undefined && { id: parseDigest(id, what) }),
    layers: fields.list("layers", parseDigest),
  };
}

function parseTime(text: string, what: string): string {
  if (!Number.isNaN(Date.parse(text))) return text;
  throw new MarmitaError("CORRUPT", `${what}: not a time: ${JSON.stringify(text)}`);
}
