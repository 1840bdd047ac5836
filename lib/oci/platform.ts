/** Operating system and processor: this host's, an image's, and whether they fit. */
import { MarmitaError } from "../errors.ts";
import { JsonReader } from "../util/json.ts";

export interface Platform {
  readonly os: string;
  /** Go's names: `amd64`, `arm64`. */
  readonly architecture: string;
  readonly variant?: string | undefined;
  readonly "os.version"?: string | undefined;
}

/** Maps: an image may call its architecture `constructor`. */
const OTHER_NAMES = new Map<string, readonly [architecture: string, variant?: string]>([
  ["x86_64", ["amd64"]],
  ["x86-64", ["amd64"]],
  ["x64", ["amd64"]],
  ["aarch64", ["arm64"]],
  ["armhf", ["arm", "v7"]],
  ["armel", ["arm", "v6"]],
  ["i386", ["386"]],
  ["ia32", ["386"]],
  ["ppc64el", ["ppc64le"]],
]);

/** Those that have one spelling only. */
const PLAIN_ARCHITECTURES = new Set([
  "386",
  "amd64",
  "arm",
  "arm64",
  "loong64",
  "mips64le",
  "ppc64le",
  "riscv64",
  "s390x",
]);

/** The variant that says no more than the architecture itself. */
const BASE_VARIANTS = new Map([
  ["amd64", "v1"],
  ["arm64", "v8"],
  ["arm", "v7"],
]);

export function hostPlatform(architecture: string = process.arch): Platform {
  return normalizePlatform({ os: "linux", architecture });
}

/** One spelling for each platform: `linux/x86_64` and `linux/amd64/v1` are `linux/amd64`. */
export function normalizePlatform(platform: Platform): Platform {
  const asked = platform.architecture.toLowerCase();
  const [architecture, implied] = OTHER_NAMES.get(asked) ?? [asked];
  const variant = platform.variant?.toLowerCase() || implied;
  const plain = { os: platform.os.toLowerCase(), architecture };
  if (variant === undefined || variant === BASE_VARIANTS.get(architecture)) return plain;
  return { ...plain, variant: /^\d/.test(variant) ? `v${variant}` : variant };
}

/** `linux/arm64/v8`, or less: `linux`, `arm64`. Throws `INVALID_ARGUMENT`. */
export function parsePlatformText(text: string): Platform {
  if (text.toLowerCase() === "linux") return hostPlatform();
  const parts = isArchitecture(text) ? ["linux", text] : text.split("/");
  const [os = "", architecture = "", variant] = parts;
  const isWhole = parts.length === 2 || parts.length === 3;
  if (!isWhole || !parts.every((part) => /^[A-Za-z0-9_.-]+$/.test(part))) {
    throw new MarmitaError(
      "INVALID_ARGUMENT",
      `expected a platform such as "linux/amd64", got ${JSON.stringify(text)}`,
    );
  }
  return normalizePlatform({ os, architecture, ...(variant !== undefined && { variant }) });
}

function isArchitecture(text: string): boolean {
  const name = text.toLowerCase();
  return OTHER_NAMES.has(name) || PLAIN_ARCHITECTURES.has(name);
}

export function formatPlatform(platform: Platform): string {
  const { os, architecture, variant } = normalizePlatform(platform);
  return [os, architecture, ...(variant === undefined ? [] : [variant])].join("/");
}

export function parsePlatform(json: unknown, what = "platform"): Platform {
  const fields = new JsonReader(json, what);
  const variant = fields.findText("variant");
  const version = fields.findText("os.version");
  return {
    os: fields.text("os"),
    architecture: fields.text("architecture"),
    ...(variant !== undefined && variant !== "" && { variant }),
    ...(version !== undefined && { "os.version": version }),
  };
}

/** Whether what was made for `platform` is what `wanted` names. */
export function platformMatches(wanted: Platform, platform: Platform): boolean {
  return formatPlatform(wanted) === formatPlatform(platform);
}

/** The platform of buildkit's attestations, which are no images. */
export function isUnknownPlatform(platform: Platform | undefined): boolean {
  return platform?.os === "unknown" && platform.architecture === "unknown";
}
