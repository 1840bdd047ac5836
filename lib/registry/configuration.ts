/** Which registries are asked, and how: what the user set in `registries.json` or in code. */
import { homedir } from "node:os";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { MarmitaError, isMarmitaError } from "../errors.ts";
import {
  type Checks,
  check,
  entries,
  flag,
  isText,
  wholeNumber,
  word,
  wrong,
} from "../util/check.ts";
import { parseJson } from "../util/json.ts";
import { readText } from "../util/read-text.ts";
import { said } from "../util/said.ts";
import { errnoOf } from "../util/system-error.ts";
import { errnoWords } from "../util/errno.ts";

/** The content of `registries.json`, and the option `registries` of an engine. */
export interface RegistriesOptions {
  /**
   * Where a name without a registry is looked for, one after the other: `["docker.io", "quay.io"]`.
   * Default: `docker.io`.
   */
  readonly shortNames?: string | readonly string[];
  /** By host as image names have it: `docker.io`, `registry.example.com:5000`; also of mirrors. */
  readonly registries?: Readonly<Record<string, RegistrySettings>>;
}

export interface RegistrySettings {
  /** URLs of registries to ask first when something is pulled: `https://mirror.example.com`. */
  readonly mirrors?: readonly string[];
  /**
   * Take certificates that nobody vouches for; where there is no TLS, do without. Default: true for
   * `localhost`, 127.0.0.0/8 and ::1, as in Docker, else false.
   */
  readonly insecure?: boolean;
  /** Never ask it, nor its mirrors: its images are those that are here. */
  readonly blocked?: boolean;
  /** A file of certificates (PEM) that vouch for the registry, beside those that always do. */
  readonly ca?: string;
  /** A file with the certificate (PEM) to show to the registry; together with `key`. */
  readonly cert?: string;
  /** A file with the certificate's key (PEM). */
  readonly key?: string;
  readonly timeouts?: RegistryTimeouts;
}

/** In milliseconds. */
export interface RegistryTimeouts {
  /** Until there is a connection, with TLS and through a proxy. Default: 30 s. */
  readonly connectMs?: number;
  /** From the end of a request to the end of the answer's headers. Default: 60 s. */
  readonly headersMs?: number;
  /** Without a byte, while content is sent or received. Default: 60 s. */
  readonly idleMs?: number;
  /** Until a small document is here whole: a manifest, a token, an error, tags. Default: 60 s. */
  readonly documentMs?: number;
}

/** As checked, with defaults. */
export interface RegistriesConfiguration {
  readonly shortNames: readonly string[];
  /** `docker.io` has one name here, whichever of its hosts was configured. */
  readonly registries: ReadonlyMap<string, RegistrySettings>;
  /** Where it is from, for messages: a path, or `options of the engine`. */
  readonly source: string;
}

export const DOCKER_HUB = "docker.io";
const HUB_NAMES = new Set([DOCKER_HUB, "index.docker.io", "registry-1.docker.io"]);
const TIMER_MAX_MS = 2 ** 31 - 1;
const HOST = /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[a-fA-F0-9:]+\])(?::[0-9]{1,5})?$/;

const milliseconds = wholeNumber("milliseconds", 1, TIMER_MAX_MS);
const TIMEOUTS: Checks<RegistryTimeouts> = {
  connectMs: milliseconds,
  headersMs: milliseconds,
  idleMs: milliseconds,
  documentMs: milliseconds,
};
const SETTINGS: Checks<RegistrySettings> = {
  mirrors,
  insecure: flag,
  blocked: flag,
  ca: word,
  cert: word,
  key: word,
  timeouts: (value, name) => checkPart(TIMEOUTS, value, name),
};
const OPTIONS: Checks<RegistriesOptions> = { shortNames, registries };

/** Throws `INVALID_ARGUMENT` with the place of what is wrong. */
export function checkRegistriesOptions(value: unknown, name = "registries"): void {
  checkPart(OPTIONS, value, name);
}

/**
 * What `options` say, else the file `$MARMITA_REGISTRIES`, else `marmita/registries.json` under
 * `$XDG_CONFIG_HOME` or `~/.config`, which may be absent. Throws `INVALID_ARGUMENT` for a wrong one
 * and `UNAVAILABLE` for one that cannot be read.
 */
export async function loadConfiguration(
  options: RegistriesOptions | undefined,
  env: NodeJS.ProcessEnv = process.env,
): Promise<RegistriesConfiguration> {
  if (options !== undefined) {
    checkRegistriesOptions(options);
    return configurationOf(options, { source: "options of the engine", directory: "." });
  }
  const asked = said(env["MARMITA_REGISTRIES"]);
  const path = asked === undefined ? defaultPath(env) : resolve(asked);
  const text = await readIfThere(path, asked !== undefined);
  if (text === undefined) return configurationOf({}, { source: path, directory: "." });
  return configurationOf(parse(text, path), { source: path, directory: dirname(path) });
}

