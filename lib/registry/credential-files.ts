/** Docker's `config.json` and Podman's `auth.json`: what they say of one registry. */
import { MarmitaError } from "../errors.ts";
import { errnoWords } from "../util/errno.ts";
import { type JsonObject, isJsonObject } from "../util/json.ts";
import { readText as readTextFile } from "../util/read-text.ts";
import { errnoOf, isMissing } from "../util/system-error.ts";
import { DOCKER_HUB, registryName } from "./configuration.ts";
import { type AskOptions, askHelper, programOf } from "./credential-helpers.ts";
import { type CredentialSource, type Credentials, namedOrToken } from "./credentials.ts";

/** What Docker calls its Hub in its files, and what helpers know it as. */
export const HUB_KEY = "https://index.docker.io/v1/";

/** A registry, and the repository where that is known: an entry may be for a part of a registry. */
export interface WantedCredentials {
  readonly domain: string;
  readonly path?: string | undefined;
}

export interface CredentialDocument {
  readonly name: string;
  readonly content: JsonObject;
}

export interface CredentialsOfDocument {
  readonly credentials: Credentials;
  /** `docker-credential-NAME`, where such a program had them. */
  readonly helper?: string;
}

/** `undefined` for what is not there; an empty file says nothing. Throws `CORRUPT`. */
export async function readDocument(
  source: CredentialSource,
): Promise<CredentialDocument | undefined> {
  const { name } = source;
  const text = source.text ?? (await readText(source));
  if (text === undefined || text.trim() === "") return undefined;
  return { name, content: parseDocument(text, name) };
}

/** No part of the text is in the error, nor its cause: it has secrets in it. */
export function parseDocument(text: string, name: string): JsonObject {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    throw unreadable(name, "it is not JSON");
  }
  if (isJsonObject(content)) return content;
  throw unreadable(name, "it is not a JSON object");
}

/** A helper that is named for the registry comes first, then what the file itself has. */
export async function findInDocument(
  document: CredentialDocument,
  wanted: WantedCredentials,
  options: AskOptions,
): Promise<CredentialsOfDocument | undefined> {
  const helper = helperFor(document.content, wanted.domain);
  if (helper === undefined) return entryFor(document, wanted);
  try {
    const credentials = await askHelper(helper, serverKey(wanted.domain), options);
    if (credentials !== undefined) return { credentials, helper: programOf(helper) };
  } catch (error) {
    const found = entryFor(document, wanted);
    if (found === undefined) throw error;
    return found;
  }
  return entryFor(document, wanted);
}

function entryFor(
  document: CredentialDocument,
  wanted: WantedCredentials,
): CredentialsOfDocument | undefined {
  const credentials = inFile(document, wanted);
  return credentials && { credentials };
}

/** The helper that keeps credentials of a registry: its own, or the one for all. */
export function helperFor(content: JsonObject, domain: string): string | undefined {
  const own = content["credHelpers"];
  if (isJsonObject(own)) {
    for (const [key, helper] of Object.entries(own)) {
      if (nameOfKey(key) === registryName(domain)) return word(helper);
    }
  }
  return word(content["credsStore"]);
}

/** How Docker names a registry in its file and to helpers. */
export function serverKey(domain: string): string {
  return registryName(domain) === DOCKER_HUB ? HUB_KEY : domain;
}

/** The keys of `auths` that mean this registry as a whole. */
export function keysOf(content: JsonObject, domain: string): readonly string[] {
  const auths = content["auths"];
  if (!isJsonObject(auths)) return [];
  return Object.keys(auths).filter((key) => nameOfKey(key) === registryName(domain));
}

/** Podman has entries for parts of a registry: the longest path that fits is meant. */
function inFile(
  { name: file, content }: CredentialDocument,
  { domain, path }: WantedCredentials,
): Credentials | undefined {
  const auths = content["auths"];
  if (!isJsonObject(auths)) return undefined;
  for (const wanted of namesFor(registryName(domain), path)) {
    // The exact name before spellings of it.
    const keys = Object.keys(auths).filter((key) => nameOfKey(key) === wanted);
    for (const key of keys.toSorted(
      (one, other) => Number(other === wanted) - Number(one === wanted),
    )) {
      const found = readEntry(auths[key], `${file}: the entry "${key}"`);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** `a.io/b/c`, `a.io/b`, `a.io`. */
function namesFor(domain: string, path: string | undefined): readonly string[] {
  const parts = path === undefined || path === "" ? [] : path.split("/");
  return [
    ...parts.map((_, index) => [domain, ...parts.slice(0, parts.length - index)].join("/")),
    domain,
  ];
}

/** Old keys are URLs, of which only the host counts; others are names, with a path or without. */
function nameOfKey(key: string): string {
  const withoutScheme = key.replace(/^https?:\/\//, "");
  if (withoutScheme !== key) return registryName(withoutScheme.split("/", 1)[0] ?? "");
  const [host = "", ...path] = key.split("/");
  return [registryName(host), ...path].join("/");
}

/** Docker leaves an empty entry where a helper keeps the rest. */
function readEntry(entry: unknown, what: string): Credentials | undefined {
  if (!isJsonObject(entry)) return undefined;
  const identityToken = word(entry["identitytoken"]);
  if (identityToken !== undefined) return { identityToken };
  const registryToken = word(entry["registrytoken"]);
  if (registryToken !== undefined) return { registryToken };
  const auth = word(entry["auth"]);
  if (auth !== undefined) return decodeAuth(auth, what);
  const username = word(entry["username"]);
  const password = word(entry["password"]);
  if (username === undefined || password === undefined) return undefined;
  return namedOrToken(username, password);
}

/** base64 of `name:password`. */
function decodeAuth(auth: string, what: string): Credentials | undefined {
  const text = Buffer.from(auth, "base64").toString("utf8");
  const colon = text.indexOf(":");
  if (colon < 0)
    throw unreadable(what, '"auth" is not the base64 of a name, a colon and a password');
  // Zero bytes at the end were written by old versions of Docker.
  const password = text.slice(colon + 1).replace(/\0+$/, "");
  const username = text.slice(0, colon);
  return username === "" && password === "" ? undefined : namedOrToken(username, password);
}

/** What a login leaves in `auths`: for a token, the name alone stands beside it. */
export function entryOf(username: string, credentials: Credentials): JsonObject {
  const auth = (text: string) => Buffer.from(text).toString("base64");
  if ("identityToken" in credentials) {
    return { auth: auth(`${username}:`), identitytoken: credentials.identityToken };
  }
  if ("registryToken" in credentials) return { registrytoken: credentials.registryToken };
  return { auth: auth(`${credentials.username}:${credentials.password}`) };
}

async function readText({ path, name, isRequired }: CredentialSource): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    return await readTextFile(path);
  } catch (cause) {
    const errno = errnoOf(cause);
    if (isMissing(cause)) {
      if (!isRequired) return undefined;
      throw new MarmitaError("NOT_FOUND", `the file of credentials ${name} is not there`, {
        cause,
        hint: "It was named by an option or by REGISTRY_AUTH_FILE; `marmita login` makes it.",
        details: { path },
      });
    }
    const words = errno === undefined ? "" : `: ${errnoWords(errno)}`;
    throw new MarmitaError("UNAVAILABLE", `cannot read the credentials in ${name}${words}`, {
      cause,
      errno,
      details: { path },
    });
  }
}

function unreadable(what: string, why: string): MarmitaError {
  return new MarmitaError("CORRUPT", `cannot read the credentials in ${what}: ${why}`, {
    hint: "Repair the file, or remove it and log in again.",
  });
}

function word(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
