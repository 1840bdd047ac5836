/** Image names: `name:tag@digest` in Docker's grammar and its three name spaces. */
import { MarmitaError } from "../errors.ts";
import { type Digest, isDigest } from "./digest.ts";

/** A name in full. Without a digest there is always a tag: `latest`, unless one was said. */
export interface Reference {
  /** `docker.io`, `registry.example.com:5000`, `localhost`. */
  readonly domain: string;
  /** `library/busybox`, `jpetazzo/clock`. */
  readonly path: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

const DEFAULT_DOMAIN = "docker.io";
const LEGACY_DOMAIN = "index.docker.io";
const OFFICIAL_PREFIX = "library/";
const DEFAULT_TAG = "latest";
const LONGEST_PATH = 255;

/** Names that mean something else than an image somebody made. */
const RESERVED = new Set(["host", "scratch"]);

// The grammar of distribution/reference, regexp.go.
const COMPONENT = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
const PATH = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);
const LABEL = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
const DOMAIN = new RegExp(`^(?:${LABEL}(?:\\.${LABEL})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?$`);
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const IDENTIFIER = /^[a-f0-9]{64}$/;

/** Throws `INVALID_ARGUMENT` with what is wrong about the name. */
export function parseReference(text: string): Reference {
  if (text === "") throw invalid(text, "it is empty");
  if (IDENTIFIER.test(text)) throw invalid(text, "64 hexadecimal digits are an id, not a name");

  const { name, tag, digest } = split(text);
  const { domain, path } = splitDomain(name);
  checkName(text, domain, path);
  if (tag !== undefined && !isTag(tag)) {
    throw invalid(text, `"${tag}" is not a tag: up to 128 letters, digits, "_", "." and "-"`);
  }
  if (digest !== undefined) {
    if (!isDigest(digest)) throw invalid(text, `"${digest}" is not a sha256 digest`);
    return { domain, path, ...(tag !== undefined && { tag }), digest };
  }
  return { domain, path, tag: tag ?? DEFAULT_TAG };
}

/** Whether it can stand before the first slash of a name: a host, with its port if it has one. */
export function isDomain(text: string): boolean {
  return DOMAIN.test(text);
}

/** As people write it: `busybox:latest`, without what is implied but the tag. */
export function familiar(reference: Reference): string {
  return familiarName(reference) + suffix(reference);
}

/** As `familiar`, without tag and digest: `busybox`. */
export function familiarName({ domain, path }: Reference): string {
  if (domain !== DEFAULT_DOMAIN) return `${domain}/${path}`;
  const short = path.slice(OFFICIAL_PREFIX.length);
  return path.startsWith(OFFICIAL_PREFIX) && !short.includes("/") ? short : path;
}

/** In full: `docker.io/library/busybox:latest`. */
export function canonical(reference: Reference): string {
  return `${reference.domain}/${reference.path}${suffix(reference)}`;
}

/** `library/busybox`: a name without the registry. */
export function isRepositoryPath(text: string): boolean {
  return text.length <= LONGEST_PATH && PATH.test(text);
}

export function isTag(text: string): boolean {
  return TAG.test(text);
}

/** Whether a tag was said, not implied. */
export function hasTag(text: string): boolean {
  return split(text).tag !== undefined;
}

/** Whether a registry was said, not implied. */
export function hasDomain(text: string): boolean {
  const { name } = split(text);
  return name.includes("/") && isHost(name.slice(0, name.indexOf("/")));
}

/** Whether the name is one that no image can have: `scratch`, `host`, with any tag. */
export function isReserved(name: string | Reference): boolean {
  if (typeof name !== "string") return RESERVED.has(familiarName(name));
  const reference = findReference(name);
  return reference !== undefined && RESERVED.has(familiarName(reference));
}

/** Throws `INVALID_ARGUMENT` for a name that an image cannot be given: reserved, or a digest. */
export function parseImageName(text: string): Reference {
  const reference = parseReference(text);
  if (isReserved(reference)) {
    throw new MarmitaError("INVALID_ARGUMENT", `"${familiarName(reference)}" is a reserved name`, {
      details: { name: text },
    });
  }
  if (reference.digest !== undefined) {
    throw invalid(text, "an image is given a tag; its digest follows from its content");
  }
  return reference;
}

/**
 * The name in an `org.opencontainers.image.ref.name` annotation, which may be anything. A bare
 * `latest` is only a tag, as some tools write it, and names nothing.
 */
export function findReference(text: string): Reference | undefined {
  if (text === DEFAULT_TAG) return undefined;
  try {
    return parseReference(text);
  } catch {
    return undefined;
  }
}

function split(text: string): { name: string; tag?: string; digest?: string } {
  const at = text.indexOf("@");
  const named = at < 0 ? text : text.slice(0, at);
  const digest = at < 0 ? {} : { digest: text.slice(at + 1) };
  // A colon before the last slash belongs to a port.
  const colon = named.indexOf(":", named.lastIndexOf("/") + 1);
  if (colon < 0) return { name: named, ...digest };
  return { name: named.slice(0, colon), tag: named.slice(colon + 1), ...digest };
}

/** The registry that a name begins with, or the one that is meant without; and the rest. */
export function splitDomain(name: string): { domain: string; path: string } {
  const slash = name.indexOf("/");
  const first = name.slice(0, slash);
  const isSaid = slash >= 0 && isHost(first);
  const domain = isSaid && first !== LEGACY_DOMAIN ? first : DEFAULT_DOMAIN;
  const path = isSaid ? name.slice(slash + 1) : name;
  const official = domain === DEFAULT_DOMAIN && !path.includes("/");
  return { domain, path: official ? OFFICIAL_PREFIX + path : path };
}

/** What has a dot, a port or a capital letter is a host; `localhost` always is. */
function isHost(first: string): boolean {
  return /[.:]/.test(first) || first === "localhost" || first.toLowerCase() !== first;
}

function checkName(text: string, domain: string, path: string): void {
  if (!DOMAIN.test(domain)) throw invalid(text, `"${domain}" is not a host`);
  if (path.length > LONGEST_PATH) {
    throw invalid(text, `a name has at most ${LONGEST_PATH} characters`);
  }
  if (PATH.test(path)) return;
  if (PATH.test(path.toLowerCase())) throw invalid(text, "a name is in lower case");
  throw invalid(text, "a name is letters, digits and single separators, in parts between slashes");
}

function suffix({ tag, digest }: Reference): string {
  return (tag === undefined ? "" : `:${tag}`) + (digest === undefined ? "" : `@${digest}`);
}

function invalid(text: string, reason: string): MarmitaError {
  const shown = text.length > 300 ? `${text.slice(0, 300)}…` : text;
  return new MarmitaError(
    "INVALID_ARGUMENT",
    `invalid image name ${JSON.stringify(shown)}: ${reason}`,
    {
      details: { name: shown },
    },
  );
}