/** The name under which a registry is configured. */
export function registryName(domain: string): string {
  const name = domain.toLowerCase();
  return HUB_NAMES.has(name) ? DOCKER_HUB : name;
}

/** Where users keep their own settings. */
export function configHome(env: NodeJS.ProcessEnv): string {
  const home = said(env["XDG_CONFIG_HOME"]);
  // The base directory specification has relative paths ignored.
  if (home !== undefined && isAbsolute(home)) return home;
  return join(said(env["HOME"]) ?? homedir(), ".config");
}

function defaultPath(env: NodeJS.ProcessEnv): string {
  return join(configHome(env), "marmita", "registries.json");
}

interface Origin {
  readonly source: string;
  /** What paths are relative to. */
  readonly directory: string;
}

function configurationOf(
  { shortNames: short = DOCKER_HUB, registries: all = {} }: RegistriesOptions,
  { source, directory }: Origin,
): RegistriesConfiguration {
  const named = typeof short === "string" ? [short] : short;
  const found = new Map<string, RegistrySettings>();
  for (const [host, settings] of Object.entries(all)) {
    found.set(registryName(host), withPaths(settings, directory));
  }
  return { shortNames: named.map(registryName), registries: found, source };
}

function withPaths(settings: RegistrySettings, directory: string): RegistrySettings {
  const { ca, cert, key } = settings;
  return {
    ...settings,
    ...(ca !== undefined && { ca: resolve(directory, ca) }),
    ...(cert !== undefined && { cert: resolve(directory, cert) }),
    ...(key !== undefined && { key: resolve(directory, key) }),
  };
}

async function readIfThere(path: string, isNeeded: boolean): Promise<string | undefined> {
  try {
    return await readText(path);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ENOENT" && !isNeeded) return undefined;
    if (errno === undefined) throw error;
    throw new MarmitaError("UNAVAILABLE", `read ${path}: ${errnoWords(errno)}`, {
      cause: error,
      errno,
      ...(isNeeded && { hint: "MARMITA_REGISTRIES names this file." }),
      details: { path },
    });
  }
}

function parse(text: string, path: string): RegistriesOptions {
  try {
    const json = parseJson(text, path);
    checkRegistriesOptions(json, "file");
    return json as RegistriesOptions;
  } catch (error) {
    if (!isMarmitaError(error)) throw error;
    const why = error.code === "CORRUPT" ? "it is not JSON" : error.message;
    throw new MarmitaError("INVALID_ARGUMENT", `${path}: ${why}`, {
      cause: error,
      details: { ...error.details, path },
    });
  }
}

/** The options of an object inside of another: what is unknown is told with its place. */
function checkPart<Options extends object>(
  checks: Checks<Options>,
  value: unknown,
  name: string,
): void {
  const known = new Set(Object.keys(checks));
  for (const [key] of entries(value, name)) {
    if (known.has(key)) continue;
    throw new MarmitaError("INVALID_ARGUMENT", `unknown key ${JSON.stringify(key)} in ${name}`, {
      details: { option: key },
    });
  }
  check(checks, value as Options);
}

function shortNames(value: unknown, name: string): void {
  const all = Array.isArray(value) ? (value as unknown[]) : [value];
  if (all.length > 0 && all.every((one) => isText(one) && HOST.test(one))) return;
  throw wrong(name, "a registry's host or an array of hosts", value);
}

function registries(value: unknown, name: string): void {
  for (const [host, settings] of entries(value, name)) {
    if (!HOST.test(host)) throw wrong(name, 'an object with keys like "example.com:5000"', host);
    checkPart(SETTINGS, settings, `settings of ${host}`);
    const { cert, key } = settings as RegistrySettings;
    if ((cert === undefined) === (key === undefined)) continue;
    throw new MarmitaError("INVALID_ARGUMENT", `settings of ${host}: "cert" and "key" go together`);
  }
}

function mirrors(value: unknown, name: string): void {
  if (Array.isArray(value) && value.every(isMirrorUrl)) return;
  throw wrong(name, 'an array of URLs like "https://mirror.example.com"', value);
}

/** Without a password: the file is not kept like one of passwords. */
function isMirrorUrl(value: unknown): boolean {
  if (typeof value !== "string" || !URL.canParse(value)) return false;
  const { protocol, username, password, search, hash } = new URL(value);
  const isPlain = username === "" && password === "" && search === "" && hash === "";
  return (protocol === "https:" || protocol === "http:") && isPlain;
}
