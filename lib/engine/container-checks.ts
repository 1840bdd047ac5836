/** Checks of what a container is made with. */
import { isIP } from "node:net";
import { MarmitaError } from "../errors.ts";
import { parsePlatformText } from "../oci/platform.ts";
import { parseExtraHost } from "../runtime/extra-hosts.ts";
import { type Checks, entries, flag, isText, quote, word, words, wrong } from "../util/check.ts";
import { CONFINEMENT_CHECKS, hostname } from "./confinement-checks.ts";
import type { ContainerOptions } from "./container-options.ts";
import { healthcheck } from "./health-checks.ts";
import { log } from "./log-options.ts";
import { isNetworkMode } from "./network-modes.ts";
import { insidePath, mounts } from "./mount-checks.ts";
import { restart } from "./restart-policy.ts";
import { SECURITY_CHECKS } from "./security-checks.ts";
import { parseVolumesFrom } from "./volumes-from.ts";

/** Docker's rule for names of containers. */
export const CONTAINER_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
const NAME_MAX = 128;

export const CONTAINER_CHECKS: Checks<ContainerOptions> = {
  name: containerName,
  env: environment,
  user,
  workdir: insidePath,
  entrypoint,
  hostname,
  labels,
  mounts,
  volumesFrom,
  readOnly: flag,
  platform,
  remove: flag,
  restart,
  healthcheck,
  log,
  openStdin: flag,
  tty: flag,
  network,
  dns,
  dnsSearch: words,
  dnsOptions: words,
  extraHosts,
  ...CONFINEMENT_CHECKS,
  ...SECURITY_CHECKS,
};

function platform(value: unknown, name: string): void {
  word(value, name);
  try {
    parsePlatformText(String(value));
  } catch {
    throw wrong(name, 'os/arch[/variant], as in "linux/amd64"', value);
  }
}

export function containerName(value: unknown, name: string): void {
  if (isText(value) && CONTAINER_NAME.test(value) && value.length <= NAME_MAX) return;
  throw wrong(name, `${NAME_MAX} characters or less of [a-zA-Z0-9][a-zA-Z0-9_.-]+`, value);
}

function environment(value: unknown, name: string): void {
  for (const [key, text] of entries(value, name)) {
    if (key === "" || key.includes("=") || !isText(key)) {
      throw wrong(name, 'an object whose keys are not empty and have no "="', key);
    }
    if (text !== undefined && !isText(text)) throw wrong(`${name}.${key}`, "a string", text);
  }
}

function labels(value: unknown, name: string): void {
  for (const [key, text] of entries(value, name)) {
    if (key === "") throw wrong(name, "an object whose keys are not empty", key);
    if (typeof text !== "string") throw wrong(`${name}.${key}`, "a string", text);
  }
}

function user(value: unknown, name: string): void {
  if (isText(value) && /^[^:\s]*(?::[^:\s]+)?$/.test(value) && value !== "") return;
  throw wrong(name, "user, user:group, or numbers", value);
}

function entrypoint(value: unknown, name: string): void {
  if (value === null || isText(value)) return;
  words(value, name);
}

function volumesFrom(value: unknown, name: string): void {
  words(value, name);
  for (const item of Object.values(Object.assign({}, value))) parseVolumesFrom(String(item));
}

function network(value: unknown, name: string): void {
  word(value, name);
  if (isNetworkMode(value)) return;
  throw new MarmitaError("UNSUPPORTED", `network ${quote(value)} is not supported`, {
    hint: 'Use network "private", "none", "host" or "container:NAME".',
    details: { option: name, value },
  });
}

function dns(value: unknown, name: string): void {
  words(value, name);
  for (const address of value as readonly string[]) {
    if (isIP(address) === 0) throw wrong(name, "IP addresses", address);
  }
}

function extraHosts(value: unknown, name: string): void {
  words(value, name);
  for (const text of value as readonly string[]) parseExtraHost(text);
}
