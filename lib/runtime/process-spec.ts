/** The `process` of config.json: command, environment, user. */
import { posix } from "node:path";
import { MarmitaError } from "../errors.ts";
import type { Capabilities, Process, User } from "../oci/runtime-spec.ts";
import type { Security } from "./security.ts";
import {
  hostnameOf,
  type ImageDefaults,
  sizeOf,
  type SpecInput,
  type SpecOptions,
} from "./spec-input.ts";
import { rlimits } from "./ulimits.ts";

/** Where an image says nothing else. */
export const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Throws `INVALID_ARGUMENT` where neither image nor caller name a command. */
export function processSpec(input: SpecInput, security: Security): Process {
  const { image, options } = input;
  return {
    ...terminalSpec(input),
    user: userSpec(userText(input), options),
    args: commandLine(image, options),
    env: environment(input),
    cwd: posix.resolve("/", options.workdir ?? image.WorkingDir ?? "/"),
    capabilities: capabilitySets(userText(input), security),
    noNewPrivileges: security.noNewPrivileges,
    ...(options.ulimits !== undefined && { rlimits: rlimits(options.ulimits) }),
    ...(options.oomScoreAdj !== undefined && { oomScoreAdj: options.oomScoreAdj }),
  };
}

/** Without ambient ones a user who is not root would have none at all (capabilities(7)). */
function capabilitySets(user: string, { capabilities, ambient }: Security): Capabilities {
  const isRoot = /^(?:0|root)?(?::|$)/.test(user);
  return {
    bounding: capabilities,
    effective: capabilities,
    permitted: capabilities,
    ...(!isRoot && ambient.length > 0 && { inheritable: ambient, ambient }),
  };
}

function terminalSpec({ options, terminalSize }: SpecInput) {
  if (options.tty !== true) return { terminal: false };
  const { columns, rows } = sizeOf(terminalSize);
  return { terminal: true, consoleSize: { height: rows, width: columns } };
}

/** An entrypoint of the caller's own drops the image's command with the image's entrypoint. */
function commandLine(image: ImageDefaults, options: SpecOptions): readonly string[] {
  const { entrypoint, command = [] } = options;
  const first = entrypoint === undefined ? image.Entrypoint : asList(entrypoint);
  const rest = command.length > 0 || entrypoint !== undefined ? command : image.Cmd;
  const args = [...(first ?? []), ...(rest ?? [])];
  if (args.length > 0) return args;
  throw new MarmitaError("INVALID_ARGUMENT", "no command specified, and the image has none");
}

function asList(entrypoint: string | readonly string[] | null): readonly string[] {
  if (entrypoint === null || entrypoint === "") return [];
  return typeof entrypoint === "string" ? [entrypoint] : entrypoint;
}

/** PATH and HOSTNAME, TERM with a terminal, then the caller's, then the image's, each name once (moby's order). */
function environment(input: SpecInput): readonly string[] {
  const asked = Object.entries(input.options.env ?? {}).flatMap(([name, value]) => {
    return value === undefined ? [] : [[name, value] as const];
  });
  const names = new Map(asked.map(([name]) => [name, true]));
  const inherited = (input.image.Env ?? []).flatMap((line) => {
    const at = line.indexOf("=");
    const name = line.slice(0, at);
    return at < 1 || names.has(name) ? [] : [[name, line.slice(at + 1)] as const];
  });
  const all = new Map([
    ["PATH", DEFAULT_PATH],
    ["HOSTNAME", hostnameOf(input)],
    ...(input.options.tty === true ? [["TERM", "xterm"] as const] : []),
    ...asked,
    ...inherited,
  ]);
  return [...all].map(([name, value]) => `${name}=${value}`);
}

function userText({ image, options, keep }: SpecInput): string {
  const asked = options.user ?? (image.User === "" ? undefined : image.User);
  if (asked !== undefined && asked !== "") return asked;
  return keep === undefined ? "0" : `${keep.uid}:${keep.gid}`;
}

/** Our own plan looks `username` up inside; another runtime takes the numbers, root for names. */
function userSpec(text: string, { umask, groupAdd = [] }: SpecOptions): User {
  const [user = "", group = ""] = text.split(":");
  const groups = groupAdd.filter((one) => /^\d{1,10}$/.test(one)).map(Number);
  return {
    uid: numberOr(user, 0),
    gid: numberOr(group, 0),
    ...(umask !== undefined && { umask }),
    ...(groups.length > 0 && { additionalGids: groups }),
    username: text,
  };
}

function numberOr(text: string, fallback: number): number {
  return /^\d{1,10}$/.test(text) ? Number(text) : fallback;
}
