/** Image configs: what runs by default, history, and the diff ids of the layers. */
import { MarmitaError } from "../errors.ts";
import { JsonReader } from "../util/json.ts";
import { type Digest, parseDigest } from "./digest.ts";
import type { Platform } from "./platform.ts";

/** Names as on the wire (image-spec, config.md). Lists are absent rather than empty. */
export interface ImageConfig {
  readonly created?: string | undefined;
  readonly author?: string | undefined;
  readonly architecture: string;
  readonly variant?: string | undefined;
  readonly os: string;
  readonly "os.version"?: string | undefined;
  readonly config: ContainerDefaults;
  readonly rootfs: { readonly type: "layers"; readonly diff_ids: readonly Digest[] };
  readonly history: readonly HistoryEntry[];
}

/** What a container of the image does when nothing else is asked. */
export interface ContainerDefaults {
  readonly User?: string | undefined;
  readonly ExposedPorts?: EmptyObjects | undefined;
  readonly Env?: readonly string[] | undefined;
  readonly Entrypoint?: readonly string[] | undefined;
  readonly Cmd?: readonly string[] | undefined;
  readonly Volumes?: EmptyObjects | undefined;
  readonly WorkingDir?: string | undefined;
  readonly Labels?: Readonly<Record<string, string>> | undefined;
  readonly StopSignal?: string | undefined;
  readonly Healthcheck?: Healthcheck | undefined;
  readonly OnBuild?: readonly string[] | undefined;
  readonly Shell?: readonly string[] | undefined;
}

/** A set, as JSON written by Go has it: `{"80/tcp": {}}`. */
export type EmptyObjects = Readonly<Record<string, Readonly<Record<string, never>>>>;

/** Durations are in nanoseconds. */
export interface Healthcheck {
  readonly Test?: readonly string[] | undefined;
  readonly Interval?: number | undefined;
  readonly Timeout?: number | undefined;
  readonly StartPeriod?: number | undefined;
  readonly StartInterval?: number | undefined;
  readonly Retries?: number | undefined;
}

export interface HistoryEntry {
  readonly created?: string | undefined;
  readonly created_by?: string | undefined;
  readonly author?: string | undefined;
  readonly comment?: string | undefined;
  readonly empty_layer?: boolean | undefined;
}

/** Room for long histories and labels, and an end to what is read into memory. */
export const CONFIG_LIMIT_BYTES = 16 * 1024 * 1024;

/** Throws `CORRUPT`, or `UNSUPPORTED` for images that are not for Linux. */
export function parseImageConfig(json: unknown, what = "image config"): ImageConfig {
  const fields = new JsonReader(json, what);
  const os = fields.findText("os") || "linux";
  if (os !== "linux") throw new MarmitaError("UNSUPPORTED", `${what} is for ${os}, not for linux`);
  return present({
    created: fields.findText("created"),
    author: fields.findText("author"),
    architecture: fields.text("architecture"),
    variant: fields.findText("variant"),
    os,
    "os.version": fields.findText("os.version"),
    config: fields.findObject("config", parseContainerDefaults) ?? {},
    rootfs: fields.object("rootfs", parseRootfs),
    history: fields.findList("history", parseHistory) ?? [],
  });
}

export function platformOf({ os, architecture, variant }: ImageConfig): Platform {
  return { os, architecture, ...(variant !== undefined && { variant }) };
}

/** A set of names as JSON has it. */
export function emptyObjects(names: readonly string[]): EmptyObjects {
  return Object.fromEntries(names.map((name) => [name, {}]));
}

/** Throws `CORRUPT`. */
export function parseContainerDefaults(json: unknown, what: string): ContainerDefaults {
  const fields = new JsonReader(json, what);
  const ports = fields.findKeys("ExposedPorts");
  const volumes = fields.findKeys("Volumes");
  return present({
    User: fields.findText("User"),
    ExposedPorts: ports && emptyObjects(ports),
    Env: fields.findTexts("Env"),
    Entrypoint: fields.findTexts("Entrypoint"),
    Cmd: fields.findTexts("Cmd"),
    Volumes: volumes && emptyObjects(volumes),
    WorkingDir: fields.findText("WorkingDir"),
    Labels: fields.findTextMap("Labels"),
    StopSignal: fields.findText("StopSignal"),
    Healthcheck: fields.findObject("Healthcheck", parseHealthcheck),
    OnBuild: fields.findTexts("OnBuild"),
    Shell: fields.findTexts("Shell"),
  });
}

function parseHealthcheck(json: unknown, what: string): Healthcheck {
  const fields = new JsonReader(json, what);
  return present({
    Test: fields.findTexts("Test"),
    Interval: fields.findSize("Interval"),
    Timeout: fields.findSize("Timeout"),
    StartPeriod: fields.findSize("StartPeriod"),
    StartInterval: fields.findSize("StartInterval"),
    Retries: fields.findSize("Retries"),
  });
}

function parseRootfs(json: unknown, what: string): ImageConfig["rootfs"] {
  const fields = new JsonReader(json, what);
  const type = fields.findText("type") ?? "layers";
  if (type !== "layers") throw new MarmitaError("CORRUPT", `${what}: unknown type "${type}"`);
  return { type, diff_ids: fields.findList("diff_ids", parseDigest) ?? [] };
}

function parseHistory(json: unknown, what: string): HistoryEntry {
  const fields = new JsonReader(json, what);
  return present({
    created: fields.findText("created"),
    created_by: fields.findText("created_by"),
    author: fields.findText("author"),
    comment: fields.findText("comment"),
    empty_layer: fields.findFlag("empty_layer"),
  });
}

/** Leaves out what is absent, so that values compare and print as they are on the wire. */
function present<T extends object>(value: T): T {
  for (const key of Object.keys(value)) {
    if (Reflect.get(value, key) === undefined) Reflect.deleteProperty(value, key);
  }
  return value;
}
