/** Dockerfile instructions that change an image's config: `import -c`, `commit -c`. */
import { posix } from "node:path";

import { MarmitaError } from "../errors.ts";
import { type ContainerDefaults, emptyObjects } from "../oci/image-config.ts";
import { parseHealthcheck } from "./healthcheck.ts";
import { type Variables, expandWord, splitWords } from "./words.ts";

type Defaults = { -readonly [Key in keyof ContainerDefaults]: ContainerDefaults[Key] };

/** One instruction being carried out. */
interface Change {
  readonly config: Defaults;
  /** All that follows the instruction's name. */
  readonly text: string;
  readonly words: readonly string[];
  readonly expand: (word: string) => string;
  /** Whether an earlier change set CMD. */
  readonly hasCmd: boolean;
}

const INSTRUCTIONS: Readonly<Record<string, (change: Change) => void>> = {
  CMD: setCmd,
  ENTRYPOINT: setEntrypoint,
  ENV: addEnv,
  EXPOSE: addPorts,
  HEALTHCHECK: ({ config, text }) => {
    config.Healthcheck = parseHealthcheck(text, (command) => commandOf(config, command));
  },
  LABEL: addLabels,
  ONBUILD: addTrigger,
  STOPSIGNAL: setStopSignal,
  USER: ({ config, words, expand }) => {
    config.User = expand(only(words));
  },
  VOLUME: addVolumes,
  WORKDIR: setWorkdir,
};

/** Throws `INVALID_ARGUMENT` naming the instruction that is wrong. */
export function applyChanges(
  defaults: ContainerDefaults,
  changes: readonly string[],
): ContainerDefaults {
  const config: Defaults = { ...defaults };
  let hasCmd = false;
  for (const line of logicalLines(changes)) {
    const [, name = "", text = ""] = /^(\S+)\s*([^]*)$/.exec(line) ?? [];
    const instruction = name.toUpperCase();
    const carryOut = Object.hasOwn(INSTRUCTIONS, instruction)
      ? INSTRUCTIONS[instruction]
      : undefined;
    try {
      if (carryOut === undefined) {
        const known = Object.keys(INSTRUCTIONS).join(", ");
        throw new SyntaxError(`${instruction} is not one of ${known}`);
      }
      if (text === "") throw new SyntaxError("it needs an argument");
      const variables = environment(config);
      const expand = (word: string) => expandWord(word, variables);
      carryOut({ config, text, words: splitWords(text), expand, hasCmd });
    } catch (cause) {
      if (!(cause instanceof SyntaxError)) throw cause;
      const message = `change ${JSON.stringify(line)}: ${cause.message}`;
      throw new MarmitaError("INVALID_ARGUMENT", message, { cause, details: { change: line } });
    }
    if (instruction === "CMD") hasCmd = true;
  }
  return config;
}

/** Comments and empty lines left out, lines that end in a backslash joined with the next. */
function logicalLines(changes: readonly string[]): readonly string[] {
  return changes.flatMap((change) =>
    change
      .split("\n")
      .filter((line) => !/^\s*#/.test(line))
      .join("\n")
      .replaceAll(/\\[ \t]*\n/g, "")
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== ""),
  );
}

function environment({ Env = [] }: Defaults): Variables {
  return new Map(
    Env.map((text): [string, string] => {
      const equals = text.indexOf("=");
      return equals < 0 ? [text, ""] : [text.slice(0, equals), text.slice(equals + 1)];
    }),
  );
}

function setCmd({ config, text }: Change): void {
  config.Cmd = commandOf(config, text);
}

/**
 * A base image's CMD was made for its own ENTRYPOINT: it goes with that for another one, unless it
 * was set just now. Where there is to be no ENTRYPOINT, it stays (moby, daemon/commit.go, merge).
 */
function setEntrypoint({ config, text, hasCmd }: Change): void {
  const command = commandOf(config, text);
  config.Entrypoint = command.length === 0 ? undefined : command;
  if (!hasCmd && command.length > 0) config.Cmd = undefined;
}

function addEnv({ config, text, words, expand }: Change): void {
  const environment = new Map((config.Env ?? []).map((entry) => [entry.split("=")[0], entry]));
  for (const [name, value] of nameValues(text, words)) {
    const key = expand(name);
    if (key === "") throw new SyntaxError("a name must not be empty");
    environment.set(key, `${key}=${expand(value)}`);
  }
  config.Env = [...environment.values()];
}

function addLabels({ config, text, words, expand }: Change): void {
  const labels = nameValues(text, words).map(([name, value]) => {
    const key = expand(name);
    if (key === "") throw new SyntaxError("a name must not be empty");
    return [key, expand(value)] as const;
  });
  config.Labels = { ...config.Labels, ...Object.fromEntries(labels) };
}

/** `a=1 b="2 3"`, or the old form `a the rest`. */
function nameValues(text: string, words: readonly string[]): readonly [string, string][] {
  const [first = ""] = words;
  if (!first.includes("=")) {
    const value = text.slice(first.length).trim();
    if (value === "") throw new SyntaxError("it needs a name and a value: name=value");
    return [[first, value]];
  }
  return words.map((word): [string, string] => {
    const equals = word.indexOf("=");
    if (equals < 0) throw new SyntaxError(`${word} has no "=": expected name=value`);
    return [word.slice(0, equals), word.slice(equals + 1)];
  });
}

function addPorts({ config, words, expand }: Change): void {
  const ports = words.flatMap((word) => portsOf(expand(word)));
  config.ExposedPorts = { ...config.ExposedPorts, ...emptyObjects(ports) };
}

/** `80`, `53/udp`, `8000-8002/tcp`. */
function portsOf(text: string): readonly string[] {
  const [, first = "", last = first, protocol = "tcp"] =
    /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/i.exec(text) ?? [];
  const [from, to] = [Number(first), Number(last)];
  if (first === "" || from > to || to > 65_535) throw new SyntaxError(`${text} is not a port`);
  const numbers = Array.from({ length: to - from + 1 }, (_, index) => from + index);
  return numbers.map((number) => `${number}/${protocol.toLowerCase()}`);
}

function addVolumes({ config, text, words, expand }: Change): void {
  const volumes = (jsonWords(text) ?? words).map(expand);
  if (volumes.includes("")) throw new SyntaxError("a volume's path must not be empty");
  config.Volumes = { ...config.Volumes, ...emptyObjects(volumes) };
}

function setWorkdir({ config, text, expand }: Change): void {
  const path = posix.resolve(config.WorkingDir || "/", expand(text));
  config.WorkingDir = path;
}

function setStopSignal({ config, words, expand }: Change): void {
  const signal = expand(only(words)).toUpperCase();
  if (!/^(?:SIG)?(?:RTM(?:IN|AX)(?:[+-]\d{1,2})?|[A-Z]{2,6}\d?)$|^\d{1,2}$/.test(signal)) {
    throw new SyntaxError(`${signal} is not a signal`);
  }
  config.StopSignal = /^\d|^SIG/.test(signal) ? signal : `SIG${signal}`;
}

function addTrigger({ config, text, words }: Change): void {
  const trigger = (words[0] ?? "").toUpperCase();
  if (trigger === "ONBUILD") throw new SyntaxError("ONBUILD must not be in an ONBUILD");
  if (trigger === "FROM" || trigger === "MAINTAINER") {
    throw new SyntaxError(`${trigger} must not be in an ONBUILD`);
  }
  config.OnBuild = [...(config.OnBuild ?? []), text];
}

/** The list in its JSON form, or a line for the shell. */
function commandOf({ Shell }: Defaults, text: string): readonly string[] {
  return jsonWords(text) ?? [...(Shell ?? ["/bin/sh", "-c"]), text];
}

/** As Docker has it, what only looks like a JSON list of texts is no mistake but a line of words. */
function jsonWords(text: string): readonly string[] | undefined {
  if (!text.startsWith("[")) return undefined;
  try {
    const words: unknown = JSON.parse(text);
    return Array.isArray(words) && words.every((word) => typeof word === "string")
      ? words
      : undefined;
  } catch {
    return undefined;
  }
}

function only(words: readonly string[]): string {
  const [word, ...others] = words;
  if (word === undefined || others.length > 0) throw new SyntaxError("it takes one argument");
  return word;
}
